//go:build endtoend

package main

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"

	"infra/internal/report"
)

// driftOfHosts has somebody change three hosts by hand. What `infra drift` says
// by Ansible's check is what `infra configure` then does, no more and no less:
// of the hosts that nobody touched, and of every task that has nothing to do,
// it says nothing.
func driftOfHosts(t *testing.T, p *platform) {
	p.on(t, "zookeeper-3", "sh", "-c", "echo net.ipv4.tcp_syncookies=0 >> /etc/sysctl.d/60-infra.conf")
	p.on(t, "zookeeper-1", "systemctl", "stop", "infra-zookeeper-metrics.service")
	p.on(t, "postgresql-2", "sh", "-c", "echo host all all 0.0.0.0/0 trust >> /etc/postgresql/15/main/pg_hba.conf")

	foreseen := p.hostDrift(t, 2)
	touched := []string{"postgresql-2", "zookeeper-1", "zookeeper-3"}
	if hosts := slices.Sorted(maps.Keys(foreseen)); !slices.Equal(hosts, touched) {
		t.Fatalf("after somebody touched %v, drift says %v", touched, foreseen)
	}
	p.run(t, 0, "configure", "e2e") // would find nothing to do, had looking changed anything
	if did := p.lastChanges(t); !maps.EqualFunc(foreseen, did, slices.Equal) {
		t.Errorf("drift foresaw %v, and configure did %v", foreseen, did)
	}
	if left := p.hostDrift(t, 0); len(left) > 0 {
		t.Errorf("after all was put right, drift says %v", left)
	}
}

// lastChanges are the tasks that changed something in the last run, by host, but
// for the handlers of role base: they are commands, which Ansible cannot check,
// and do no more than take into use what a task has written.
func (p *platform) lastChanges(t *testing.T) map[string][]string {
	t.Helper()
	var handlers []struct{ Name string }
	if err := yaml.Unmarshal([]byte(content(t, "../../ansible/roles/base/handlers/main.yml")), &handlers); err != nil || len(handlers) == 0 {
		t.Fatalf("the handlers are %v, %v", handlers, err)
	}
	tasks := map[string][]string{}
	for _, c := range data[report.RunReport](t, p, "report", "e2e").Tasks {
		if slices.ContainsFunc(handlers, func(h struct{ Name string }) bool { return c.Task == "base : "+h.Name }) {
			continue
		}
		for _, host := range c.Hosts {
			tasks[host] = append(tasks[host], c.Task)
		}
	}
	return inOrder(tasks)
}

// hostDrift looks for drift, and returns the tasks that would change something,
// by host. Nothing else may have drifted.
func (p *platform) hostDrift(t *testing.T, code int) map[string][]string {
	t.Helper()
	out, _ := p.run(t, code, "drift", "e2e", "--output", "json")
	var doc struct {
		Environments []struct {
			Findings []struct {
				Kind, Host, Task, Address, Detail string
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Environments) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	tasks := map[string][]string{}
	for _, f := range doc.Environments[0].Findings {
		if f.Kind != "host" {
			t.Errorf("nobody has touched it: %+v", f)
			continue
		}
		tasks[f.Host] = append(tasks[f.Host], f.Task)
	}
	return inOrder(tasks)
}

// inOrder sorts the tasks of each host.
func inOrder(tasks map[string][]string) map[string][]string {
	for _, of := range tasks {
		slices.Sort(of)
	}
	return tasks
}
