package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// FAULTS 1: the provider alone is killed while it makes something. Terraform
// goes on, fails and saves; what the provider made has no place in the state.
func TestRow01ProviderKilled(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.shrink(t)
	c.run(t, 0, "bootstrap", "cloud")
	c.middle(t)
	if c.kill(t, partProvider) != 1 {
		t.Fatal("the provider was not killed")
	}
	c.quiet(t)
	if err := c.emulator.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	// AWS does what it was asked for, although nobody waits for the answer.
	deadline := time.Now().Add(cloudLimit)
	for !slices.ContainsFunc(slices.Collect(maps.Keys(c.things(t))), func(made thing) bool { return made.kind == "aws_sns_topic" }) {
		if time.Now().After(deadline) {
			t.Fatal("the topic was never made")
		}
		time.Sleep(200 * time.Millisecond)
	}
	_, stderr := c.run(t, 4, "apply", "cloud", "--product", "baseline", "--auto-approve")
	if !strings.Contains(stderr, "next: infra recover cloud") {
		t.Errorf("the next apply:\n%s", stderr)
	}
	doc := c.recovered(t)
	if len(doc.Orphans) != 1 || doc.Orphans[0].Address != "aws_sns_topic.last" {
		t.Errorf("recovered %+v", doc)
	}
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
	c.run(t, 0, "plan", "cloud", "--product", "baseline")
}
