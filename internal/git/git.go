// Package git asks the git program what is checked out: the commit, what
// differs from it, and where it stands to the main branch. It reads only, and
// never waits for a person.
package git

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"infra/internal/guard"
)

// remoteLimit is how long the remote may take to name its main branch.
const remoteLimit = 10 * time.Second

// origin is the remote whose main branch counts: what a clone calls it.
const origin = "origin"

// Look describes the checkout that holds the folder dir. With remote, the
// remote `origin` is asked for its main branch (bounded to 10 s; one that does
// not answer leaves RemoteKnown false); without, what the last fetch brought
// counts. A machine without git, a folder outside of any repository, or a
// repository that git refuses to read is no error: Repository is false and
// Problem says why. An error means that ctx ended.
func Look(ctx context.Context, dir string, remote bool) (guard.GitFacts, error) {
	return look(ctx, dir, remote, remoteLimit)
}

// look is Look with the remote's deadline.
func look(ctx context.Context, dir string, remote bool, limit time.Duration) (guard.GitFacts, error) {
	facts, err := ask(ctx, program{dir: dir}, remote, limit)
	if ctx.Err() != nil {
		return guard.GitFacts{}, fmt.Errorf("look at the checkout: %w", context.Cause(ctx))
	}
	if err != nil {
		return guard.GitFacts{Problem: problem(err)}, nil
	}
	return facts, nil
}

// ask puts the questions side by side where none needs another's answer.
func ask(ctx context.Context, git program, remote bool, limit time.Duration) (guard.GitFacts, error) {
	var tree tree
	var local, theirs refs
	var hasRemote bool
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		tree, err = git.tree(inner)
		return err
	})
	group.Go(func() (err error) {
		local, err = git.refs(inner)
		return err
	})
	group.Go(func() (err error) {
		url, err := git.remoteURL(inner)
		if hasRemote = url != ""; err != nil || !hasRemote || !remote {
			return err
		}
		deadline, cancel := context.WithTimeout(inner, limit)
		defer cancel()
		theirs = git.remoteRefs(deadline, url)
		return nil
	})
	if err := group.Wait(); err != nil {
		return guard.GitFacts{}, err
	}
	facts := guard.GitFacts{Repository: true, Commit: tree.commit, Branch: tree.branch, Dirty: tree.dirty, RemoteKnown: len(theirs.commits) > 0}
	prefix := "refs/heads/"
	if hasRemote {
		facts.Remote, prefix = origin, "refs/remotes/"+origin+"/"
	}
	var commit string
	facts.Main, commit = local.main(prefix)
	tracked := commit
	if facts.RemoteKnown {
		facts.Main, commit = theirs.main("refs/heads/")
		tracked = local.commits[prefix+facts.Main]
	}
	facts.OnMain, facts.Behind = git.compare(ctx, facts.Commit, commit, tracked)
	if !facts.OnMain {
		facts.Shallow = git.shallow(ctx)
	}
	return facts, nil
}

// compare tells whether a commit is on the main branch, whose head is main,
// and by how much it is behind. tracked is the main branch's head as it was at
// the last fetch: all that is here of the branch when main itself is not.
func (g program) compare(ctx context.Context, commit, main, tracked string) (onMain bool, behind int) {
	switch {
	case commit == "" || main == "":
		return false, 0
	case commit == main:
		return true, 0
	}
	if ahead, behind, ok := g.count(ctx, commit, main); ok {
		return ahead == 0, behind
	}
	// The remote has moved on since the last fetch.
	if tracked == "" || tracked == main {
		return false, 1
	}
	onMain, behind = g.compare(ctx, commit, tracked, "")
	return onMain, behind + 1
}

// problem is why git gave no answer, in its own words; empty when the folder
// is simply in no repository.
func problem(err error) string {
	var failed *failure
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "there is no git program on this machine"
	case errors.As(err, &failed) && strings.Contains(failed.said, "not a git repository"):
		return ""
	default:
		return err.Error()
	}
}
