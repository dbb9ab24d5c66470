//go:build endtoend

package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// commentOfHosts plans a pull request that changes a role of Ansible: the
// comment names the hosts that the role concerns and the tasks that would
// change them, which Ansible was asked for on the hosts.
func commentOfHosts(t *testing.T, p *platform) {
	gitIn(t, p.project, "init", "--quiet", "--initial-branch", "main")
	gitIn(t, p.project, "add", "--all")
	gitIn(t, p.project, "commit", "--quiet", "--message", "the platform")
	gitIn(t, p.project, "switch", "--quiet", "--create", "topic")
	unit := filepath.Join("ansible", "roles", "zookeeper", "templates", "zookeeper-metrics.service.j2")
	p.write(t, unit, "# from a pull request\n"+content(t, filepath.Join(p.project, unit)))
	gitIn(t, p.project, "commit", "--quiet", "--all", "--message", "a comment in a unit")

	file := filepath.Join(t.TempDir(), "comment.md")
	out, _ := p.run(t, 2, "ci", "plan", "--base", "main", "--env", "e2e", "--comment", file, "--output", "json")
	var doc struct {
		Environments []struct {
			Hosts   []string
			Tasks   []struct{ Host, Task, File string }
			Unasked string
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Environments) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	planned := doc.Environments[0]
	servers := []string{"zookeeper-1", "zookeeper-2", "zookeeper-3"}
	// The way to the servers is looked after with them.
	if slices.Sort(planned.Hosts); !slices.Equal(planned.Hosts, append([]string{"bastion"}, servers...)) || planned.Unasked != "" {
		t.Errorf("configured would be %v (%s)", planned.Hosts, planned.Unasked)
	}
	var changed []string
	for _, c := range planned.Tasks {
		changed = append(changed, c.Host)
	}
	slices.Sort(changed)
	if !slices.Equal(slices.Compact(changed), servers) {
		t.Errorf("tasks that would change something: %+v", planned.Tasks)
	}
	comment := content(t, file)
	for _, want := range []string{"hosts to configure", "zookeeper-2", planned.Tasks[0].Task} {
		if !strings.Contains(comment, want) {
			t.Errorf("no %q in the comment:\n%s", want, comment)
		}
	}
	gitIn(t, p.project, "switch", "--quiet", "main")
}
