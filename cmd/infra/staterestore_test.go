package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func stateRestore(t *testing.T, c *cloud) {
	now := c.state(t)
	out, _ := c.run(t, 0, "state", "diff", "cloud")
	if !strings.Contains(out, `~ terraform_data.one input.value: "first" -> "edited"`) {
		t.Errorf("the difference is\n%s", out)
	}
	out, _ = c.run(t, 0, "state", "history", "cloud", "--output", "json")
	var doc struct {
		States []struct {
			Product  string
			Versions []struct {
				VersionID string `json:"version_id"`
				Serial    uint64
				Latest    bool
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.States) != 2 || len(doc.States[0].Versions) < 3 || !doc.States[0].Versions[0].Latest {
		t.Fatalf("the history is %s, %v", out, err)
	}
	before := doc.States[0].Versions[1]
	if text, _ := c.run(t, 0, "state", "history", "cloud"); !strings.Contains(text, before.VersionID) {
		t.Errorf("the history is\n%s", text)
	}
	c.run(t, 64, "state", "restore", "cloud", before.VersionID) // which product?
	c.run(t, 64, "state", "restore", "cloud", "--product", "baseline", "--auto-approve")
	c.run(t, 64, "state", "restore", "cloud", "3HL4kqtJlcpXroDTDmJ", "--product", "baseline", "--auto-approve")
	c.run(t, 3, "state", "restore", "cloud", before.VersionID, "--product", "baseline")
	c.unchanged(t, now)
	_, stderr := c.run(t, 0, "state", "restore", "cloud", before.VersionID, "--product", "baseline", "--auto-approve")
	restored := c.state(t)
	if restored.Serial != now.Serial+1 || !strings.Contains(string(restored.Raw), `"first"`) || !strings.Contains(stderr, "The next apply would change nothing") {
		t.Errorf("restored serial %d:\n%s", restored.Serial, stderr)
	}
	c.settled(t)
}

// stateLost puts zero bytes, broken JSON, nothing and an older state in the
// place of the state. Each time the next run is refused and says what to type,
// and that mends it.
func stateLost(t *testing.T, c *cloud) {
	good := c.state(t)
	older, err := c.states(t).History(t.Context(), bucketKey, 50)
	if err != nil {
		t.Fatal(err)
	}
	old, err := c.states(t).ReadVersion(t.Context(), bucketKey, older[len(older)-1].VersionID)
	if err != nil {
		t.Fatal(err)
	}
	const missing = "missing"
	for _, lost := range []struct {
		name, text string
		version    []string
	}{
		{"missing", missing, nil},
		{"zero bytes", "", nil},
		{"corrupt", string(good.Raw[:len(good.Raw)/2]), nil},
		{"a lower serial", string(old.Raw), []string{good.VersionID}},
	} {
		serial := good.Serial
		if lost.text == missing {
			c.removeState(t)
		} else {
			c.put(t, bucketKey, lost.text)
		}
		_, stderr := c.run(t, 3, "plan", "cloud", "--product", "baseline")
		if !strings.Contains(stderr, "infra state history cloud --product baseline") {
			t.Errorf("%s: the refusal does not say what to type:\n%s", lost.name, stderr)
		}
		c.run(t, 0, "state", "history", "cloud", "--product", "baseline")
		args := append([]string{"state", "restore", "cloud", "--product", "baseline", "--auto-approve"}, lost.version...)
		c.run(t, 0, args...)
		good = c.state(t)
		if good.Serial <= serial || len(good.Addresses()) != 4 {
			t.Errorf("%s: restored serial %d with %q", lost.name, good.Serial, good.Addresses())
		}
		c.settled(t)
	}
}

func stateLineage(t *testing.T, c *cloud) {
	good := c.state(t)
	c.put(t, bucketKey, strings.Replace(string(good.Raw), good.Lineage, "5e1f0000-0000-0000-0000-000000000000", 1))
	foreign := c.state(t)
	c.run(t, 3, "plan", "cloud", "--product", "baseline")
	c.run(t, 3, "state", "rm", "cloud", "terraform_data.one", "--auto-approve")
	_, stderr := c.run(t, 0, "state", "restore", "cloud", good.VersionID, "--product", "baseline", "--auto-approve")
	good = c.state(t)
	if good.Lineage == foreign.Lineage {
		t.Errorf("the foreign state is still there:\n%s", stderr)
	}
	_, stderr = c.run(t, 3, "state", "restore", "cloud", foreign.VersionID, "--product", "baseline", "--auto-approve")
	if !strings.Contains(stderr, "lineage") {
		t.Errorf("another lineage is refused with\n%s", stderr)
	}
	c.unchanged(t, good)
	c.run(t, 0, "plan", "cloud", "--product", "baseline")
}

// removeState deletes the state, which somebody can who first takes the
// bucket's policy away.
func (c *cloud) removeState(t *testing.T) {
	t.Helper()
	if _, err := c.s3(t).DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: &c.bucket}); err != nil {
		t.Fatal(err)
	}
	key := bucketKey
	if _, err := c.s3(t).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &c.bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
}
