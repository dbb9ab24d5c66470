package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/process"
	"infra/internal/run"
)

// What the command line says about a live run, and about one that is gone.
func TestRow20LiveRunOnTheCommandLine(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.run(t, 0, "bootstrap", "cloud")
	s := c.store(t)
	out, _ := c.run(t, 0, "runs", "cloud")
	if !strings.Contains(out, "nothing was done to cloud yet") {
		t.Errorf("an empty ledger: %q", out)
	}
	id := "20260101T000000Z-aaaaaa"
	lease, err := s.Acquire(t.Context(), elsewhere(id), run.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.Open(t.Context(), run.NewRecord(elsewhere(id), "cloud")); err != nil {
		t.Fatal(err)
	}
	if out, _ = c.run(t, 0, "runs", "cloud"); !strings.Contains(out, id) || !strings.Contains(out, "running") || !strings.Contains(out, "ada@build-7") {
		t.Errorf("while it goes on:\n%s", out)
	}
	_, stderr := c.run(t, 3, "unlock", "cloud", "--run", id)
	if !strings.Contains(stderr, "not provably dead") || !strings.Contains(stderr, "infra runs cloud "+id) {
		t.Errorf("a live lease:\n%s", stderr)
	}
	c.run(t, 3, "unlock", "cloud", "--run", "20260101T000000Z-bbbbbb")
	_, stderr = c.run(t, 4, "plan", "cloud")
	if !strings.Contains(stderr, "run "+id+" (apply) by ada@build-7") || !strings.Contains(stderr, "--lock-timeout") {
		t.Errorf("a plan beside a live run:\n%s", stderr)
	}
	_, stderr = c.run(t, 4, "recover", "cloud", "--auto-approve")
	if !strings.Contains(stderr, "is held by run "+id) {
		t.Errorf("recovering a live run:\n%s", stderr)
	}

	// Its lease is given back, and nobody knows how it ended.
	if err := lease.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, _ = c.run(t, 0, "runs", "cloud"); !strings.Contains(out, "outcome unknown") {
		t.Errorf("when it is gone:\n%s", out)
	}
	out, _ = c.run(t, 0, "runs", "cloud", "--output", "json")
	var doc struct {
		Schema string
		Runs   []run.Record
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Schema != "infra/runs/v1" || len(doc.Runs) != 1 || doc.Runs[0].Result != run.Unknown {
		t.Errorf("as JSON: %v\n%s", err, out)
	}
	out, _ = c.run(t, 0, "runs", "cloud", id, "--output", "json")
	var record run.Record
	if err := json.Unmarshal([]byte(out), &record); err != nil || record.Schema != run.RecordSchema || record.Run != id {
		t.Errorf("one of them: %v\n%s", err, out)
	}
	_, stderr = c.run(t, 64, "runs", "cloud", "nosuch")
	if !strings.Contains(stderr, "the ledger has no such run") || !strings.Contains(stderr, "next: infra runs cloud") {
		t.Errorf("one that is not there:\n%s", stderr)
	}
	for _, verb := range [][]string{{"plan", "cloud"}, {"apply", "cloud", "--auto-approve"}} {
		_, stderr = c.run(t, 4, verb...)
		if !strings.Contains(stderr, "its outcome is unknown") || !strings.Contains(stderr, "next: infra recover cloud") {
			t.Errorf("%v beside an open run:\n%s", verb, stderr)
		}
	}
}

// FAULTS 19: what a dead run has left goes by its id, and only that.
func TestRow19UnlockTheDead(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.makeBucket(t)
	s := c.store(t)

	// A process of this machine that is gone, with a directory that is there.
	child := exec.CommandContext(t.Context(), "sleep", "600")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	self, err := process.Of(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	dead := run.NewHolder(&run.Run{ID: "20260101T000000Z-aaaaaa", Dir: t.TempDir(), Started: time.Now().UTC()}, "apply", "arn", "")
	dead.PID, dead.Start, dead.Boot = self.PID, self.Start, self.Boot
	lease, err := s.Acquire(t.Context(), dead, run.Wait{})
	if err != nil {
		t.Fatal(err)
	}
	lease.Abandon()
	lock := func(product, id, who string, created time.Time) {
		text := fmt.Sprintf(`{"ID":%q,"Operation":"OperationTypePlan","Who":%q,"Created":%q}`, id, who, created.Format(time.RFC3339Nano))
		if _, err := c.s3(t).PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &c.bucket, Key: aws.String(product + "/cloud/terraform.tfstate.tflock"), Body: strings.NewReader(text),
		}); err != nil {
			t.Fatal(err)
		}
	}
	lock("baseline", "of-the-dead", dead.Who+"@"+dead.Host, time.Now())
	lock("pipeline", "of-another", "eve@laptop", time.Now())

	_, stderr := c.run(t, 3, "unlock", "cloud", "--run", dead.Run)
	if !strings.Contains(stderr, "not provably dead") {
		t.Errorf("while its process runs:\n%s", stderr)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	out, _ := c.run(t, 0, "unlock", "cloud", "--run", dead.Run, "--output", "json")
	var doc struct {
		Schema, Run string
		Locks       []string
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || doc.Schema != "infra/unlock/v1" || !slices.Equal(doc.Locks, []string{"of-the-dead"}) {
		t.Errorf("%v\n%s", err, out)
	}
	_, stderr = c.run(t, 3, "unlock", "cloud", "--run", dead.Run)
	if !strings.Contains(stderr, "nobody holds the lease") {
		t.Errorf("a second time:\n%s", stderr)
	}

	// The lock of a Terraform that nobody knows: by its id, with the name typed.
	_, stderr = c.run(t, 3, "unlock", "cloud", "--lock", "nosuch", "--confirm", "cloud")
	if !strings.Contains(stderr, "of-another") || !strings.Contains(stderr, "eve@laptop") {
		t.Errorf("a lock that is not there:\n%s", stderr)
	}
	_, stderr = c.run(t, 3, "unlock", "cloud", "--lock", "of-another")
	if !strings.Contains(stderr, "infra unlock cloud --lock of-another --confirm cloud") {
		t.Errorf("with nobody to ask:\n%s", stderr)
	}
	c.run(t, 3, "unlock", "cloud", "--lock", "of-another", "--confirm", "prod")
	c.run(t, 0, "unlock", "cloud", "--lock", "of-another", "--confirm", "cloud")
	left, err := c.s3(t).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &c.bucket, Prefix: aws.String("pipeline/")})
	if err != nil || len(left.Contents) != 0 {
		t.Errorf("left are %+v, %v", left, err)
	}
}
