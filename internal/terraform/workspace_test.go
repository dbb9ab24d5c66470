package terraform

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/account"
	"infra/internal/fault"
	"infra/internal/guard"
)

const module = `
terraform {
  backend "local" {}
}

variable "size" {
  type = number

  validation {
    condition     = var.size < 10
    error_message = "The size must be below 10."
  }
}

variable "command" {
  type    = string
  default = "true"
}

resource "terraform_data" "first" {
  input = var.size
}

resource "terraform_data" "second" {
  input      = var.size
  depends_on = [terraform_data.first]

  provisioner "local-exec" {
    command = var.command
  }
}
`

// workspace is a root module with a local backend, run by the real
// Terraform; terraform_data needs no provider from anywhere.
func workspace(t *testing.T, variables string) *Workspace {
	t.Helper()
	binary, err := Find(t.Context(), filepath.Join("..", ".."))
	if err != nil {
		t.Fatalf("no Terraform %s: %v; `make tools` installs it", Version, err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("products/test/main.tf", module)
	return &Workspace{
		Name: "test/e", Binary: binary, Root: filepath.Join(dir, "products", "test"), DataDir: filepath.Join(dir, "data"), Logs: dir,
		Variables: write("test.tfvars.json", variables), Backend: write("backend.hcl", `path = "`+filepath.Join(dir, "state")+`"`),
		Environment: account.Environment(account.Target{Region: "eu-west-1"}),
	}
}

func plan(t *testing.T, w *Workspace) Plan {
	t.Helper()
	if err := w.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := w.Plan(t.Context(), PlanOptions{Out: filepath.Join(w.Logs, "plan")})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlanAndApply(t *testing.T) {
	w := workspace(t, `{"size": 3}`)
	p := plan(t, w)
	if p.Empty() || len(p.Changes) != 2 || p.Changes[0].Action != guard.Create || p.File == "" {
		t.Fatalf("plan is %+v", p)
	}
	if n, err := w.Apply(t.Context(), p.File); err != nil || n != 2 {
		t.Fatalf("applied %d, %v", n, err)
	}
	log := filepath.Join(w.Logs, "test-e-init.jsonl")
	before, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if again := plan(t, w); !again.Empty() || again.File != "" {
		t.Errorf("a second plan is %+v", again)
	}
	if after, err := os.ReadFile(log); err != nil || len(after) != len(before) {
		t.Errorf("an init that was not needed was made (%v)", err)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log has mode %v, %v", info.Mode(), err)
	}
	if p, err := w.Plan(t.Context(), PlanOptions{Out: filepath.Join(w.Logs, "plan"), Destroy: true}); err != nil || len(p.Changes) != 2 || p.Changes[0].Action != guard.Delete {
		t.Errorf("a plan to destroy is %+v, %v", p, err)
	}
}

func TestErrorsSayWhatAndWhere(t *testing.T) {
	w := workspace(t, `{"size": 12}`)
	if err := w.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := w.Plan(t.Context(), PlanOptions{})
	if err == nil || fault.CodeOf(err) != fault.Failed {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"terraform plan of test/e: ", "main.tf:9", "The size must be below 10."} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	if fault.HintOf(err) == "" {
		t.Error("there is no next step")
	}
}

func TestAnApplyThatFailsKeepsWhatItMade(t *testing.T) {
	w := workspace(t, `{"size": 3, "command": "exit 7"}`)
	p := plan(t, w)
	n, err := w.Apply(t.Context(), p.File)
	if n != 1 || err == nil || !strings.Contains(err.Error(), "terraform_data.second") {
		t.Fatalf("applied %d, %v", n, err)
	}
	if err := os.WriteFile(w.Variables, []byte(`{"size": 3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if mended := plan(t, w); len(mended.Changes) != 1 || mended.Changes[0].Address != "terraform_data.second" {
		t.Errorf("the next plan is %+v", mended.Changes)
	}
}

// One interrupt: what is in flight ends, the state is saved, the code is 130.
func TestAnInterruptedApplySavesItsState(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	w := workspace(t, `{"size": 3, "command": "touch `+started+`; sleep 600"}`)
	p := plan(t, w)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(started); err == nil {
				cancel()
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	n, err := w.Apply(ctx, p.File)
	if fault.CodeOf(err) != fault.Interrupted || n != 1 {
		t.Fatalf("applied %d, code %d: %v", n, fault.CodeOf(err), err)
	}
	state, err := os.ReadFile(filepath.Join(w.Logs, "state"))
	if err != nil || !strings.Contains(string(state), `"first"`) {
		t.Errorf("the state was not saved: %v", err)
	}
}

func TestValidateNeedsNoBackend(t *testing.T) {
	w := workspace(t, `{}`)
	if err := os.Remove(w.Backend); err != nil {
		t.Fatal(err)
	}
	if err := w.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(w.Root, "broken.tf")
	if err := os.WriteFile(broken, []byte("output \"a\" {\n  value = var.none\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.Validate(t.Context()); err == nil || !strings.Contains(err.Error(), "broken.tf:2") {
		t.Errorf("got %v", err)
	}
}
