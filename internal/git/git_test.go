package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"infra/internal/guard"
	"infra/internal/process"
)

// author is a caller whose own configuration of git does not count.
func author(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "3",
		"GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "somebody",
		"GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "somebody@example.org",
		"GIT_CONFIG_KEY_2": "init.defaultBranch", "GIT_CONFIG_VALUE_2": "main",
	} {
		t.Setenv(name, value)
	}
}

// repository is a real one.
type repository struct {
	t   *testing.T
	dir string
}

// local is a repository with one commit on main and no remote.
func local(t *testing.T) repository {
	t.Helper()
	r := repository{t: t, dir: t.TempDir()}
	r.git("init", "-q")
	r.commit("main.tf")
	return r
}

// cloned is a checkout and the repository that it comes from.
func cloned(t *testing.T, options ...string) (checkout, origin repository) {
	t.Helper()
	origin = local(t)
	origin.commit("second.tf")
	dir := filepath.Join(t.TempDir(), "checkout")
	origin.git(append(append([]string{"clone", "-q"}, options...), "file://"+origin.dir, dir)...)
	return repository{t: t, dir: dir}, origin
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	out, err := exec.CommandContext(r.t.Context(), "git", append([]string{"-C", r.dir}, args...)...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r repository) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r repository) commit(name string) string {
	r.t.Helper()
	r.write(name, "text of "+name)
	r.git("add", name)
	r.git("commit", "-q", "-m", name)
	return r.head()
}

func (r repository) head() string { return r.git("rev-parse", "HEAD") }

func (r repository) look(remote bool) guard.GitFacts {
	r.t.Helper()
	facts, err := Look(r.t.Context(), r.dir, remote)
	if err != nil {
		r.t.Fatal(err)
	}
	return facts
}

// same compares facts without the commit, which is another one each time.
func same(t *testing.T, got, want guard.GitFacts) {
	t.Helper()
	if len(got.Commit) != 40 {
		t.Errorf("commit is %q", got.Commit)
	}
	got.Commit = ""
	want.Repository = true
	if !slices.Equal(got.Dirty, want.Dirty) {
		t.Errorf("dirty are %q, want %q", got.Dirty, want.Dirty)
	}
	got.Dirty, want.Dirty = nil, nil
	if got.Repository != want.Repository || got.Problem != want.Problem || got.Branch != want.Branch || got.Main != want.Main ||
		got.Remote != want.Remote || got.RemoteKnown != want.RemoteKnown || got.OnMain != want.OnMain || got.Behind != want.Behind || got.Shallow != want.Shallow {
		t.Errorf("facts are\n%+v, want\n%+v", got, want)
	}
}

func TestWithoutARemote(t *testing.T) {
	author(t)
	r := local(t)
	want := guard.GitFacts{Branch: "main", Main: "main", OnMain: true}
	same(t, r.look(true), want)
	if got := r.look(false); got.Commit != r.head() {
		t.Errorf("commit is %s, want %s", got.Commit, r.head())
	}
	if err := guard.Git(r.look(true), "prod", true, false); err != nil {
		t.Errorf("the guard refused: %v", err)
	}
	r.git("switch", "-q", "-c", "feature")
	r.commit("new.tf")
	same(t, r.look(true), guard.GitFacts{Branch: "feature", Main: "main"})
	r.git("switch", "-q", "--detach", "main")
	same(t, r.look(true), guard.GitFacts{Main: "main", OnMain: true})
}

func TestAgainstTheRemote(t *testing.T) {
	author(t)
	r, origin := cloned(t)
	same(t, r.look(false), guard.GitFacts{Branch: "main", Main: "main", Remote: "origin", OnMain: true})
	same(t, r.look(true), guard.GitFacts{Branch: "main", Main: "main", Remote: "origin", RemoteKnown: true, OnMain: true})

	origin.commit("third.tf")
	// Without a fetch the number of commits cannot be known, only that there are some.
	same(t, r.look(true), guard.GitFacts{Branch: "main", Main: "main", Remote: "origin", RemoteKnown: true, OnMain: true, Behind: 1})
	origin.commit("fourth.tf")
	r.git("fetch", "-q")
	same(t, r.look(true), guard.GitFacts{Branch: "main", Main: "main", Remote: "origin", RemoteKnown: true, OnMain: true, Behind: 2})
	same(t, r.look(false), guard.GitFacts{Branch: "main", Main: "main", Remote: "origin", OnMain: true, Behind: 2})

	// A commit that was never pushed is on no main branch.
	r.git("merge", "-q", "--ff-only", "origin/main")
	r.commit("mine.tf")
	same(t, r.look(true), guard.GitFacts{Branch: "main", Main: "main", Remote: "origin", RemoteKnown: true})
	if err := guard.Git(r.look(true), "prod", true, false); err == nil || !strings.Contains(err.Error(), "is not on origin/main") {
		t.Errorf("the guard says %v", err)
	}
}

func TestAnotherNameForMain(t *testing.T) {
	author(t)
	r, origin := cloned(t)
	origin.git("branch", "-m", "main", "trunk")
	head := origin.commit("third.tf")
	same(t, r.look(true), guard.GitFacts{Branch: "main", Main: "trunk", Remote: "origin", RemoteKnown: true, Behind: 1})
	r.git("fetch", "-q")
	r.git("checkout", "-q", head)
	same(t, r.look(true), guard.GitFacts{Main: "trunk", Remote: "origin", RemoteKnown: true, OnMain: true})
}

// A pipeline checks out one commit, detached and without history.
func TestAShallowCheckout(t *testing.T) {
	author(t)
	r, origin := cloned(t, "--depth=1")
	r.git("checkout", "-q", "--detach")
	same(t, r.look(true), guard.GitFacts{Main: "main", Remote: "origin", RemoteKnown: true, OnMain: true})
	r.git("update-ref", "-d", "refs/remotes/origin/main")
	r.git("symbolic-ref", "-d", "refs/remotes/origin/HEAD")
	r.git("branch", "-D", "main")
	same(t, r.look(true), guard.GitFacts{Main: "main", Remote: "origin", RemoteKnown: true, OnMain: true})
	origin.commit("third.tf")
	same(t, r.look(true), guard.GitFacts{Main: "main", Remote: "origin", RemoteKnown: true, Behind: 1, Shallow: true})
}

func TestARemoteThatIsGone(t *testing.T) {
	author(t)
	r, origin := cloned(t)
	if err := os.RemoveAll(origin.dir); err != nil {
		t.Fatal(err)
	}
	same(t, r.look(true), guard.GitFacts{Branch: "main", Main: "main", Remote: "origin", OnMain: true})
	if err := guard.Git(r.look(true), "prod", true, false); err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Errorf("the guard says %v", err)
	}
}

func TestARemoteThatHangs(t *testing.T) {
	author(t)
	r, _ := cloned(t)
	started := filepath.Join(t.TempDir(), "pid")
	script := filepath.Join(t.TempDir(), "hang")
	// It writes whole what is then read, and hangs for far longer than the limit.
	text := "#!/bin/sh\necho $$ > '" + started + ".new'\nmv '" + started + ".new' '" + started + "'\nexec sleep 600\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	r.git("config", "protocol.ext.allow", "always")
	r.git("remote", "set-url", "origin", "ext::"+script)
	var pid int
	for limit := 300 * time.Millisecond; pid == 0; limit *= 2 { // until git comes to it in time
		facts, err := look(t.Context(), r.dir, true, limit)
		if err != nil || facts.RemoteKnown || !facts.Repository {
			t.Fatalf("%+v, %v", facts, err)
		}
		if said, err := os.ReadFile(started); err == nil {
			if pid, err = strconv.Atoi(strings.TrimSpace(string(said))); err != nil {
				t.Fatal(err)
			}
		} else if limit > time.Minute {
			t.Fatal("git never asked the remote")
		}
	}
	hung, err := process.Of(pid)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); hung.Alive(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("what git started outlives it")
		}
	}
}

func TestCancelled(t *testing.T) {
	author(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Look(ctx, local(t).dir, true); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func BenchmarkLook(b *testing.B) {
	dir, err := filepath.Abs("../..")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Look(b.Context(), dir, false); err != nil {
			b.Fatal(err)
		}
	}
}
