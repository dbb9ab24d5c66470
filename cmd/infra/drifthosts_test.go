//go:build endtoend

package main

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// driftOfHosts has somebody change three hosts by hand. What `infra drift` says
// by Ansible's check is what `infra configure` then does, no more and no less:
// of the hosts that nobody touched, and of every task that has nothing to do,
// it says nothing. Looking changes nothing, so a second look says the same.
func driftOfHosts(t *testing.T, p *platform) {
	p.on(t, "zookeeper-3", "sh", "-c", "echo net.ipv4.tcp_syncookies=0 >> /etc/sysctl.d/60-infra.conf")
	p.on(t, "zookeeper-1", "systemctl", "stop", "infra-zookeeper-metrics.service")
	p.on(t, "postgresql-2", "sh", "-c", "echo host all all 0.0.0.0/0 trust >> /etc/postgresql/15/main/pg_hba.conf")
	touched := []string{"postgresql-2", "zookeeper-1", "zookeeper-3"}

	first, again := p.hostDrift(t, 2), p.hostDrift(t, 2)
	if hosts := slices.Sorted(maps.Keys(first)); !slices.Equal(hosts, touched) || !maps.EqualFunc(first, again, slices.Equal) {
		t.Fatalf("after somebody touched %v, drift says %v, and then %v", touched, first, again)
	}
	doc := data[runDocument](t, p, "configure", "e2e")
	var tasks []string
	for _, of := range first {
		tasks = append(tasks, of...)
	}
	slices.Sort(tasks)
	did := slices.Compact(slices.Sorted(slices.Values(doc.Tasks)))
	if foreseen := slices.Compact(tasks); !slices.Equal(foreseen, did) {
		t.Errorf("drift foresaw %q, and configure did %q", foreseen, did)
	}
	names := map[string]string{}
	for _, h := range data[struct{ Hosts []struct{ ID, Name string } }](t, p, "hosts", "e2e").Hosts {
		names[h.ID] = h.Name
	}
	for _, h := range doc.Hosts {
		if foreseen := len(first[names[h.ID]]); h.Changed != foreseen {
			t.Errorf("drift foresaw %d changes of %s, and configure made %d", foreseen, names[h.ID], h.Changed)
		}
	}
	if left := p.hostDrift(t, 0); len(left) > 0 {
		t.Errorf("after all was put right, drift says %v", left)
	}
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
	for _, of := range tasks {
		slices.Sort(of)
	}
	return tasks
}
