package python

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"infra/internal/fault"
)

func TestEveryRequirementIsPinned(t *testing.T) {
	requirement := regexp.MustCompile(`^([a-zA-Z0-9._-]+)==\S+( ; .*)? \\$`)
	for _, name := range Names() {
		data, err := requirements.ReadFile("requirements/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
		for number, line := range lines {
			switch {
			case strings.HasPrefix(line, "    --hash=sha256:"), strings.HasPrefix(line, "#"), line == "":
			case requirement.MatchString(line):
				if number+1 == len(lines) || !strings.HasPrefix(lines[number+1], "    --hash=sha256:") {
					t.Errorf("%s:%d: %s has no hash", name, number+1, line)
				}
			default:
				t.Errorf("%s:%d: not a pinned requirement: %s", name, number+1, line)
			}
		}
	}
}

func TestNamesAreTheFiles(t *testing.T) {
	entries, err := requirements.ReadDir("requirements")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, entry := range entries {
		files = append(files, strings.TrimSuffix(entry.Name(), ".txt"))
	}
	if !slices.Equal(slices.Sorted(slices.Values(files)), Names()) {
		t.Errorf("files %v, names %v", files, Names())
	}
}

func TestEnsureRefusesAnUnknownName(t *testing.T) {
	_, err := Ensure(t.Context(), t.TempDir(), "../moto", nil)
	if fault.CodeOf(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}

func TestInstallCommand(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://proxy:3128")
	t.Setenv("PIP_CERT", "/etc/ca.pem")
	t.Setenv("PYTHONPATH", "/elsewhere")
	command := install(t.Context(), "/e", "/e/requirements.txt")
	want := []string{"/e/bin/python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", "--no-compile", "--require-hashes", "--no-deps", "--requirement", "/e/requirements.txt"}
	if !slices.Equal(command.Args, want) {
		t.Errorf("got %v", command.Args)
	}
	for _, entry := range []string{"HTTPS_PROXY=http://proxy:3128", "PIP_CERT=/etc/ca.pem"} {
		if !slices.Contains(command.Env, entry) {
			t.Errorf("%s does not pass", entry)
		}
	}
	if slices.Contains(command.Env, "PYTHONPATH=/elsewhere") {
		t.Error("PYTHONPATH passes")
	}
}

// fakePython puts programs of the given names on an otherwise empty PATH, each
// ending with a status when it is examined.
func fakePython(t *testing.T, statuses map[string]string) {
	t.Helper()
	folder := t.TempDir()
	for name, status := range statuses {
		script := "#!/bin/sh\nexit " + status + "\n"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder)
}

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		statuses map[string]string
		python   string
		venv     string
		failed   string
	}{
		"the machine's own":       {map[string]string{"python3": "0", "python3.12": "0"}, "python3", "", ""},
		"a newer one beside":      {map[string]string{"python3": "3", "python3.12": "0"}, "python3.12", "", ""},
		"without venv":            {map[string]string{"python3": "4", "virtualenv": "0"}, "python3", "virtualenv", ""},
		"without anything":        {map[string]string{"python3": "4"}, "", "", "lacks the modules"},
		"too old":                 {map[string]string{"python3": "3"}, "", "", "too old"},
		"none":                    {nil, "", "", "none on PATH"},
		"one with, one without":   {map[string]string{"python3": "4", "python3.13": "0"}, "python3.13", "", ""},
		"a broken one is skipped": {map[string]string{"python3": "127", "python3.11": "0"}, "python3.11", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			fakePython(t, test.statuses)
			got, err := find(t.Context())
			if test.failed != "" {
				if err == nil || !strings.Contains(err.Error(), test.failed) || fault.HintOf(err) != getPython {
					t.Errorf("got %v, hint %q", err, fault.HintOf(err))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Base(got.python) != test.python || strings.TrimPrefix(filepath.Base(got.virtualenv), ".") != test.venv {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRemoveOthersKeepsNeighbours(t *testing.T) {
	parent := t.TempDir()
	for _, folder := range []string{"ansible-0123456789ab", "ansible-ba9876543210", "ansible-lint-0123456789ab", "moto-0123456789ab"} {
		if err := os.Mkdir(filepath.Join(parent, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeOthers(parent, "ansible", filepath.Join(parent, "ansible-ba9876543210")); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range left {
		names = append(names, entry.Name())
	}
	if want := []string{"ansible-ba9876543210", "ansible-lint-0123456789ab", "moto-0123456789ab"}; !slices.Equal(names, want) {
		t.Errorf("left are %v", names)
	}
}

// TestBuild makes a real environment from an empty list, twice at a time: only
// one is built; without its marker it does not count.
func TestBuild(t *testing.T) {
	parent := t.TempDir()
	folder := filepath.Join(parent, "empty-000000000000")
	once := func(ctx context.Context, progress func(string)) error {
		unlock, err := lock(ctx, filepath.Join(parent, ".empty.lock"))
		if err != nil {
			return err
		}
		defer unlock()
		if complete(folder) {
			return nil
		}
		return build(ctx, folder, []byte("# nothing\n"), progress)
	}
	var group sync.WaitGroup
	said := make([]string, 2)
	failed := make([]error, 2)
	for i := range said {
		group.Go(func() { failed[i] = once(t.Context(), func(text string) { said[i] += text }) })
	}
	group.Wait()
	if err := errors.Join(failed...); err != nil {
		t.Fatal(err)
	}
	if built := strings.Count(said[0]+said[1], "making "); built != 1 {
		t.Errorf("it was built %d times", built)
	}
	if err := exec.CommandContext(t.Context(), filepath.Join(folder, "bin", "python"), "-c", "import pip").Run(); err != nil {
		t.Errorf("it does not run: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, marker)); err != nil {
		t.Fatal(err)
	}
	if complete(folder) {
		t.Error("it is complete without its marker")
	}
	installFails(t, folder)
}

// installFails asks the environment for a package that is nowhere.
func installFails(t *testing.T, folder string) {
	t.Helper()
	t.Setenv("PIP_NO_INDEX", "1")
	file := filepath.Join(t.TempDir(), "requirements.txt")
	pinned := "no-such-package==1 --hash=sha256:" + strings.Repeat("0", 64) + "\n"
	if err := os.WriteFile(file, []byte(pinned), 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), install(t.Context(), folder, file))
	if err == nil || !strings.Contains(err.Error(), "no-such-package") {
		t.Errorf("got %v", err)
	}
}

func TestLockWaitsForItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second holder: %v", err)
	}
	unlock()
	again, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
