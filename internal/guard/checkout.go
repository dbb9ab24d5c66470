package guard

import (
	"errors"
	"fmt"
	"strings"

	"infra/internal/fault"
)

// GitFacts is what git knows about the project's folder. The zero value is a
// folder that is no repository.
type GitFacts struct {
	Repository  bool
	Problem     string   // why git could not answer; empty when it did, or when the folder is simply no repository
	Commit      string   // of HEAD, 40 hex digits; empty before the first commit
	Branch      string   // that is checked out; empty when HEAD is detached
	Main        string   // the main branch by name, without its remote; empty when none was found
	Dirty       []string // files below the folder that differ from Commit, sorted: untracked ones too, and ignored ones that Terraform or Ansible read
	Remote      string   // the remote that Main belongs to; empty when the repository has none
	RemoteKnown bool     // the remote was asked for its main branch, and answered
	OnMain      bool     // Commit is on the main branch: its head, or before it
	Behind      int      // commits that Main has and Commit has not; at least 1 when the number cannot be told
	Shallow     bool     // the history is cut off, so that OnMain may be false only for that
}

// Git refuses to change a protected environment from anything but a clean
// checkout of the main branch's newest commit, as the remote has it: what is
// applied is what was reviewed. allowDirty lets everything through.
func Git(f GitFacts, environment string, protected, allowDirty bool) error {
	if !protected || allowDirty {
		return nil
	}
	var wrong, mend []string
	say := func(command, format string, args ...any) {
		wrong, mend = append(wrong, fmt.Sprintf(format, args...)), append(mend, command)
	}
	switch {
	case !f.Repository && f.Problem != "":
		say("git status", "git cannot read the project: %s", shown(f.Problem))
	case !f.Repository:
		say("git clone ...", "the project is in no git repository, so nobody can tell what would be applied")
	case f.Commit == "":
		say("git commit", "there is no commit yet")
	default:
		f.checkTree(say)
		f.checkMain(say)
	}
	if len(wrong) == 0 {
		return nil
	}
	return fault.New(fault.Refused, "check what "+environment+" is changed from", errors.New(strings.Join(wrong, "; ")),
		mend[0]+"; or add --allow-dirty, if it is meant")
}

func (f GitFacts) checkTree(say func(command, format string, args ...any)) {
	const most = 3 // names in a message
	if len(f.Dirty) == 0 {
		return
	}
	var names []string
	for _, name := range f.Dirty[:min(most, len(f.Dirty))] {
		names = append(names, shown(name))
	}
	if rest := len(f.Dirty) - most; rest > 0 {
		names = append(names, fmt.Sprintf("and %d more", rest))
	}
	say("git stash --include-untracked", "what is in the folder is not what was committed: %s", strings.Join(names, ", "))
}

func (f GitFacts) checkMain(say func(command, format string, args ...any)) {
	main, update := shown(f.Main), "git pull --ff-only"
	if f.Remote != "" {
		main = shown(f.Remote) + "/" + main
	}
	if f.Branch != f.Main {
		update = "git switch " + shellQuote(shown(f.Main)) + " && " + update
	}
	switch {
	case f.Main == "":
		say("git remote set-head origin --auto", "no main branch was found")
	case f.Remote != "" && !f.RemoteKnown:
		say("git fetch "+shellQuote(shown(f.Remote)), "the remote %s did not answer, so nobody can tell whether %s has moved on", shown(f.Remote), main)
	case !f.OnMain && f.Shallow:
		say("git fetch --unshallow", "commit %s is not the head of %s, and the history of this checkout is cut off", short(f.Commit), main)
	case !f.OnMain:
		say(update, "commit %s is not on %s", short(f.Commit), main)
	case f.Behind > 0:
		say(update, "commit %s is behind %s by %d", short(f.Commit), main, f.Behind)
	}
}

// short is as much of a digest as people compare.
func short(digest string) string {
	const letters = 12
	return shown(digest[:min(letters, len(digest))])
}
