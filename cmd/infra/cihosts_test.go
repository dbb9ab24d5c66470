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

// commentOfHosts plans a pull request that changes a role of Ansible: the
// comment names the hosts that the role concerns and the tasks that would
// change them, which Ansible was asked for on the hosts.
func commentOfHosts(t *testing.T, p *platform) {
	p.git(t, "init", "--quiet", "--initial-branch", "main")
	p.git(t, "add", "--all")
	p.git(t, "commit", "--quiet", "--message", "the platform")
	p.git(t, "switch", "--quiet", "--create", "topic")
	unit := filepath.Join("ansible", "roles", "zookeeper", "templates", "zookeeper-metrics.service.j2")
	was, err := os.ReadFile(filepath.Join(p.project, unit))
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, unit, "# from a pull request\n"+string(was))
	p.git(t, "commit", "--quiet", "--all", "--message", "a comment in a unit")

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
	comment, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hosts to configure", "zookeeper-2", planned.Tasks[0].Task} {
		if !strings.Contains(string(comment), want) {
			t.Errorf("no %q in the comment:\n%s", want, comment)
		}
	}
	p.git(t, "switch", "--quiet", "main")
}

// git works on the project's repository.
func (p *platform) git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", p.project, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("git %v: %w\n%s", args, err, out))
	}
}
