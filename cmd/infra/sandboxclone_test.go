//go:build endtoend

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sandboxList is the part of infra/sandbox-list/v1 that the tests read.
type sandboxList struct {
	Sandboxes []struct {
		Environment string `json:"environment"`
		Of          string `json:"of"`
		State       string `json:"state"`
		Expires     string `json:"expires"`
		Hosts       int    `json:"hosts"`
		Memory      int64  `json:"memory_bytes"`
	} `json:"sandboxes"`
}

// TestSandboxClone clones production beside another sandbox, uses it, and lets
// it end by itself: `make sandbox-clone`. Its file is the shipped prod.yaml.
func TestSandboxClone(t *testing.T) {
	p := newPlatform(t)
	for _, shipped := range []string{"prod", "staging"} {
		p.write(t, "environments/"+shipped+".yaml", content(t, "../../environments/"+shipped+".yaml"))
	}
	t.Cleanup(func() { // also when the test ends early; once it has expired there is none, which is refused
		if _, err := os.Stat(filepath.Join(p.project, ".infra", "environments", "me.yaml")); err == nil {
			p.run(t, 0, "sandbox", "down", "--environment", "me")
		}
	})
	p.run(t, 64, "sandbox", "status", "--environment", "me")
	_, stderr := p.run(t, 0, "sandbox", "clone", "prod", "--as", "me", "--ttl", "3h")
	for _, want := range []string{"products.baseline.alert_emails", "KMS keys", "ends by itself at"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("nobody is told of %q", want)
		}
	}

	t.Run("it has production's shape", func(t *testing.T) {
		hosts := data[struct {
			Hosts []struct{ Name, Layer string }
		}](t, p, "hosts", "me")
		layers := map[string]int{}
		for _, host := range hosts.Hosts {
			layers[host.Layer]++
		}
		// prod.yaml: an ensemble of 5; a primary, 2 standbys and the witness; a bastion.
		if layers["zookeeper"] != 5 || layers["postgresql"] != 4 || layers["vpc"] != 1 {
			t.Errorf("hosts by layer: %v", layers)
		}
		eventually(t, "it answers", func() (bool, string) {
			out, err := exec.CommandContext(t.Context(), p.infra, "-C", p.project, "status", "me").CombinedOutput()
			return err == nil, string(out)
		})
		p.run(t, 0, "plan", "me")
	})
	t.Run("diff lists what is not production's", func(t *testing.T) {
		out, _ := p.run(t, 2, "diff", "prod", "me", "--offline", "--output", "json")
		for _, want := range []string{"protected", "products.pipeline.postgresql.data_volume_gb", "products.pipeline.zookeeper.heap_mb"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s is not among the differences", want)
			}
		}
		if strings.Contains(out, "zookeeper.size") || strings.Contains(out, "postgresql.standbys") {
			t.Error("the clone has another shape")
		}
	})
	t.Run("it is listed beside the other sandbox", func(t *testing.T) {
		list := data[sandboxList](t, p, "sandbox", "list").Sandboxes
		if len(list) != 2 || list[0].Environment != "e2e" || list[0].Expires != "" || list[1].Environment != "me" || list[1].Of != "prod" {
			t.Fatalf("listed: %+v", list)
		}
		if list[1].Hosts != 10 || list[1].State != "running" || list[1].Expires == "" || list[1].Memory < 100<<20 {
			t.Errorf("listed: %+v", list[1])
		}
	})
	t.Run("another environment's clone cannot take its name", func(t *testing.T) {
		p.run(t, 3, "sandbox", "clone", "staging", "--as", "me")
	})
	t.Run("it ends by itself and leaves nothing", func(t *testing.T) {
		marks := cloneMarks(t, p)
		if len(marked(t, marks)) < 10 {
			t.Fatal("a running clone leaves no traces: the test looks in the wrong places")
		}
		p.run(t, 0, "sandbox", "up", "--environment", "me", "--ttl", "1s")
		eventually(t, "the clone ends", func() (bool, string) {
			data, err := os.ReadFile(filepath.Join(p.project, ".infra", "sandboxes", "me", "record.json"))
			return err == nil && strings.Contains(string(data), `"phase": "expired"`), string(data)
		})
		for _, thing := range marked(t, marks) {
			t.Errorf("left behind: %s", thing)
		}
		_, stderr := p.run(t, 0, "sandbox", "list")
		if !strings.Contains(stderr, "the sandbox me expired at ") {
			t.Error("nobody is told that it has expired")
		}
		for _, dir := range []string{"environments", "sandboxes", "ssh", "data", "runs"} {
			entries, err := os.ReadDir(filepath.Join(p.project, ".infra", dir))
			if err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "me") }) {
				t.Errorf("something of it is left in .infra/%s", dir)
			}
		}
		if list := data[sandboxList](t, p, "sandbox", "list").Sandboxes; len(list) != 1 || list[0].State != "running" {
			t.Errorf("the other sandbox: %+v", list)
		}
		p.run(t, 64, "plan", "me")
	})
}

// cloneMarks are what names the clone's things on the machine, and no other
// sandbox's: its id, its folder, its public addresses.
func cloneMarks(t *testing.T, p *platform) []string {
	t.Helper()
	folder := filepath.Join(p.project, ".infra", "sandboxes", "me")
	text, err := os.ReadFile(filepath.Join(folder, "record.json"))
	if err != nil {
		t.Fatal(err)
	}
	var record struct {
		Layout struct {
			ID     string `json:"id"`
			Number int    `json:"number"`
		} `json:"layout"`
	}
	if err := json.Unmarshal(text, &record); err != nil {
		t.Fatal(err)
	}
	return []string{"infra-" + record.Layout.ID, folder, "--environment me", fmt.Sprintf("198.19.%d.", record.Layout.Number)}
}

// marked are the things on the machine that bear one of the marks.
func marked(t *testing.T, marks []string) []string {
	t.Helper()
	var found []string
	for thing := range leftovers(t) {
		if slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(thing, mark) }) {
			found = append(found, thing)
		}
	}
	return found
}
