package guard_test

import (
	"testing"

	"infra/internal/guard"
)

func TestGit(t *testing.T) {
	right := guard.GitFacts{
		Repository: true, Commit: "0123456789abcdef0123456789abcdef01234567", Branch: "main", Main: "main",
		Remote: "origin", RemoteKnown: true, OnMain: true,
	}
	changed := func(change func(*guard.GitFacts)) guard.GitFacts {
		f := right
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		facts guard.GitFacts
		says  []string
		hint  string
	}{
		"right":              {facts: right},
		"detached":           {facts: changed(func(f *guard.GitFacts) { f.Branch = "" })},
		"no remote":          {facts: changed(func(f *guard.GitFacts) { f.Remote, f.RemoteKnown = "", false })},
		"no repository":      {facts: guard.GitFacts{}, says: []string{"check what prod is changed from", "in no git repository"}, hint: "git clone"},
		"git does not speak": {facts: guard.GitFacts{Problem: "dubious\x1b"}, says: []string{`cannot read the project: dubious\u001b`}, hint: "git status"},
		"no commit":          {facts: guard.GitFacts{Repository: true}, says: []string{"no commit yet"}, hint: "git commit"},
		"dirty": {
			facts: changed(func(f *guard.GitFacts) { f.Dirty = []string{"a.tf"} }),
			says:  []string{"not what was committed: a.tf"}, hint: "git stash --include-untracked; or add --allow-dirty",
		},
		"very dirty": {
			facts: changed(func(f *guard.GitFacts) { f.Dirty = []string{"a\n", "b", "c", "d", "e"} }),
			says:  []string{`committed: a\u000a, b, c, and 2 more`}, hint: "git stash",
		},
		"a feature": {
			facts: changed(func(f *guard.GitFacts) { f.Branch, f.OnMain, f.Behind = "feature", false, 4 }),
			says:  []string{"commit 0123456789ab is not on origin/main"}, hint: "git switch main && git pull --ff-only",
		},
		"behind": {
			facts: changed(func(f *guard.GitFacts) { f.Behind = 2 }),
			says:  []string{"commit 0123456789ab is behind origin/main by 2"}, hint: "git pull --ff-only; or add --allow-dirty",
		},
		"a silent remote": {
			facts: changed(func(f *guard.GitFacts) { f.RemoteKnown = false }),
			says:  []string{"the remote origin did not answer"}, hint: "git fetch origin",
		},
		"no main branch": {facts: changed(func(f *guard.GitFacts) { f.Main, f.OnMain = "", false }), says: []string{"no main branch"}, hint: "set-head"},
		"no history": {
			facts: changed(func(f *guard.GitFacts) { f.OnMain, f.Shallow = false, true }),
			says:  []string{"history of this checkout is cut off"}, hint: "git fetch --unshallow",
		},
		"dirty and behind": {
			facts: changed(func(f *guard.GitFacts) { f.Dirty, f.Behind = []string{"a.tf"}, 1 }),
			says:  []string{"not what was committed", "behind origin/main by 1"}, hint: "git stash",
		},
		"a strange name": {
			facts: changed(func(f *guard.GitFacts) { f.Branch, f.Main, f.OnMain = "x", "tr;unk", false }),
			says:  []string{"origin/tr;unk"}, hint: "git switch 'tr;unk'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, guard.Git(c.facts, "prod", true, false), c.says, c.hint)
			check(t, guard.Git(c.facts, "prod", true, true), nil, "")
			check(t, guard.Git(c.facts, "sandbox", false, false), nil, "")
		})
	}
}
