//go:build endtoend

package main

import (
	"testing"

	"infra/internal/doctor"
	"infra/internal/topology"
)

// pictured asks the running platform for its picture: one leader, one primary,
// and who streams from whom, as the servers say.
func pictured(t *testing.T, p *platform) {
	m := data[topology.Map](t, p, "graph", "e2e", "--probe")
	roles := map[string]int{}
	for _, thing := range m.Things() {
		roles[thing.Now]++
		if thing.Problem != "" {
			t.Errorf("%s: %s", thing.Name, thing.Problem)
		}
	}
	for role, want := range map[string]int{"leader": 1, "follower": 2, "primary": 1, "standby": 1, "witness": 1, "active": 1} {
		if roles[role] != want {
			t.Errorf("%d things are %s, want %d", roles[role], role, want)
		}
	}
	if len(m.Links) != 1 || m.Links[0] != (topology.Link{From: "postgresql-1", To: "postgresql-2", State: topology.Streaming}) || len(m.Unknown) > 0 {
		t.Errorf("links %+v, unknown %q", m.Links, m.Unknown)
	}
	if len(m.Zones) != 3 || len(m.Alarms) == 0 || m.Alarms[0].State == "" {
		t.Errorf("%d zones, %d alarms", len(m.Zones), len(m.Alarms))
	}
}

// examinedPlatform: of a platform that is well, nothing fails, and the bastion
// was reached.
func examinedPlatform(t *testing.T, p *platform) {
	doc := data[doctor.Document](t, p, "doctor", "e2e")
	for _, f := range doc.Findings {
		if f.State == doctor.Fail || f.Check == "way to the hosts" && f.State != doctor.OK {
			t.Errorf("%+v", f)
		}
	}
}
