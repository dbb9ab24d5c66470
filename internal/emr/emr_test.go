package emr

import (
	"slices"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	blue := func() Cluster {
		return Cluster{
			Colour: "blue", ID: "j-1", Active: true, State: "WAITING", Release: "emr-7.13.0", PrimaryDNS: "ip-10-0-0-1",
			Groups: []Group{{Type: "MASTER", Running: 1, Requested: 1}, {Type: "CORE", Running: 2, Requested: 2}},
			Alarms: []Alarm{{Name: "yarn-memory", State: "OK"}, {Name: "primary-memory", State: "INSUFFICIENT_DATA"}},
		}
	}
	green := func(state string) Cluster { return Cluster{Colour: "green", ID: "j-2", State: state} }
	right := Pointer{Name: "emr.test.internal", Target: "ip-10-0-0-1", Parameter: "/p", Colour: "blue", ClusterID: "j-1"}
	changed := func(change func(c *Cluster)) []Cluster {
		c := blue()
		change(&c)
		return []Cluster{c}
	}
	tests := []struct {
		name     string
		pointer  Pointer
		clusters []Cluster
		serving  bool
		problems []string
	}{
		{"healthy", right, []Cluster{blue()}, true, nil},
		{"busy", right, changed(func(c *Cluster) { c.State = "RUNNING" }), true, nil},
		{"the other is starting", right, []Cluster{blue(), green("BOOTSTRAPPING")}, true, nil},
		{"the other has failed", right, []Cluster{blue(), green("TERMINATED_WITH_ERRORS")}, true, []string{"green (j-2) is TERMINATED_WITH_ERRORS"}},
		{"starting", right, changed(func(c *Cluster) { c.State, c.Reason = "STARTING", "Provisioning" }), false, []string{"blue (j-1) is STARTING: Provisioning"}},
		{"terminated", right, changed(func(c *Cluster) { c.State = "TERMINATED" }), false, []string{"blue (j-1) is TERMINATED"}},
		{"cannot be asked", right, changed(func(c *Cluster) { c.State, c.Error = "", "denied" }), false, []string{"blue (j-1): denied"}},
		{"a node is missing", right, changed(func(c *Cluster) { c.Groups[1].Running = 1 }), true, []string{"blue: 1 of 2 core nodes run"}},
		{"memory", right, changed(func(c *Cluster) { c.Alarms[1].State = "ALARM" }), true, []string{"blue: the alarm primary-memory is on"}},
		{"parameter elsewhere", Pointer{Parameter: "/p", Colour: "green", ClusterID: "j-2"}, []Cluster{blue()}, false, []string{"parameter /p leads to green (j-2), the active cluster is blue (j-1)"}},
		{"parameter on a replaced cluster", Pointer{Parameter: "/p", Colour: "blue", ClusterID: "j-0"}, []Cluster{blue()}, false, []string{"parameter /p leads to blue (j-0), the active cluster is blue (j-1)"}},
		{"parameter unknown", Pointer{Parameter: "/p", Error: "denied"}, []Cluster{blue()}, true, []string{"parameter /p: denied"}},
		{"name elsewhere", Pointer{Name: "n", Parameter: "/p", Colour: "blue", ClusterID: "j-1", Target: "ip-10-0-0-9"}, []Cluster{blue()}, false, []string{"n is meant to lead to ip-10-0-0-9, the active cluster's primary node is ip-10-0-0-1"}},
		{"no such colour", right, []Cluster{green("WAITING")}, false, []string{"there is no cluster of the active colour blue"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Judge(test.pointer, test.clusters, "blue")
			if got.Serving != test.serving || !slices.Equal(got.Problems, test.problems) {
				t.Errorf("serving %v, problems:\n%s", got.Serving, strings.Join(got.Problems, "\n"))
			}
		})
	}
}

func TestRecorded(t *testing.T) {
	pointer, clusters := Recorded(Output{
		Active: "green", PointerName: "emr.test.internal", Parameter: "/p",
		Clusters: map[string]OutputCluster{"green": {ID: "j-2", PrimaryDNS: "b"}, "blue": {ID: "j-1", PrimaryDNS: "a"}},
	})
	if pointer.Target != "b" || len(clusters) != 2 || clusters[0].Colour != "blue" || clusters[0].Active || !clusters[1].Active {
		t.Errorf("got %+v %+v", pointer, clusters)
	}
}
