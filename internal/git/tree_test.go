package git

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/guard"
)

func TestWhatIsDirty(t *testing.T) {
	author(t)
	r := local(t)
	for _, name := range []string{"project/a.tf", "project/old.tf", "project/gone.tf", "beside/x.tf"} {
		r.commit(name)
	}
	r.write("project/.gitignore", "ignored\n")
	r.git("add", ".")
	r.git("commit", "-q", "-m", "ignore")
	r.write("project/a.tf", "changed")
	r.write("project/ignored", "x")
	r.write("project/new dir/un tracked\n.tf", "x")
	r.write("beside/x.tf", "changed, but no part of the project")
	r.git("mv", "project/old.tf", "project/renamed.tf")
	r.git("rm", "-q", "project/gone.tf")
	// The caller's configuration may hide files, also from itself.
	r.git("config", "status.showUntrackedFiles", "no")
	project := repository{t: t, dir: filepath.Join(r.dir, "project")}
	same(t, project.look(false), guard.GitFacts{
		Branch: "main", Main: "main", OnMain: true,
		Dirty: []string{"project/a.tf", "project/gone.tf", "project/new dir/", "project/renamed.tf"},
	})
}

// Many people's global settings ignore override.tf and *.tfvars, which
// Terraform reads all the same.
func TestWhatIsIgnoredAndReadIsDirty(t *testing.T) {
	author(t)
	r := local(t)
	global := filepath.Join(t.TempDir(), "ignore")
	if err := os.WriteFile(global, []byte("override.tf\n*.tfvars\n*.swp\n.terraform/\ngroup_vars/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.git("config", "core.excludesFile", global)
	for _, name := range []string{"override.tf", "products/x/mine.auto.tfvars", "main.tf.swp", ".terraform/modules/x.tf", "ansible/group_vars/all.yml"} {
		r.write(name, "x")
	}
	same(t, r.look(false), guard.GitFacts{
		Branch: "main", Main: "main", OnMain: true,
		Dirty: []string{"ansible/group_vars/", "override.tf", "products/x/mine.auto.tfvars"},
	})
}

func TestWhatIsInConflictIsDirty(t *testing.T) {
	author(t)
	r := local(t)
	r.git("switch", "-q", "-c", "other")
	r.write("main.tf", "theirs")
	r.git("commit", "-q", "-a", "-m", "theirs")
	r.git("switch", "-q", "main")
	r.write("main.tf", "ours")
	r.git("commit", "-q", "-a", "-m", "ours")
	if err := exec.CommandContext(t.Context(), "git", "-C", r.dir, "merge", "-q", "other").Run(); err == nil {
		t.Fatal("there is no conflict")
	}
	same(t, r.look(false), guard.GitFacts{Branch: "main", Main: "main", OnMain: true, Dirty: []string{"main.tf"}})
}

func TestNoRepository(t *testing.T) {
	author(t)
	facts, err := Look(t.Context(), t.TempDir(), true)
	if err != nil || facts.Repository || facts.Problem != "" {
		t.Errorf("%+v, %v", facts, err)
	}
	empty := repository{t: t, dir: t.TempDir()}
	empty.git("init", "-q")
	if facts := empty.look(true); !facts.Repository || facts.Commit != "" || facts.OnMain {
		t.Errorf("before the first commit: %+v", facts)
	}
	if facts, err = Look(t.Context(), filepath.Join(t.TempDir(), "none"), false); err != nil || !strings.Contains(facts.Problem, "cannot change to") {
		t.Errorf("no folder: %+v, %v", facts, err)
	}
	t.Setenv("PATH", t.TempDir())
	if facts, err = Look(t.Context(), empty.dir, true); err != nil || facts.Repository || !strings.Contains(facts.Problem, "no git program") {
		t.Errorf("no git: %+v, %v", facts, err)
	}
}

// In a container the checkout often belongs to somebody else: git refuses to
// read it, and says what to type.
func TestSomebodyElsesRepository(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	author(t)
	r := local(t)
	if err := os.Chown(r.dir, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	facts, err := Look(t.Context(), r.dir, false)
	if err != nil || facts.Repository || !strings.Contains(facts.Problem, "dubious ownership") {
		t.Errorf("%+v, %v", facts, err)
	}
}

func TestOfThisFolderOnly(t *testing.T) {
	author(t)
	r, other := local(t), local(t)
	head := r.commit("mine.tf")
	t.Setenv("GIT_DIR", filepath.Join(other.dir, ".git"))
	t.Setenv("GIT_WORK_TREE", other.dir)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	facts, err := Look(t.Context(), r.dir, false)
	if err != nil || facts.Commit != head {
		t.Errorf("%+v, %v, want commit %s", facts, err, head)
	}
	for _, pair := range environment(os.Environ()) {
		if strings.HasPrefix(pair, "AWS_") || strings.HasPrefix(pair, "GIT_DIR") {
			t.Errorf("git gets %s", pair)
		}
	}
}

func TestLookReadsOnly(t *testing.T) {
	author(t)
	r := local(t)
	index := filepath.Join(r.dir, ".git", "index")
	before, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	// git would write the new time into its index.
	if err := os.Chtimes(filepath.Join(r.dir, "main.tf"), time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	r.look(true)
	if after, err := os.ReadFile(index); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the index was written, %v", err)
	}
}
