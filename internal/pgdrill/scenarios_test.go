package pgdrill

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"infra/internal/inventory"
	"infra/internal/postgresql"
)

func clusterOf(data int, synchronous bool) Cluster {
	c := Cluster{Version: "15", Synchronous: synchronous, Witness: &inventory.Host{Name: "postgresql-witness", Number: data + 1}}
	for n := 1; n <= data; n++ {
		c.Data = append(c.Data, inventory.Host{Name: "postgresql-" + string(rune('0'+n)), Number: n})
	}
	return c
}

// The list of the issue: none may get lost.
func TestScenariosAreComplete(t *testing.T) {
	t.Parallel()
	want := []string{
		"kill", "hang", "host-stop", "disk-full-data", "disk-full-wal", "partition", "partition-out", "partition-in", "partition-standby",
		"api-primary", "api-standby", "api-slow", "promote-fails", "lag", "flapping", "both-rebooted", "old-primary-back", "second-failover", "witness-first",
	}
	var got []string
	for _, s := range Scenarios() {
		got = append(got, s.Name)
		if s.Title == "" || s.inflict == nil || !regexp.MustCompile(`^[a-z-]+$`).MatchString(s.Name) {
			t.Errorf("scenario %q is not whole", s.Name)
		}
		for _, c := range []Cluster{clusterOf(2, false), clusterOf(3, true)} {
			e := s.expect(c)
			if e.Gap <= 0 || e.Repaired <= s.lasts || e.Outcome == "" || e.Gap > 3*time.Minute {
				t.Errorf("%s expects %+v", s.Name, e)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("scenarios %q, want %q", got, want)
	}
}

// Who may decide follows from how many nodes there are.
func TestExpectationsFollowTheCluster(t *testing.T) {
	t.Parallel()
	expectation := func(name string, c Cluster) Expectation {
		for _, s := range Scenarios() {
			if s.Name == name {
				return s.expect(c)
			}
		}
		t.Fatalf("no scenario %s", name)
		return Expectation{}
	}
	for nodes, decide := range map[int]bool{2: false, 3: false, 4: true, 5: true} { // data nodes beside the witness
		if e := expectation("witness-first", clusterOf(nodes, false)); e.NotYet == decide || e.Outcome != Failover {
			t.Errorf("witness-first with %d data nodes expects %+v", nodes, e)
		}
	}
	if e := expectation("lag", clusterOf(2, false)); e.Outcome != Stay {
		t.Errorf("a standby alone that lags: %+v", e)
	}
	if e := expectation("lag", clusterOf(3, true)); e.Outcome != Failover {
		t.Errorf("one that lags beside one that does not: %+v", e)
	}
	if one, two := expectation("partition-standby", clusterOf(2, true)), expectation("partition-standby", clusterOf(3, true)); one.Gap <= two.Gap {
		t.Errorf("only without another standby may synchronous writes wait: %s, %s", one.Gap, two.Gap)
	}
}

func TestClusterOfThePlatform(t *testing.T) {
	t.Parallel()
	allocation := "eipalloc-1"
	c := NewCluster([]inventory.Host{
		{Name: "bastion", Layer: "vpc", Role: "bastion"},
		{Name: "zookeeper-1", Layer: "zookeeper", Role: "server"},
		{Name: "postgresql-witness", Layer: "postgresql", Role: "witness", Number: 3},
		{Name: "postgresql-2", Layer: "postgresql", Role: "standby", Number: 2},
		{Name: "postgresql-1", Layer: "postgresql", Role: "primary", Number: 1},
	}, postgresql.Output{Address: "203.0.113.5", AllocationID: &allocation}, "postgresql.test.internal", "15")
	if c.Client.Name != "bastion" || len(c.Data) != 2 || c.Data[0].Name != "postgresql-1" || c.Witness == nil || c.Witness.Name != "postgresql-witness" {
		t.Errorf("%+v", c)
	}
	if want := []Route{{"elastic", "203.0.113.5"}, {"name", "postgresql.test.internal"}}; !slices.Equal(c.Routes, want) {
		t.Errorf("routes %v, want %v", c.Routes, want)
	}
	if c := NewCluster(nil, postgresql.Output{Address: "postgresql.test.internal"}, "postgresql.test.internal", "15"); len(c.Routes) != 1 {
		t.Errorf("with a name alone: routes %v", c.Routes)
	}
}
