package snapshot

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const hour = time.Hour

// TestFacts is the example of the project's facts: t0 = 14 h, rho = 0.1 and c
// = 2 min give 86 min, 10.6 and 3.1.
func TestFacts(t *testing.T) {
	const throughput = 64 << 20
	c := 2 * time.Minute
	used := int64((14*hour - c).Seconds() * throughput)
	plan, err := Make(Inputs{
		Extent: Extent{Used: used, Volume: 2 * used}, Writes: Writes{Sequential: 0.1 * throughput * 3600},
		Snapshot: Speed{Throughput: throughput, Overhead: c}, Target: 5 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{840, 86, 10.6, 3.06}
	if !plan.Feasible || len(plan.Steps) != len(want) {
		t.Fatalf("%+v", plan)
	}
	for i, step := range plan.Steps {
		if got := step.Took.Minutes(); math.Abs(got-want[i]) > 0.01*want[i] {
			t.Errorf("snapshot %d takes %.2f min, want %.2f", i+1, got, want[i])
		}
	}
	if !plan.Steps[3].Final || plan.Steps[2].Final {
		t.Error("the last one is not the final one")
	}
	if limit := plan.Limit.Minutes(); math.Abs(limit-2/0.9) > 0.01 {
		t.Errorf("limit %.3f min, want c/(1-rho) = %.3f", limit, 2/0.9)
	}
}

func TestMake(t *testing.T) {
	const mib = 1 << 20
	good := func() Inputs {
		return Inputs{
			Extent: Extent{Used: 100 << 30, Volume: 200 << 30}, Writes: Writes{Sequential: 3600 * mib},
			Snapshot: Speed{Throughput: 50 * mib, Overhead: time.Minute}, Target: 5 * time.Minute,
			Downtime: Downtime{Stop: 1 * time.Second, Create: 2 * time.Second, Initialise: 3 * time.Second, Recovery: 4 * time.Second},
		}
	}
	tests := []struct {
		name     string
		change   func(*Inputs)
		feasible bool
		steps    int
		reason   string // part of it
		err      string
	}{
		{"within reach", func(*Inputs) {}, true, 2, "", ""},
		{"one is enough", func(in *Inputs) { in.Target = hour }, true, 1, "", ""},
		{"standing on an earlier snapshot", func(in *Inputs) { in.Since = hour }, true, 1, "", ""},
		{"with a copy", func(in *Inputs) { in.Copy = &Speed{Throughput: 50 * mib, Overhead: time.Minute} }, true, 2, "", ""},
		{"writes as fast as snapshots", func(in *Inputs) { in.Writes.Sequential *= 50 }, false, 1, "rho 1.00, it must be below 1", ""},
		{"writes faster than snapshots", func(in *Inputs) { in.Writes.Sequential *= 60 }, false, 1, "rho 1.20, it must be below 1", ""},
		{"fast writes and a target that a full snapshot meets", func(in *Inputs) { in.Writes.Sequential *= 60; in.Target = hour }, true, 1, "", ""},
		{"target at the limit", func(in *Inputs) { in.Target = time.Minute }, false, 0, "is not above the limit", ""},
		{"random writes hit whole blocks", func(in *Inputs) { in.Writes = Writes{Random: 3600 * 100} }, false, 40, "rho 1.00", ""},
		{"nothing used", func(in *Inputs) { in.Extent.Used = 0 }, false, 0, "", "holds nothing"},
		{"more used than there is", func(in *Inputs) { in.Extent.Volume = 1 }, false, 0, "", "in use on a volume"},
		{"no throughput", func(in *Inputs) { in.Snapshot.Throughput = 0 }, false, 0, "", "throughput of a snapshot"},
		{"no number", func(in *Inputs) { in.Snapshot.Throughput = math.NaN() }, false, 0, "", "throughput of a snapshot"},
		{"no copy throughput", func(in *Inputs) { in.Copy = &Speed{} }, false, 0, "", "throughput of a copy"},
		{"negative writes", func(in *Inputs) { in.Writes.Random = -1 }, false, 0, "", "write rate"},
		{"no target", func(in *Inputs) { in.Target = 0 }, false, 0, "", "target"},
		{"negative time", func(in *Inputs) { in.Gap = -1 }, false, 0, "", "time"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := good()
			test.change(&in)
			plan, err := Make(in)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if plan.Feasible != test.feasible || !strings.Contains(plan.Reason, test.reason) || test.steps > 0 && len(plan.Steps) != test.steps {
				t.Errorf("feasible %v, %d steps, %s", plan.Feasible, len(plan.Steps), plan.Reason)
			}
			if want := plan.Window + 10*time.Second; plan.Downtime != want {
				t.Errorf("downtime %s, want %s", plan.Downtime, want)
			}
		})
	}
}

// drawInputs makes inputs of which rho is below 1, small enough to simulate:
// some hundred to some thousand blocks.
func drawInputs(t *rapid.T, least int64) Inputs {
	used := rapid.Int64Range(least, 1000).Draw(t, "used") * BlockBytes
	in := Inputs{
		Extent:   Extent{Used: used, Volume: used + rapid.Int64Range(0, 1000).Draw(t, "free")*BlockBytes},
		Snapshot: Speed{Throughput: rapid.Float64Range(1<<16, 1<<28).Draw(t, "throughput"), Overhead: drawTime(t, "overhead", 0, 5*time.Minute)},
		Gap:      drawTime(t, "gap", 0, 30*time.Second),
	}
	if rapid.Bool().Draw(t, "copied") {
		in.Copy = &Speed{Throughput: rapid.Float64Range(1<<16, 1<<28).Draw(t, "copy throughput"), Overhead: drawTime(t, "copy overhead", 0, time.Minute)}
	}
	rho := rapid.Float64Range(0, 0.98).Draw(t, "rho")
	share := rapid.Float64Range(0, 1).Draw(t, "random share")
	hourly := rho * in.speed() * 3600
	in.Writes = Writes{Random: share * hourly / BlockBytes, Sequential: (1 - share) * hourly}
	full := in.Snapshot.take(float64(used))
	in.Target = drawTime(t, "target", time.Millisecond, full+time.Minute)
	return in
}

func drawTime(t *rapid.T, name string, low, high time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(int64(low), int64(high)).Draw(t, name))
}

// simulate takes the plan's snapshots and returns the last one's window.
func simulate(plan Plan, v *volume) time.Duration {
	var window time.Duration
	for range plan.Steps {
		_, took, copied := v.snapshot(plan.Inputs.Snapshot, plan.Inputs.Copy)
		window = took + copied
		v.pass(plan.Inputs.Gap)
	}
	return window
}

// TestPromisedWindowsAreKept is the property that matters: whatever the
// volume and as long as the writes stay below the throughput, the simulation
// never takes longer than a plan has promised. Where there is no plan for the
// target there is one for the target that it calls possible, and that one is
// kept too.
func TestPromisedWindowsAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t, 1)
		plan, err := Make(in)
		if err != nil {
			t.Fatal(err)
		}
		if !plan.Feasible {
			in.Target = plan.Possible
			if plan, err = Make(in); err != nil || !plan.Feasible {
				t.Fatalf("what was called possible is not: %s: %v", plan.Reason, err)
			}
		}
		if plan.Window > in.Target {
			t.Fatalf("a window of %s for a target of %s", plan.Window, in.Target)
		}
		v := newVolume(in.Extent, in.Writes, rapid.Uint64().Draw(t, "seed"))
		// The rates are the highest ones: nobody writes as much all the time.
		period, pause := drawTime(t, "period", time.Second, hour), rapid.SampledFrom([]float64{0, 0, 0.3, 0.9}).Draw(t, "pause")
		v.load = func(at time.Duration) float64 {
			if math.Mod(at.Seconds(), period.Seconds()) < pause*period.Seconds() {
				return 0.1
			}
			return 1
		}
		if got := simulate(plan, v); got > plan.Window {
			t.Fatalf("%d snapshots: a window of %s was promised, it took %s", len(plan.Steps), plan.Window, got)
		}
	})
}

// TestReplannedWindowsAreKept carries a chain out as the executor does, with
// figures that were wrong at the start: the throughput by any factor, the
// writes and the overhead overestimated as a p95 is. What is promised just
// before the final snapshot is kept.
func TestReplannedWindowsAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := drawInputs(t, 64)
		in := truth
		in.Snapshot.Throughput *= rapid.Float64Range(0.2, 5).Draw(t, "throughput error")
		in.Snapshot.Overhead = truth.Snapshot.Overhead + drawTime(t, "overhead error", 0, time.Minute)
		in.Writes = truth.Writes.scaled(rapid.Float64Range(1, 4).Draw(t, "writes error"))
		in.Copy, truth.Copy = nil, nil
		in.Target = min(in.Target, truth.Snapshot.take(float64(truth.Extent.Used))) // shorter than the full one
		v := newVolume(truth.Extent, truth.Writes, rapid.Uint64().Draw(t, "seed"))
		var seen []Observation
		for last := time.Duration(0); len(seen) < 12; {
			began := v.now
			plan, err := Make(in)
			if err != nil {
				t.Fatal(err)
			}
			_, took, _ := v.snapshot(truth.Snapshot, nil)
			if len(seen) > 0 && len(plan.Steps) == 1 && plan.Feasible {
				if took > plan.Window {
					t.Fatalf("after %d snapshots %s was promised, it took %s", len(seen), plan.Window, took)
				}
				return
			}
			o := Observation{Took: took}
			if len(seen) > 0 {
				o.Interval = began - last
			}
			seen, last = append(seen, o), began
			v.pass(truth.Gap)
			in = Refit(in, seen)
			in.Since = v.now - began
		}
	})
}

// TestStepsAreThoseOfTheFormula compares the number of snapshots with the
// closed form, where that holds: sequential writes, nothing in between.
func TestStepsAreThoseOfTheFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const throughput = 1 << 30
		rho := rapid.Float64Range(0.01, 0.9).Draw(t, "rho")
		c := drawTime(t, "overhead", 10*time.Second, 10*time.Minute)
		used := int64(rapid.IntRange(1, 40).Draw(t, "hours")) * 3600 * throughput
		t0, limit := float64(used)/throughput+c.Seconds(), c.Seconds()/(1-rho)
		target := limit * rapid.Float64Range(1.05, 5).Draw(t, "target")
		plan, err := Make(Inputs{
			Extent: Extent{Used: used, Volume: 8 * used}, Writes: Writes{Sequential: rho * throughput * 3600},
			Snapshot: Speed{Throughput: throughput, Overhead: c}, Target: time.Duration(target * float64(time.Second)),
		})
		if err != nil || !plan.Feasible {
			t.Fatalf("%s: %v", plan.Reason, err)
		}
		n := 0.0
		if t0 > target {
			n = math.Ceil(math.Log((target-limit)/(t0-limit)) / math.Log(rho))
		}
		if got := float64(len(plan.Steps) - 1); math.Abs(got-n) > 1 || got < n {
			t.Fatalf("%v further snapshots, the formula says %v", got, n)
		}
	})
}

func TestPercentile(t *testing.T) {
	many := make([]float64, 100)
	for i := range many {
		many[i] = float64(100 - i)
	}
	for _, test := range []struct {
		samples []float64
		want    float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{1, 9, 2}, 9}, {many, 95}} {
		if got := Percentile(test.samples, 0.95); got != test.want {
			t.Errorf("p95 of %v is %v", test.samples, got)
		}
	}
}
