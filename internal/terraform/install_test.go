package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"infra/internal/fault"
)

// script makes a program of a few lines.
func script(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// Another version on PATH is not taken; the right one is, from PATH or from
// where infra installs it.
func TestRow39OnlyThePinnedVersion(t *testing.T) {
	says := func(version string) string { return fmt.Sprintf(`echo '{"terraform_version":%q}'`, version) }
	path, project := t.TempDir(), t.TempDir()
	t.Setenv("PATH", path)
	if got, err := Find(t.Context(), project); err == nil {
		t.Errorf("found %s on an empty PATH", got)
	}
	for _, wrong := range []string{says("1.5.7"), says("1.12.0"), says(""), "exit 1", "echo Terraform v" + Version} {
		script(t, filepath.Join(path, "terraform"), wrong)
		if got, err := Find(t.Context(), project); err == nil {
			t.Errorf("%q: took %s", wrong, got)
		}
	}
	installed := script(t, filepath.Join(project, ".infra", "terraform", Version, "terraform"), says(Version))
	if got, err := Find(t.Context(), project); err != nil || got != installed {
		t.Errorf("the installed one: %q, %v", got, err)
	}
	onPath := script(t, filepath.Join(path, "terraform"), says(Version))
	if got, err := Find(t.Context(), t.TempDir()); err != nil || got != onPath {
		t.Errorf("the one on PATH: %q, %v", got, err)
	}
}

// With TF_CLI_ARGS in the caller's environment Terraform refuses even to tell
// its version, and would be taken for missing.
func TestRow50CallersSettingsDoNotHideTerraform(t *testing.T) {
	t.Setenv("TF_CLI_ARGS", "-no-such-flag")
	t.Setenv("TF_CLI_ARGS_version", "-no-such-flag")
	if _, err := Find(t.Context(), filepath.Join("..", "..")); err != nil {
		t.Error(err)
	}
}

// fakeInit is a workspace whose Terraform is a script.
func fakeInit(t *testing.T, text string) *Workspace {
	t.Helper()
	w := workspace(t, `{}`)
	w.Binary = script(t, filepath.Join(w.Logs, "bin", "terraform"), text)
	return w
}

func diagnosticLine(summary, detail string) string {
	return fmt.Sprintf(`echo '{"type":"diagnostic","diagnostic":{"severity":"error","summary":%q,"detail":%q}}'`, summary, detail)
}

func TestRow40DownloadsAreTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fails string // what Terraform says while it fails
		times int    // how often it fails
		tries int
		want  fault.Code
	}{
		"twice":              {diagnosticLine("Failed to install provider", "connection reset by peer"), 2, 3, fault.OK},
		"for ever":           {diagnosticLine("Failed to query available provider packages", "could not connect"), 99, 3, fault.Failed},
		"a wrong checksum":   {diagnosticLine("Failed to install provider", "doesn't match any of the checksums recorded in the lock file"), 99, 1, fault.Failed},
		"a mistake in code":  {diagnosticLine("Invalid block", "x"), 99, 1, fault.Failed},
		"both at once":       {diagnosticLine("Failed to install provider", "reset") + "\n" + diagnosticLine("Invalid block", "x"), 99, 1, fault.Failed},
		"without any reason": {"", 99, 1, fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fakeInit(t, "")
			tries := filepath.Join(w.Logs, "tries")
			script(t, w.Binary, fmt.Sprintf("[ \"$1\" = version ] && echo '{\"terraform_version\":%q}' && exit\necho try >>'%s'\n[ $(wc -l <'%s') -gt %d ] && exit 0\n%s\nexit 1\n",
				Version, tries, tries, c.times, strings.ReplaceAll(c.fails, "doesn't", "does not")))
			err := w.Init(t.Context())
			said, readErr := os.ReadFile(tries)
			if got := strings.Count(string(said), "try"); fault.CodeOf(err) != c.want || got != c.tries || readErr != nil {
				t.Errorf("%d tries, want %d; %v, %v", got, c.tries, err, readErr)
			}
			if err != nil && fault.HintOf(err) == "" {
				t.Errorf("no hint: %v", err)
			}
		})
	}
}

// The real Terraform with a provider from an offline mirror: what has another
// checksum than the lock file is refused, and nothing of it is kept.
func TestRow40ChecksumsFailClosed(t *testing.T) {
	t.Parallel()
	w := workspace(t, `{}`)
	mirror := filepath.Join(w.Logs, "mirror")
	plugin := filepath.Join(mirror, "registry.terraform.io", "hashicorp", "fake", "1.0.0", runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-fake_v1.0.0")
	script(t, plugin, "exit 1")
	config := filepath.Join(w.Logs, "terraform.rc")
	for path, text := range map[string]string{
		config: fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror),
		filepath.Join(w.Root, "main.tf"): `terraform {
  backend "local" {}
  required_providers {
    fake = {
      source  = "hashicorp/fake"
      version = "1.0.0"
    }
  }
}
`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.Environment["TF_CLI_CONFIG_FILE"] = config
	if err := w.Init(t.Context()); err != nil {
		t.Fatalf("an offline mirror does not do: %v", err)
	}
	script(t, plugin, "exit 2") // somebody has put another one there
	again := *w
	again.DataDir += "-again"
	err := again.Init(t.Context())
	if fault.CodeOf(err) != fault.Failed || !strings.Contains(err.Error(), "checksum") || !strings.Contains(fault.HintOf(err), " providers lock -platform="+runtime.GOOS+"_"+runtime.GOARCH) {
		t.Errorf("another provider than locked: %v, next: %s", err, fault.HintOf(err))
	}
	if err := again.Init(t.Context()); err == nil {
		t.Error("the second time it was accepted")
	}
}

// Two that install into one plugin cache break it: while the configuration
// names one, they take turns.
func TestRow41SharedCacheTakesTurns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, config := filepath.Join(dir, "log"), filepath.Join(dir, "terraform.rc")
	if err := os.WriteFile(config, []byte("plugin_cache_dir = \"/nowhere\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[ \"$1\" = version ] && echo '{\"terraform_version\":%q}' && exit\necho begin >>'%s'\nsleep 0.2\necho end >>'%s'\n", Version, log, log)
	var all sync.WaitGroup
	const many = 4
	for range many {
		w := fakeInit(t, text)
		w.Environment["TF_CLI_CONFIG_FILE"] = config
		all.Go(func() {
			if err := w.Init(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	said, err := os.ReadFile(log)
	if want := strings.Repeat("begin\nend\n", many); err != nil || string(said) != want {
		t.Errorf("%v; they did not take turns:\n%s", err, said)
	}
}
