package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/state"
)

// smallCode is a product without a cloud provider, so that Terraform starts
// at once. The S3 backend is the real one.
const smallCode = `terraform {
  required_version = ">= 1.11"
  backend "s3" {}
}

variable "environment" {
  type = string
}

resource "terraform_data" "one" {
  input = "first"
}

resource "terraform_data" "two" {
  input = { name = "second", password = "s3ntinel-two" }
}

resource "terraform_data" "many" {
  for_each = toset(["a b", "c"])
  input    = each.key
}

output "one" {
  value = terraform_data.one.output
}

output "secret" {
  value     = "s3ntinel-output"
  sensitive = true
}
`

// small replaces the product baseline by smallCode and applies it.
func (c *cloud) small(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(c.project, "terraform", "products", "baseline")); err != nil {
		t.Fatal(err)
	}
	c.write(t, "terraform/products/baseline/main.tf", smallCode)
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
}

// code changes the small product.
func (c *cloud) code(t *testing.T, oldnew ...string) {
	t.Helper()
	c.write(t, "terraform/products/baseline/main.tf", strings.NewReplacer(oldnew...).Replace(smallCode))
}

// state is the small product's state, as it is in S3.
func (c *cloud) state(t *testing.T) *state.State {
	t.Helper()
	s, err := c.states(t).Read(t.Context(), bucketKey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unchanged wants that a command left the state, its lock and the ledger as
// they were, and no secret in the run's directory.
func (c *cloud) unchanged(t *testing.T, was *state.State) {
	t.Helper()
	if now := c.state(t); now.SHA256 != was.SHA256 || now.VersionID != was.VersionID {
		t.Errorf("the state was changed: serial %d -> %d", was.Serial, now.Serial)
	}
	c.settled(t)
}

// settled wants that no lock is left, and that the environment is open.
func (c *cloud) settled(t *testing.T) {
	t.Helper()
	if lock := c.body(t, bucketKey+".tflock"); lock != "" {
		t.Errorf("a lock is left: %s", lock)
	}
	head, err := c.store(t).Head(t.Context())
	if err != nil || head.Open != "" {
		t.Errorf("the head of the ledger is %+v, %v", head, err)
	}
}

// TestStateTools changes one small state in every way that there is. The
// steps go in order, since each stands on what the one before left.
func TestStateTools(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.small(t)
	for _, step := range []struct {
		name string
		test func(*testing.T, *cloud)
	}{
		{"list and show mask what is sensitive", stateLook},
		{"mv explains itself", stateMv},
		{"rm and import explain themselves", stateRmImport},
		{"Row18 edit is safe", stateEdit},
		{"diff, history and restore", stateRestore},
		{"Row13 14 15 a state that is lost comes back", stateLost},
		{"Row16 another lineage is refused", stateLineage},
		{"Row11 a state that could not be saved is pushed", statePush},
		{"Row47 edit takes an editor with arguments", stateEditor},
		{"Row02 killed in the editor nothing has happened", stateKilled},
		{"Row21 a lock that somebody holds is named", stateLocked},
		{"nothing is left behind", stateTidy},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.test(t, c) }) {
			return
		}
	}
}

func stateLook(t *testing.T, c *cloud) {
	out, _ := c.run(t, 0, "state", "list", "cloud")
	for _, want := range []string{"terraform_data.one", `terraform_data.many["a b"]`} {
		if !strings.Contains(out, want) {
			t.Errorf("the list has no %s:\n%s", want, out)
		}
	}
	if _, stderr := c.run(t, 64, "state", "show", "cloud", "terraform_data.tow"); !strings.Contains(stderr, "terraform_data.two") {
		t.Errorf("a misspelt address is not put right:\n%s", stderr)
	}
	out, _ = c.run(t, 0, "state", "show", "cloud", "terraform_data.two")
	if strings.Contains(out, "s3ntinel") || !strings.Contains(out, `input.value.name = "second"`) || !strings.Contains(out, "input.value.password = (sensitive)") {
		t.Errorf("the resource is shown as\n%s", out)
	}
	if out, _ = c.run(t, 0, "state", "show", "cloud", "terraform_data.two", "--output", "json"); strings.Contains(out, "s3ntinel") || !json.Valid([]byte(out)) {
		t.Errorf("the resource is shown as\n%s", out)
	}
	if out, _ = c.run(t, 0, "state", "show", "cloud", "terraform_data.two", "--reveal"); !strings.Contains(out, "s3ntinel-two") {
		t.Errorf("revealed, it is shown as\n%s", out)
	}
	if out, _ = c.run(t, 0, "state", "pull", "cloud"); out != string(c.state(t).Raw) {
		t.Error("pull does not print the state as it is")
	}
}

func stateMv(t *testing.T, c *cloud) {
	was := c.state(t)
	// Nobody can be asked here, so it is refused, and nothing has happened.
	_, stderr := c.run(t, 3, "state", "mv", "cloud", "terraform_data.one", "terraform_data.uno")
	for _, want := range []string{"The code still has terraform_data.one and not terraform_data.uno", "would now be destroyed", "--auto-approve"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("mv does not say %q:\n%s", want, stderr)
		}
	}
	c.unchanged(t, was)
	c.code(t, "terraform_data\" \"one\"", "terraform_data\" \"uno\"", "terraform_data.one", "terraform_data.uno")
	out, stderr := c.run(t, 0, "state", "mv", "cloud", "terraform_data.one", "terraform_data.uno", "--auto-approve", "--output", "json")
	if !strings.Contains(stderr, "The next apply would change nothing") {
		t.Errorf("a move that the code follows:\n%s", stderr)
	}
	var doc struct {
		Schema string
		Was    struct{ Serial uint64 }
		Now    struct{ Serial uint64 }
		Before []struct{ Action string }
		After  []struct{ Action string }
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Schema != "infra/state-change/v1" || doc.Was.Serial != was.Serial || doc.Now.Serial <= was.Serial || len(doc.Before) != 2 || len(doc.After) != 0 {
		t.Errorf("the document is %s, %v", out, err)
	}
	c.settled(t)
	c.run(t, 0, "state", "mv", "cloud", "terraform_data.uno", "terraform_data.one", "--auto-approve", "--product", "baseline")
	c.code(t)
	c.run(t, 64, "state", "mv", "cloud", "terraform_data.none", "terraform_data.one")
}

func stateRmImport(t *testing.T, c *cloud) {
	was := c.state(t)
	id := was.Find("terraform_data.one")[0].ID
	_, stderr := c.run(t, 3, "state", "rm", "cloud", "terraform_data.one")
	for _, want := range []string{"stays in the cloud", "infra state import cloud terraform_data.one ID", "would now be created"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("rm does not say %q:\n%s", want, stderr)
		}
	}
	c.unchanged(t, was)
	c.run(t, 0, "state", "rm", "cloud", "terraform_data.one", "terraform_data.many", "--auto-approve")
	if now := c.state(t); len(now.Find("terraform_data.one")) != 0 || len(now.Find("terraform_data.many")) != 0 || now.Lineage != was.Lineage || now.Serial <= was.Serial {
		t.Errorf("the state has %q, serial %d", now.Addresses(), now.Serial)
	}
	c.run(t, 64, "state", "import", "cloud", "terraform_data.one", id)
	_, stderr = c.run(t, 1, "state", "import", "cloud", "terraform_data.none", id, "--product", "baseline")
	if !strings.Contains(stderr, "terraform_data.none") || !strings.Contains(stderr, "next:") {
		t.Errorf("an import that the code does not have:\n%s", stderr)
	}
	_, stderr = c.run(t, 0, "state", "import", "cloud", "terraform_data.one", id, "--product", "baseline", "--auto-approve")
	if !strings.Contains(stderr, "what was imported differs") {
		t.Errorf("import does not explain itself:\n%s", stderr)
	}
	if found := c.state(t).Find("terraform_data.one"); len(found) != 1 || found[0].ID != id {
		t.Errorf("imported %+v", found)
	}
	c.settled(t)
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
}

func stateLocked(t *testing.T, c *cloud) {
	was := c.state(t)
	unlock, err := c.states(t).Lock(t.Context(), bucketKey, "OperationTypeApply", "another")
	if err != nil {
		t.Fatal(err)
	}
	_, stderr := c.run(t, int(fault.Locked), "state", "rm", "cloud", "terraform_data.one", "--auto-approve")
	if !strings.Contains(stderr, "infra run another") {
		t.Errorf("the holder is not named:\n%s", stderr)
	}
	if err := unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.unchanged(t, was)
}

// stateTidy greps what the commands left on the disk for what the state has in
// clear: only edits that came to nothing may hold it.
func stateTidy(t *testing.T, c *cloud) {
	err := filepath.WalkDir(filepath.Join(c.project, ".infra"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(data), "s3ntinel") && !strings.HasSuffix(path, ".edited.json") {
			t.Errorf("%s holds a secret", path)
		}
		if strings.Contains(path, "runs") && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
