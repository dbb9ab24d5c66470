package main

import (
	"strings"
	"testing"

	"infra/internal/state"
)

func statePush(t *testing.T, c *cloud) {
	good := c.state(t)
	c.run(t, 1, "state", "push-errored", "cloud") // there is none
	leave := func(text string) {
		t.Helper()
		c.write(t, ".infra/runs/cloud/20261122T083015Z-1f2e3d/baseline-cloud-errored.tfstate", text)
	}
	leave(string(good.Raw[:50]))
	c.run(t, 3, "state", "push-errored", "cloud")
	leave(strings.Replace(string(state.Bump(good.Raw, good.Serial+1)), good.Lineage, "5e1f", 1))
	c.run(t, 3, "state", "push-errored", "cloud")
	leave(strings.Replace(string(state.Bump(good.Raw, good.Serial)), `"first"`, `"other"`, 1))
	if _, stderr := c.run(t, 3, "state", "push-errored", "cloud"); !strings.Contains(stderr, "infra state diff cloud --product baseline /") {
		t.Errorf("a state that is too old:\n%s", stderr)
	}
	c.unchanged(t, good)
	leave(strings.Replace(string(state.Bump(good.Raw, good.Serial+1)), `"first"`, `"saved"`, 1))
	if out, _ := c.run(t, 0, "state", "push-errored", "cloud", "--output", "json"); !strings.Contains(out, "infra/state-pushed/v1") {
		t.Errorf("the document is %s", out)
	}
	if now := c.state(t); now.Serial != good.Serial+1 || !strings.Contains(string(now.Raw), `"saved"`) {
		t.Errorf("the state is not the one that was pushed: serial %d", now.Serial)
	}
	c.settled(t)
	c.run(t, 1, "state", "push-errored", "cloud") // it is gone
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
}
