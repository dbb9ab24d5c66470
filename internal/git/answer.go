package git

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// tree is what `git status` says.
type tree struct {
	commit, branch string
	dirty          []string
}

// tree asks for the commit and for what differs from it below the folder.
func (g program) tree(ctx context.Context) (tree, error) {
	out, err := g.run(ctx, nil, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--ignored=matching", "--ignore-submodules=none", "--", ".")
	if err != nil {
		return tree{}, err
	}
	return parseTree(out), nil
}

// parseTree reads the second porcelain format with NUL between entries.
func parseTree(out string) tree {
	var t tree
	entries := strings.Split(out, "\x00")
	for i := 0; i < len(entries); i++ {
		kind, rest, _ := strings.Cut(entries[i], " ")
		path := ""
		switch kind {
		case "#":
			name, value, _ := strings.Cut(rest, " ")
			switch {
			case name == "branch.oid" && value != "(initial)":
				t.commit = value
			case name == "branch.head" && value != "(detached)":
				t.branch = value
			}
		case "1":
			path = field(rest, 7)
		case "2": // renamed: the old name is an entry of its own
			path = field(rest, 8)
			i++
		case "u":
			path = field(rest, 9)
		case "?":
			path = rest
		case "!":
			if loaded(rest) {
				path = rest
			}
		}
		if path != "" {
			t.dirty = append(t.dirty, path)
		}
	}
	slices.Sort(t.dirty)
	return t
}

// loaded tells whether Terraform or Ansible reads a file without being told
// to. Whether a person's or the repository's settings ignore it makes it no
// less a part of what is applied.
func loaded(path string) bool {
	for _, end := range []string{".tf", ".tf.json", ".tfvars", ".tfvars.json"} {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	return strings.Contains(path, "group_vars/") || strings.Contains(path, "host_vars/")
}

// field is what follows the first n words of text.
func field(text string, n int) string {
	parts := strings.SplitN(text, " ", n+1)
	return parts[len(parts)-1]
}

// refs are branches by their full name, with their commits.
type refs struct {
	head    string // full name of the branch that HEAD of the remote points to; empty when not known
	commits map[string]string
}

// main is the main branch: what the remote's HEAD points to, else main or
// master. prefix is what stands before a branch's name.
func (r refs) main(prefix string) (name, commit string) {
	for _, full := range []string{r.head, prefix + "main", prefix + "master"} {
		if commit := r.commits[full]; commit != "" {
			return strings.TrimPrefix(full, prefix), commit
		}
	}
	return "", ""
}

// refs asks for the local branches, and the remote's as of the last fetch.
func (g program) refs(ctx context.Context) (refs, error) {
	const remote = "refs/remotes/" + origin
	out, err := g.run(ctx, nil, "for-each-ref", "--format=%(objectname) %(refname) %(symref)", "refs/heads/main", "refs/heads/master", remote)
	if err != nil {
		return refs{}, err
	}
	r := refs{commits: map[string]string{}}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 3 && fields[1] == remote+"/HEAD":
			r.head = fields[2]
		case len(fields) == 2:
			r.commits[fields[1]] = fields[0]
		}
	}
	return r, nil
}

// remoteURL is empty when there is no remote.
func (g program) remoteURL(ctx context.Context) (string, error) {
	out, err := g.run(ctx, nil, "config", "--get", "remote."+origin+".url")
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == 1 {
		return "", nil
	}
	return strings.TrimSpace(out), err
}

// remoteRefs asks the remote; one that does not answer has none.
func (g program) remoteRefs(ctx context.Context, url string) refs {
	var extra []string
	if strings.Contains(url, "codecommit") {
		for _, pair := range os.Environ() {
			if strings.HasPrefix(pair, "AWS_") {
				extra = append(extra, pair)
			}
		}
	}
	out, err := g.run(ctx, extra, "ls-remote", "--symref", origin, "HEAD", "refs/heads/main", "refs/heads/master")
	if err != nil {
		return refs{}
	}
	return parseRemote(out)
}

func parseRemote(out string) refs {
	r := refs{commits: map[string]string{}}
	head := ""
	for line := range strings.Lines(out) {
		value, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		target, symbolic := strings.CutPrefix(value, "ref: ")
		switch {
		case symbolic && name == "HEAD":
			r.head = target
		case name == "HEAD":
			head = value
		default:
			r.commits[name] = value
		}
	}
	if r.head != "" && head != "" {
		r.commits[r.head] = head
	}
	return r
}

// count is how many commits each of two has that the other has not; false
// when one of them is not here.
func (g program) count(ctx context.Context, left, right string) (onlyLeft, onlyRight int, ok bool) {
	out, err := g.run(ctx, nil, "rev-list", "--left-right", "--count", left+"..."+right, "--")
	if err != nil {
		return 0, 0, false
	}
	fields := strings.Fields(out)
	if len(fields) != 2 {
		return 0, 0, false
	}
	onlyLeft, err1 := strconv.Atoi(fields[0])
	onlyRight, err2 := strconv.Atoi(fields[1])
	return onlyLeft, onlyRight, err1 == nil && err2 == nil
}

// shallow tells whether the history is cut off.
func (g program) shallow(ctx context.Context) bool {
	out, err := g.run(ctx, nil, "rev-parse", "--is-shallow-repository")
	return err == nil && strings.TrimSpace(out) == "true"
}
