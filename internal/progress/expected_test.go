package progress

import (
	"testing"
	"time"
)

func TestExpected(t *testing.T) {
	x := Learn(whole().events, whole().events)
	if got := x.Step("pipeline/prod", Planning); got != 4*time.Second {
		t.Errorf("a plan takes %s", got)
	}
	if got := x.Reads("pipeline/prod"); got != 1 {
		t.Errorf("a plan reads %d", got)
	}
	for _, c := range []struct {
		name    string
		changes []string
		want    time.Duration
	}{
		{"nothing", nil, 0},
		{"what was done before, side by side as before", []string{"module.vpc.aws_vpc.this", `module.zookeeper.aws_instance.this["1"]`, "module.postgresql.aws_db_instance.this"}, 72 * time.Second},
		{"never less than the longest", []string{"module.postgresql.aws_db_instance.this"}, 60 * time.Second},
		{"another of a known type", []string{`module.zookeeper.aws_instance.this["9"]`}, 20 * time.Second},
		{"one of a kind never seen", []string{"aws_emr_cluster.this"}, 0},
		{"half of kinds never seen", []string{"aws_emr_cluster.this", "module.vpc.aws_vpc.this"}, 0},
		{"a few of kinds never seen", []string{"aws_emr_cluster.this", "module.vpc.aws_vpc.this", `module.zookeeper.aws_instance.this["1"]`, "module.postgresql.aws_db_instance.this"}, 96 * time.Second},
	} {
		var changes []Change
		for _, address := range c.changes {
			changes = append(changes, Change{Address: address, Action: "create"})
		}
		if got := x.Apply("pipeline/prod", changes); got.Round(time.Second) != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if results, took := x.Configure(true, 4); results != 6 || took != 22*time.Second {
		t.Errorf("new hosts: %d results in %s", results, took)
	}
	if results, took := x.Configure(false, 4); results != 0 || took != 0 {
		t.Errorf("hosts that were there: %d results in %s, though nobody ever did that", results, took)
	}
}

func TestExpectedOfNothing(t *testing.T) {
	var x Expected
	if x.Step("a", Planning) != 0 || x.Reads("a") != 0 || x.Apply("a", []Change{{Address: "b.c", Action: "create"}}) != 0 {
		t.Error("nothing is known, and something is expected")
	}
}

// What failed says nothing about how long it takes.
func TestFailuresTeachNothing(t *testing.T) {
	r := (&recorder{}).begin("a", Planning).at(9).add(Event{Kind: StepEnded, Stack: "a", Step: Planning, Seconds: 9, Result: Failed})
	r.add(Event{Kind: ResourceEnded, Stack: "a", Address: "b.c", Action: "create", Seconds: 9, Result: Failed})
	x := Learn(r.events)
	if _, known := x.Resource("create", "b.c"); known || x.Step("a", Planning) != 0 {
		t.Error("a failure was learnt from")
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{0: nil, 7: {7}, 3: {1, 3, 100}, 5: {1, 5}} {
		if got := median(values); got != want {
			t.Errorf("median of %v is %g, want %g", values, got, want)
		}
	}
}
