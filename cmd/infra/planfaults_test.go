package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// another is oneThing with another value.
func another(value string) string { return strings.Replace(oneThing, "first", value, 1) }

// TestRow17LowerSerial puts an older version of the state over a newer one,
// which Terraform takes for the truth: refused, and mended by what is said.
func TestRow17LowerSerial(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tiny(t, oneThing)
	c.run(t, 0, applyTiny()...)
	older := c.object(t, baselineKey, "")
	c.tiny(t, another("second"))
	c.run(t, 0, applyTiny()...)
	good := c.stateVersions(t, baselineKey)[0]

	key := baselineKey
	if _, err := c.s3(t).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &c.bucket, Key: &key, Body: strings.NewReader(string(older))}); err != nil {
		t.Fatal(err)
	}
	_, stderr := c.run(t, 3, planTiny()...)
	wantText(t, stderr, "serial", "next: ")
	_, stderr = c.run(t, 3, applyTiny()...)
	wantText(t, stderr, "infra state restore cloud --product baseline "+good.id)
	c.typed(t, "state", "restore", "cloud", "--product", "baseline", good.id)
	c.run(t, 0, planTiny()...)
	if last := c.stateVersions(t, baselineKey)[0]; last.serial <= good.serial {
		t.Errorf("the serial went from %d to %d", good.serial, last.serial)
	}
}

// TestRow30Row31Row32ApprovedPlans keeps plans in bundles and applies them when
// they are no longer what was approved: refused, with the reason, and nothing
// changes.
func TestRow30Row31Row32ApprovedPlans(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.git(t, "init", "--quiet", "--initial-branch=main")
	c.tiny(t, oneThing)
	c.commit(t, "first")
	c.run(t, 0, applyTiny()...)
	bundle := func(name string, more ...string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), name)
		c.run(t, 2, planTiny(append([]string{"--out", path}, more...)...)...)
		return path
	}
	refused := func(path string, reasons ...string) {
		t.Helper()
		before := len(c.stateVersions(t, baselineKey))
		_, stderr := c.run(t, 3, "apply", "cloud", "--plan", path, "--auto-approve")
		wantText(t, stderr, append(reasons, "next: ", "infra plan ")...)
		if got := len(c.stateVersions(t, baselineKey)); got != before {
			t.Error("something was applied")
		}
	}

	c.tiny(t, another("second"))
	c.commit(t, "second")
	old, fine := bundle("old", "--valid-for", "1s"), bundle("fine")
	time.Sleep(time.Second)
	whole, err := os.ReadFile(fine)
	if err != nil {
		t.Fatal(err)
	}
	touched := filepath.Join(t.TempDir(), "touched")
	whole[len(whole)/2] ^= 1
	if err := os.WriteFile(touched, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(touched)         // row 31
	refused(old, "too old")  // row 32
	c.write(t, "note", "x")  // a file in no commit changes nothing that is planned
	c.commit(t, "another")   // but another commit does
	refused(fine, "commit")  // row 32
	again := bundle("again") // of this commit
	c.run(t, 0, "apply", "cloud", "--plan", again, "--auto-approve")
	refused(again) // row 30: it was applied, so the state has moved on
	c.run(t, 0, planTiny()...)
}

// git runs git in the project.
func (c *cloud) git(t *testing.T, args ...string) {
	t.Helper()
	gitIn(t, c.project, args...)
}

// gitIn works on a repository as somebody who has a name.
func gitIn(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (c *cloud) commit(t *testing.T, message string) {
	t.Helper()
	c.write(t, ".gitignore", ".infra/\n")
	c.git(t, "add", "--all")
	c.git(t, "commit", "--quiet", "--message", message)
}

// TestRow26WrongAccount points an environment at another account than the
// credentials belong to: refused before Terraform has begun.
func TestRow26WrongAccount(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tiny(t, oneThing)
	c.write(t, "environments/cloud.yaml", "extends: sandbox\naccount: \"222222222222\"\nendpoint: "+c.endpoint+"\n")
	for _, args := range [][]string{planTiny(), applyTiny(), {"configure", "cloud"}, {"destroy", "cloud", "--confirm", "cloud"}, {"bootstrap", "cloud"}, {"recover", "cloud"}} {
		_, stderr := c.run(t, 3, args...)
		wantText(t, stderr, "222222222222", cloudAccount, "next: ")
	}
	if found, err := filepath.Glob(filepath.Join(c.project, ".infra", "data", "*", "*")); err != nil || len(found) > 0 {
		t.Errorf("Terraform was initialised: %v, %v", found, err)
	}
	if buckets, err := c.s3(t).ListBuckets(t.Context(), nil); err != nil || len(buckets.Buckets) > 0 {
		t.Errorf("buckets were made: %+v, %v", buckets, err)
	}
}

// TestRow33Deferred plans a product whose inputs do not exist yet: it is shown
// as waiting, and nothing is made up in their place.
func TestRow33Deferred(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tiny(t, oneThing)
	c.run(t, 0, "bootstrap", "cloud")
	stdout, _ := c.run(t, 2, "plan", "cloud", "--output", "json")
	var doc struct {
		Stacks []struct {
			Stack, Deferred string
			Changes         []json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil || len(doc.Stacks) != 2 {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if s := doc.Stacks[0]; s.Stack != "baseline/cloud" || s.Deferred != "" || len(s.Changes) != 1 {
		t.Errorf("the first is %+v", s)
	}
	if s := doc.Stacks[1]; s.Stack != "pipeline/cloud" || s.Deferred == "" || len(s.Changes) != 0 {
		t.Errorf("the second is %+v", s)
	}
	_, stderr := c.run(t, 2, "plan", "cloud")
	wantText(t, stderr, "deferred", "pipeline/cloud")
}

// TestLayersOfNothing asks for one layer of a platform that was never applied:
// nothing is made that the hosts' list would then not have.
func TestLayersOfNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tiny(t, oneThing)
	layers := [][]string{{"plan", "cloud", "--layer", "zookeeper"}, {"apply", "cloud", "--layer", "vpc", "--auto-approve"}}
	refused := func() {
		for _, args := range layers {
			_, stderr := c.run(t, 3, args...)
			wantText(t, stderr, "pipeline/cloud", "never applied whole", "next: infra apply cloud")
		}
	}
	refused() // also before what the platform needs is there
	_, stderr := c.run(t, 1, "apply", "cloud", "--product", "pipeline", "--auto-approve")
	wantText(t, stderr, "the outputs of baseline/cloud, which was never applied", "next: infra apply cloud")
	c.run(t, 0, applyTiny()...)
	refused()
	if text := c.body(t, "pipeline/cloud/terraform.tfstate"); text != "" {
		t.Errorf("there is a state: %s", text)
	}
}

// keptSecret is a secret that Terraform itself is told never to destroy, by
// the real provider.
const keptSecret = `
resource "aws_secretsmanager_secret" "kept" {
  name                    = "infra-kept"
  recovery_window_in_days = 7
  lifecycle {
    prevent_destroy = true
  }
}
`

// TestRow36Row35BlockRemoved takes the block with prevent_destroy out of the
// code: Terraform would destroy the secret, the guard reads the plan and
// refuses, unless exactly that address is allowed.
func TestRow36Row35BlockRemoved(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	provider, err := os.ReadFile(filepath.Join(c.project, "terraform", "products", "baseline", "provider.tf"))
	if err != nil {
		t.Fatal(err)
	}
	c.tiny(t, oneThing+keptSecret)
	c.write(t, "terraform/products/baseline/provider.tf", string(provider))
	c.run(t, 0, applyTiny()...)
	deleted := func() bool {
		t.Helper()
		var secret struct{ DeletedDate float64 }
		c.ask(t, "secretsmanager", "secretsmanager.DescribeSecret", `{"SecretId":"infra-kept"}`, &secret)
		return secret.DeletedDate != 0
	}

	c.write(t, "terraform/products/baseline/main.tf", tinyRoot+oneThing)
	_, stderr := c.run(t, 3, planTiny()...)
	wantText(t, stderr, "aws_secretsmanager_secret.kept", "--allow-destroy aws_secretsmanager_secret.kept")
	c.run(t, 3, applyTiny("--allow-destroy", "aws_secretsmanager_secret.kep")...)
	if deleted() {
		t.Error("the secret is gone")
	}
	c.run(t, 0, applyTiny("--allow-destroy", "aws_secretsmanager_secret.kept")...)
	if !deleted() {
		t.Error("the secret is still there")
	}
}
