package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/fault"
	"infra/internal/sandbox/emulator"
	"infra/internal/state"
)

// bucketKey is the key of a state in these tests.
const bucketKey = "baseline/cloud/terraform.tfstate"

// states is the environment's state bucket, opened as commands do.
func (c *cloud) states(t *testing.T) *state.Bucket {
	t.Helper()
	return state.NewBucket(c.config(t), c.bucket, cloudAccount, true, map[string]string{"owner": "platform"})
}

// put writes an object as somebody outside of infra would.
func (c *cloud) put(t *testing.T, key, text string) {
	t.Helper()
	_, err := c.s3(t).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &c.bucket, Key: &key, Body: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
}

// body reads an object; empty when there is none.
func (c *cloud) body(t *testing.T, key string) string {
	t.Helper()
	out, err := c.s3(t).GetObject(t.Context(), &s3.GetObjectInput{Bucket: &c.bucket, Key: &key})
	if err != nil {
		return ""
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func stateText(serial, lineage, resources string) string {
	return `{"version": 4, "terraform_version": "1.11.4", "serial": ` + serial + `, "lineage": "` + lineage + `", "outputs": {}, "resources": [` + resources + `], "check_results": null}`
}

// TestStateBucket asks of the bucket what an S3 must do for it to hold.
func TestStateBucket(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	t.Run("bootstrap", func(t *testing.T) { bootstrapTwice(t, c) })
	t.Run("Row24 a bucket of somebody else is refused", func(t *testing.T) { foreignBucket(t, c) })
	t.Run("Row21 a write replaces exactly what was read", func(t *testing.T) { conditionalWrites(t, c) })
	t.Run("Row15 the history tells good versions from bad", func(t *testing.T) { stateHistory(t, c) })
	t.Run("Row19 locks are Terraform's own", func(t *testing.T) { stateLocks(t, c) })
	t.Run("Row22 a lock that could not be given back is found before", func(t *testing.T) { lockProbe(t, c) })
}

func bootstrapTwice(t *testing.T, c *cloud) {
	_, stderr := c.run(t, 0, "bootstrap", "cloud")
	for _, want := range []string{"made the bucket " + c.bucket, "made the bucket " + c.bucket + "-access-logs", "TLS only and no deletion but of locks", "access logs"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("bootstrap does not say %q:\n%s", want, stderr)
		}
	}
	if _, stderr := c.run(t, 0, "bootstrap", "cloud"); !strings.Contains(stderr, "nothing changed") {
		t.Errorf("a second bootstrap:\n%s", stderr)
	}
	client := c.s3(t)
	// What somebody loosened is put right, and nothing else is touched.
	if _, err := client.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &c.bucket}); err != nil {
		t.Fatal(err)
	}
	if _, stderr := c.run(t, 0, "bootstrap", "cloud"); !strings.Contains(stderr, "TLS only") || strings.Contains(stderr, "versioning") {
		t.Errorf("a third bootstrap:\n%s", stderr)
	}
	var policy struct {
		Statement []struct{ Sid, Effect, NotResource string }
	}
	got, err := client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &c.bucket})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(*got.Policy), &policy); err != nil || len(policy.Statement) != 2 ||
		policy.Statement[1].Effect != "Deny" || policy.Statement[1].NotResource != "arn:aws:s3:::"+c.bucket+"/*.tflock" {
		t.Errorf("the policy is %s, %v", *got.Policy, err)
	}
	rules, err := client.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &c.bucket})
	if err != nil || len(rules.Rules) != 3 {
		t.Errorf("the life cycle is %+v, %v", rules, err)
	}
	logs := c.bucket + "-access-logs"
	rules, err = client.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: &logs})
	if err != nil || len(rules.Rules) != 1 || *rules.Rules[0].Expiration.Days != 365 {
		t.Errorf("the life cycle of the logs is %+v, %v", rules, err)
	}
	tags, err := client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &c.bucket})
	if err != nil || len(tags.TagSet) == 0 {
		t.Errorf("the bucket has no tags: %v", err)
	}
}

// foreignBucket: whoever names a bucket of another account is refused before
// anything is made.
func foreignBucket(t *testing.T, c *cloud) {
	other := state.NewBucket(c.config(t), c.bucket, "210987654321", true, nil)
	if _, err := other.Bootstrap(t.Context()); fault.CodeOf(err) != fault.Refused || fault.HintOf(err) == "" {
		t.Errorf("bootstrap of another account's bucket: %v", err)
	}
	if _, err := other.Read(t.Context(), bucketKey); err == nil || errors.Is(err, state.ErrAbsent) {
		t.Errorf("read from another account's bucket: %v", err)
	}
	if _, err := other.Write(t.Context(), bucketKey, []byte(stateText("1", "l", "")), nil); err == nil {
		t.Error("another account's bucket was written")
	}
}

func conditionalWrites(t *testing.T, c *cloud) {
	b := c.states(t)
	if _, err := b.Read(t.Context(), bucketKey); !errors.Is(err, state.ErrAbsent) {
		t.Fatalf("there is a state already: %v", err)
	}
	first, err := b.Write(t.Context(), bucketKey, []byte(stateText("1", "l", "")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.Write(t.Context(), bucketKey, first.Raw, nil); err != nil || again.VersionID != first.VersionID {
		t.Errorf("the same write, whose answer was lost: %+v, %v", again, err)
	}
	if _, err := b.Write(t.Context(), bucketKey, []byte(stateText("1", "other", "")), nil); fault.CodeOf(err) != fault.Refused {
		t.Errorf("a new state over one that is there: %v", err)
	}
	// Twenty write over the same state at once: one of them does.
	var wins []string
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			s, err := b.Write(t.Context(), bucketKey, []byte(stateText("2", "l", `{"mode":"data","type":"a","name":"b`+strings.Repeat("x", i)+`","instances":[]}`)), first)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				wins = append(wins, s.SHA256)
			case fault.CodeOf(err) != fault.Refused:
				t.Errorf("a write that lost: %v", err)
			}
		})
	}
	group.Wait()
	now, err := b.Read(t.Context(), bucketKey)
	if err != nil || len(wins) != 1 || now.SHA256 != wins[0] || now.Serial != 2 {
		t.Errorf("%d writes won, the state is %+v, %v", len(wins), now, err)
	}
	if was, err := b.ReadVersion(t.Context(), bucketKey, first.VersionID); err != nil || was.SHA256 != first.SHA256 {
		t.Errorf("the version before: %+v, %v", was, err)
	}
}

func stateHistory(t *testing.T, c *cloud) {
	b := c.states(t)
	key := "pipeline/cloud/terraform.tfstate"
	if versions, err := b.History(t.Context(), key, 10); err != nil || len(versions) != 0 {
		t.Errorf("the history of nothing is %v, %v", versions, err)
	}
	c.put(t, key, stateText("1", "l", `{"mode":"managed","type":"a","name":"b","instances":[{},{}]}`))
	c.put(t, key, "")
	c.put(t, key, `{"version": 4,`)
	c.put(t, key+".tflock", "{}")
	// Nobody deletes a state, until somebody has taken the policy away.
	remove := func() error {
		_, err := c.s3(t).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &c.bucket, Key: &key})
		return err
	}
	if err := remove(); err == nil || !strings.Contains(err.Error(), "explicit deny") {
		t.Errorf("a state could be deleted: %v", err)
	}
	if _, err := c.s3(t).DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &c.bucket}); err != nil {
		t.Fatal(err)
	}
	// S3 tells times in seconds, and versions and deletions in two lists.
	time.Sleep(1100 * time.Millisecond)
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond)
	c.put(t, key, stateText("2", "m", ""))
	versions, err := b.History(t.Context(), key, 10)
	if err != nil || len(versions) != 5 {
		t.Fatalf("the history is %+v, %v", versions, err)
	}
	latest, deleted, corrupt, empty, good := versions[0], versions[1], versions[2], versions[3], versions[4]
	if !latest.Latest || latest.Serial != 2 || latest.Lineage != "m" || latest.Problem != "" {
		t.Errorf("the latest is %+v", latest)
	}
	if !deleted.Deleted || deleted.Latest {
		t.Errorf("the deletion is %+v", deleted)
	}
	if !strings.Contains(corrupt.Problem, "not valid JSON") || !strings.Contains(empty.Problem, "zero bytes") {
		t.Errorf("the broken ones are %+v and %+v", corrupt, empty)
	}
	if good.Problem != "" || good.Serial != 1 || good.Resources != 2 {
		t.Errorf("the good one is %+v", good)
	}
	if few, err := b.History(t.Context(), key, 2); err != nil || len(few) != 2 || few[1].VersionID != deleted.VersionID {
		t.Errorf("the newest two are %+v, %v", few, err)
	}
	for name, id := range map[string]string{"a deletion": deleted.VersionID, "none": "3HL4kqtJlcpXroDTDmJ"} {
		if _, err := b.ReadVersion(t.Context(), key, id); !errors.Is(err, state.ErrAbsent) {
			t.Errorf("a version that is %s: %v", name, err)
		}
	}
	if s, err := b.ReadVersion(t.Context(), key, corrupt.VersionID); !errors.Is(err, state.ErrCorrupt) || string(s.Raw) != `{"version": 4,` || fault.HintOf(err) != "infra state history cloud --product pipeline" {
		t.Errorf("a corrupt version is %+v, %v, hint %q", s, err, fault.HintOf(err))
	}
}

func stateLocks(t *testing.T, c *cloud) {
	b := c.states(t)
	unlock, err := b.Lock(t.Context(), bucketKey, "test", "run-1")
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal([]byte(c.body(t, bucketKey+".tflock")), &raw); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"ID", "Operation", "Info", "Who", "Version", "Created", "Path"} {
		if raw[field] == "" || raw[field] == nil {
			t.Errorf("the lock has no %s: %v", field, raw)
		}
	}
	if len(raw) != 7 || raw["Path"] != c.bucket+"/"+bucketKey {
		t.Errorf("the lock is %v", raw)
	}
	_, err = b.Lock(t.Context(), bucketKey, "test", "run-2")
	if fault.CodeOf(err) != fault.Locked || !strings.Contains(err.Error(), "run-1") || !strings.Contains(err.Error(), raw["ID"].(string)) { //nolint:errcheck,forcetypeassert // a text, as was seen
		t.Errorf("a second lock: %v", err)
	}
	locks, err := b.Locks(t.Context(), bucketKey, "pipeline/cloud/other.tfstate")
	if err != nil || len(locks) != 1 || locks[0].Key != bucketKey || locks[0].Info != "infra run run-1" || time.Since(locks[0].Modified) > time.Minute {
		t.Fatalf("the locks are %+v, %v", locks, err)
	}
	other := locks[0]
	other.ID = "another"
	if err := b.Unlock(t.Context(), other); fault.CodeOf(err) != fault.Refused {
		t.Errorf("unlock of another's lock: %v", err)
	}
	if err := unlock(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := b.Unlock(t.Context(), locks[0]); err != nil {
		t.Errorf("unlock of a lock that is gone: %v", err)
	}
	if c.body(t, bucketKey+".tflock") != "" {
		t.Error("the lock is still there")
	}
	c.put(t, bucketKey+".tflock", "what is this")
	if _, err := b.Lock(t.Context(), bucketKey, "test", "run-3"); fault.CodeOf(err) != fault.Locked {
		t.Errorf("a lock that cannot be read: %v", err)
	}
	if _, err := c.s3(t).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &c.bucket, Key: aws.String(bucketKey + ".tflock")}); err != nil {
		t.Fatal(err)
	}
}

func lockProbe(t *testing.T, c *cloud) {
	b := c.states(t)
	if err := b.Probe(t.Context(), bucketKey); err != nil {
		t.Fatal(err)
	}
	if c.body(t, "baseline/cloud/terraform.tfstate.probe.tflock") != "" {
		t.Error("the probe is still there")
	}
	if err := c.emulator.AddFaults(t.Context(), emulator.Fault{Service: "s3", Action: "DeleteObject", Status: http.StatusForbidden, ErrorCode: "AccessDenied"}); err != nil {
		t.Fatal(err)
	}
	err := b.Probe(t.Context(), bucketKey)
	if err := c.emulator.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	if fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "s3:DeleteObject") || !strings.Contains(fault.HintOf(err), "/*.tflock") {
		t.Errorf("without the permission: %v, hint %q", err, fault.HintOf(err))
	}
}
