package scaffold

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/environment"
	"infra/internal/fault"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvGRh7ObiOrYPTzjkZdNYOJpf//0HYZDDjHdstLKrND you@example.com"

func account(dir string) Order {
	return Order{Dir: dir, Version: "1.2.3", Draft: environment.Draft{
		Name: "live", From: "base", Account: "333333333333", Region: "eu-central-1", CIDR: "10.40.0.0/20", PublicKeys: []string{key}, BastionFrom: []string{"203.0.113.7/32"},
	}}
}

func sandbox(dir string) Order {
	return Order{Dir: dir, Sandbox: true, Draft: environment.Draft{Name: "sandbox"}}
}

// files are the contents of a folder by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestTheWholeTree: what git has of the code is written, byte by byte, but for
// tests and what is Go; a file of a new kind is not forgotten.
func TestTheWholeTree(t *testing.T) {
	const checkout = "../.."
	tracked, err := exec.CommandContext(t.Context(), "git", "-C", checkout, "ls-files", "-z", "terraform", "ansible").Output()
	if err != nil {
		t.Skip("there is no checkout to compare with: ", err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := Write(account(dir)); err != nil {
		t.Fatal(err)
	}
	got := files(t, dir)
	for _, name := range strings.Split(strings.Trim(string(tracked), "\x00"), "\x00") {
		if strings.Contains(name, "/tests/") || strings.HasSuffix(name, ".go") {
			if _, there := got[name]; there {
				t.Errorf("%s is of no use to a project", name)
			}
			continue
		}
		want, err := os.ReadFile(filepath.Join(checkout, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, there := got[name]; !there || !bytes.Equal([]byte(text), want) {
			t.Errorf("%s is there: %v, and not as it is in the checkout", name, there)
		}
		delete(got, name)
	}
	for name := range got {
		if strings.HasPrefix(name, "terraform/") || strings.HasPrefix(name, "ansible/") {
			t.Errorf("%s is in no checkout", name)
		}
	}
	for _, name := range []string{".gitignore", "README.md", "environments/live.yaml", "environments/base.yaml", "environments/schema.json", "environments/README.md"} {
		if got[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	if _, there := got["environments/sandbox.yaml"]; there {
		t.Error("an environment that nobody asked for")
	}
	if text := got["README.md"]; !strings.Contains(text, "infra apply live") || !strings.Contains(text, "infra 1.2.3") {
		t.Errorf("the README is\n%s", text)
	}
}

func TestPlaces(t *testing.T) {
	empty, repository := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(repository, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, order := range map[string]Order{
		"a new folder in new ones": sandbox(filepath.Join(t.TempDir(), "a", "b")),
		"an empty folder":          sandbox(empty),
		"a repository":             account(repository),
	} {
		env, err := Write(order)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := environment.Load(order.Dir, env.Name()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for file := range files(t, order.Dir) {
			if strings.Contains(file, stagePrefix) {
				t.Errorf("%s: %s was left", name, file)
			}
		}
		if _, err := Write(order); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "README.md, ansible/, environments/, terraform/") {
			t.Errorf("%s, again: %v", name, err)
		}
	}
}

// TestNothingIsLeft: what is refused leaves neither a project nor a part of
// one, and a folder that was there stays as it was.
func TestNothingIsLeft(t *testing.T) {
	wrong := map[string]func(*Order){
		"no account":           func(o *Order) { o.Draft.Account = "12" },
		"no key":               func(o *Order) { o.Draft.PublicKeys = nil },
		"a name that is none":  func(o *Order) { o.Draft.Name = "../x" },
		"a range that is none": func(o *Order) { o.Draft.CIDR = "10.0.0.0/8" },
		"another sandbox":      func(o *Order) { *o = sandbox(o.Dir); o.Endpoint = "http://127.0.0.1:1" },
	}
	for name, change := range wrong {
		there := t.TempDir()
		for _, dir := range []string{there, filepath.Join(there, "new")} {
			order := account(dir)
			change(&order)
			_, err := Write(order)
			var f *fault.Error
			if fault.CodeOf(err) != fault.Usage || !errors.As(err, &f) || f.Hint != Hint {
				t.Errorf("%s: %v", name, err)
			}
		}
		if entries, err := os.ReadDir(there); err != nil || len(entries) > 0 {
			t.Errorf("%s: %v was left, %v", name, entries, err)
		}
	}
}

// TestSomethingComesMeanwhile: what was moved before it is taken back.
func TestSomethingComesMeanwhile(t *testing.T) {
	dir := t.TempDir()
	stage, err := makeStage(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := sandbox(dir).fill(stage); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "terraform"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := settle(stage, dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it ended with %v", err)
	}
	there, err := standing(dir)
	if err != nil || len(there) != 2 || there[1] != "terraform" {
		t.Errorf("there are %q, %v", there, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "terraform")); err != nil || string(text) != "mine" {
		t.Errorf("what came is %q, %v", text, err)
	}
}
