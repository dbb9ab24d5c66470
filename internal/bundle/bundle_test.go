package bundle_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/bundle"
	"infra/internal/fault"
	"infra/internal/guard"
)

// manifest is that of two planned stacks, one without changes and one that
// waits.
func manifest() bundle.Manifest {
	made := time.Date(2026, 3, 1, 12, 0, 0, 123, time.UTC)
	return bundle.Manifest{
		Environment: "prod", Account: "111111111111", Region: "eu-west-1", Run: "20260301T120000Z-1f2e3d",
		Created: made, Expires: made.Add(4 * time.Hour), Commit: strings.Repeat("c", 40), Terraform: "1.11.4",
		Selection: bundle.Selection{Products: []string{"baseline", "pipeline"}, AllowDestroy: []string{`module.vpc.aws_eip.this["a"]`}},
		Stacks: []bundle.Stack{
			{Product: "baseline", Changes: []guard.Change{{Address: "aws_kms_key.this", Type: "aws_kms_key", Action: guard.Replace, Reason: "tainted", Idle: true}}},
			{Product: "pipeline", OutputsChange: true, State: &guard.Version{Lineage: "l", Serial: 7, VersionID: "v", SHA256: strings.Repeat("a", 64)}, Inputs: "i"},
			{Product: "unchanged"},
			{Product: "waiting", Deferred: "it reads the outputs of pipeline/prod"},
		},
	}
}

// plans are plan files as Terraform leaves them.
func plans(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{}
	for product, text := range map[string]string{"baseline": "plan of baseline", "pipeline": strings.Repeat("plan of pipeline\n", 10000)} {
		files[product] = filepath.Join(dir, product)
		if err := os.WriteFile(files[product], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// written is a bundle on disk.
func written(t *testing.T) bundle.Bundle {
	t.Helper()
	b, err := bundle.Write(filepath.Join(t.TempDir(), "prod.bundle"), manifest(), plans(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	made := written(t)
	dir := t.TempDir()
	got, err := bundle.Open(made.Path, dir)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(read(t, made.Path))
	if got.Digest != made.Digest || got.Digest != hex.EncodeToString(sum[:]) {
		t.Errorf("digests are %s and %s, sha256sum says %x", got.Digest, made.Digest, sum)
	}
	want, have := asJSON(t, made.Manifest), asJSON(t, got.Manifest)
	if want != have {
		t.Errorf("manifest is\n%s\nwant\n%s", have, want)
	}
	for _, part := range []string{`"schema":"infra/bundle/v1"`, `"created":"2026-03-01T12:00:00Z"`, `"file":"pipeline.tfplan"`, `"address":"aws_kms_key.this"`, `"idle":true`, `"state":null`} {
		if !strings.Contains(have, part) {
			t.Errorf("manifest %s lacks %s", have, part)
		}
	}
	for product, text := range map[string]string{"baseline": "plan of baseline", "pipeline": strings.Repeat("plan of pipeline\n", 10000)} {
		if path := got.Plan(product); filepath.Dir(path) != dir || string(read(t, path)) != text {
			t.Errorf("the plan of %s is %s", product, path)
		}
	}
	if got.Plan("waiting") != "" || got.Plan("unchanged") != "" || got.Plan("none") != "" {
		t.Error("a stack without a plan file has one")
	}
	for _, path := range []string{made.Path, got.Plan("baseline")} {
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
}

func asJSON(t *testing.T, m bundle.Manifest) string {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheSameInputGivesTheSameBytes(t *testing.T) {
	if one, two := written(t), written(t); one.Digest != two.Digest {
		t.Errorf("digests are %s and %s", one.Digest, two.Digest)
	}
}

func TestWriteReplacesABundle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prod.bundle")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Write(path, manifest(), plans(t)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := bundle.Open(path, t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestWriteRefuses(t *testing.T) {
	files := plans(t)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*bundle.Manifest)
		plans  map[string]string
		says   string
	}{
		{name: "row 34: an empty plan file", plans: map[string]string{"baseline": empty}, says: "has 0 bytes"},
		{name: "row 31: another plan file", change: func(m *bundle.Manifest) { m.Stacks[0].SHA256 = strings.Repeat("0", 64) }, plans: files, says: "changed since it was made"},
		{name: "no plan file", plans: map[string]string{"baseline": empty + "x"}, says: "no such file"},
		{name: "a plan of no stack", plans: map[string]string{"other": files["baseline"]}, says: "1 belong to no stack"},
		{name: "a deferred plan", change: func(m *bundle.Manifest) { m.Stacks[0].Deferred = "x" }, plans: files, says: "is deferred and has a plan"},
		{name: "no stack", change: func(m *bundle.Manifest) { m.Stacks = nil }, says: "holds no stack"},
		{name: "no time", change: func(m *bundle.Manifest) { m.Expires = m.Created }, says: "lives from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := manifest()
			if c.change != nil {
				c.change(&m)
			}
			dir := t.TempDir()
			_, err := bundle.Write(filepath.Join(dir, "x"), m, c.plans)
			if err == nil || !strings.Contains(err.Error(), c.says) || fault.CodeOf(err) != fault.Failed || fault.HintOf(err) == "" {
				t.Errorf("error %v, want %q", err, c.says)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}
