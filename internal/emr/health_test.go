package emr

import (
	"slices"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
)

func TestSupport(t *testing.T) {
	for _, e := range ends() {
		if _, err := time.Parse(time.DateOnly, e.day); err != nil {
			t.Error(err)
		}
	}
	at := func(day string) time.Time {
		v, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, test := range []struct{ release, day, warning string }{
		{"emr-7.13.0", "2026-11-28", ""},
		{"emr-7.13.0", "2027-10-26", "standard support of emr-7.13.0 ends on 2028-04-21, in 179 days"},
		{"emr-7.13.0", "2027-10-25", ""},
		{"emr-7.5.0", "2026-11-20", "standard support of emr-7.5.0 ends on 2026-11-20, in 1 days"},
		{"emr-7.5.0", "2026-11-21", "standard support of emr-7.5.0 ended on 2026-11-20"},
		{"emr-7.9.1", "2026-11-28", "standard support of emr-7.9.1 ends on 2027-05-19, in 173 days"},
		{"emr-7.7.0", "2026-11-28", "standard support of emr-7.7.0 ends at the latest on 2027-05-19, in 173 days"},
		{"emr-7.1.0", "2026-11-28", "standard support of emr-7.1.0 ended at the latest on 2026-10-15"},
		{"emr-7.99.0", "2026-11-28", ""},
		{"emr-8.0.0", "2040-01-01", ""},
		{"latest", "2026-11-28", ""},
	} {
		if got := SupportOf(test.release, at(test.day)).Warning(); got != test.warning {
			t.Errorf("%s on %s: %q, want %q", test.release, test.day, got, test.warning)
		}
	}
	now := at("2026-11-28")
	if _, err := Supported("emr-7.5.0", "environments/eu/prod.yaml", false, now); fault.CodeOf(err) != fault.Refused || !strings.Contains(hintOf(t, err), "environments/eu/prod.yaml") {
		t.Errorf("a release without support: %v", err)
	}
	if warning, err := Supported("emr-7.5.0", "environments/eu/prod.yaml", true, now); err != nil || warning == "" {
		t.Errorf("allowed: %q, %v", warning, err)
	}
}

func TestReasons(t *testing.T) {
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	few := func(low, high float64, points int) *Reading {
		return &Reading{Last: low, Low: low, High: high, Points: points}
	}
	well := func() Cluster {
		return Cluster{
			State: "WAITING", Release: "emr-7.13.0", Age: time.Hour, Applications: []string{"Hadoop", "spark", "AmazonCloudWatchAgent"},
			Groups: []Group{{Type: "MASTER", Instance: "m6i.xlarge"}, {Type: "CORE", Instance: "m6i.xlarge"}},
			Health: &Health{PrimaryMemory: few(40, 60, 20), PrimarySwap: few(0, 0, 20), YARNMemory: few(5, 5, 4), ContainersPending: few(0, 9, 4), UnhealthyNodes: few(0, 1, 4), LostNodes: few(0, 0, 4)},
		}
	}
	needs := Needs{Release: "emr-7.13.0", Applications: []string{"Spark", "Hadoop"}, Primary: "m6i.xlarge", Core: "m6i.xlarge"}
	for name, test := range map[string]struct {
		change func(*Cluster)
		reason string
		warn   string
	}{
		"well":                    {func(*Cluster) {}, "", ""},
		"a moment without memory": {func(c *Cluster) { c.Health.PrimaryMemory = few(4, 60, 20) }, "", ""},
		"no memory any more":      {func(c *Cluster) { c.Health.PrimaryMemory = few(4, 9, 20) }, "the primary has had less than 10% of its memory left for 20 readings, 4.0% now", ""},
		"swaps":                   {func(c *Cluster) { c.Health.PrimarySwap = few(30, 50, 20) }, "the primary has had more than 25% of its swap in use for 20 readings", ""},
		"loses memory":            {func(c *Cluster) { c.Health.MemoryByHour = []float64{60, 57, 55, 52, 50, 48, 45} }, "the primary's memory keeps falling: at this rate less than 10% are left in 14 hours", ""},
		"nodes stay unhealthy":    {func(c *Cluster) { c.Health.UnhealthyNodes = few(1, 2, 4) }, "1 nodes stay unhealthy", ""},
		"nodes stay lost":         {func(c *Cluster) { c.Health.LostNodes = few(1, 1, 4) }, "1 nodes stay lost", ""},
		"one reading":             {func(c *Cluster) { c.Health.LostNodes = few(1, 1, 1) }, "", ""},
		"has ended":               {func(c *Cluster) { c.State, c.Reason = "TERMINATED_WITH_ERRORS", "the primary failed" }, "it is TERMINATED_WITH_ERRORS: the primary failed", ""},
		"support has ended":       {func(c *Cluster) { c.Release = "emr-7.5.0" }, "standard support of emr-7.5.0 ended on 2026-11-20", ""},
		"another release":         {func(c *Cluster) { c.Release = "emr-7.14.0" }, "it has emr-7.14.0, the environment wants emr-7.13.0", ""},
		"another instance type":   {func(c *Cluster) { c.Groups[0].Instance = "m5.large" }, "its primary node is m5.large, the environment wants m6i.xlarge", ""},
		"lacks an application":    {func(c *Cluster) { c.Applications = []string{"Hadoop"} }, "it lacks Spark, which the environment wants", ""},
		"containers wait":         {func(c *Cluster) { c.Health.ContainersPending = few(3, 9, 4) }, "", "3 containers wait while YARN has 5% of its memory left"},
		"the agent is silent":     {func(c *Cluster) { c.Health.PrimaryMemory = nil }, "", "the agent on the primary does not report its memory"},
		"the agent begins":        {func(c *Cluster) { c.Health.PrimaryMemory, c.Age = nil, time.Minute }, "", ""},
		"CloudWatch is silent":    {func(c *Cluster) { c.Health = &Health{Error: "AccessDenied: no"} }, "", "CloudWatch: AccessDenied: no"},
	} {
		c := well()
		test.change(&c)
		if got := strings.Join(Reasons(c, needs, now), "; "); !strings.HasPrefix(got, test.reason) || (test.reason == "") != (got == "") {
			t.Errorf("%s: reasons %q, want %q", name, got, test.reason)
		}
		if got := strings.Join(Warnings(c), "; "); !strings.HasPrefix(got, test.warn) || (test.warn == "") != (got == "") {
			t.Errorf("%s: warnings %q, want %q", name, got, test.warn)
		}
	}
}

func TestBehind(t *testing.T) {
	needs := Needs{Release: "emr-7.14.0", Applications: []string{"Spark"}, Primary: "m6i.xlarge", Core: "m6i.xlarge"}
	made := Output{Active: "blue", Clusters: map[string]OutputCluster{"blue": {Release: "emr-7.13.0", Primary: "m6i.xlarge", Core: "m6i.large"}}}
	want := []string{"it has emr-7.13.0, the environment wants emr-7.14.0", "its core nodes are m6i.large, the environment wants m6i.xlarge"}
	if got := Behind(made, needs); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	// A state from before the output had it says nothing.
	if got := Behind(Output{Active: "blue", Clusters: map[string]OutputCluster{"blue": {}}}, needs); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestFalling(t *testing.T) {
	for name, test := range map[string]struct {
		byHour  []float64
		falling bool
	}{
		"too short":        {[]float64{60, 50, 40}, false},
		"level":            {[]float64{60, 60, 60, 60, 60, 60}, false},
		"rises":            {[]float64{50, 51, 52, 53, 54, 55}, false},
		"work that varies": {[]float64{60, 30, 62, 28, 59, 31, 60, 29}, false},
		"leaks":            {[]float64{60, 58, 57, 55, 53, 52, 50}, true},
		"leaks slowly":     {[]float64{60, 59.9, 59.8, 59.7, 59.6, 59.5}, false}, // weeks are left
	} {
		if hours, falling := Falling(test.byHour); falling != test.falling {
			t.Errorf("%s: %v, in %.1f hours", name, falling, hours)
		}
	}
}

func TestDrained(t *testing.T) {
	flip := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	apps := func(n float64, at time.Time) *Reading { return &Reading{Last: n, At: at} }
	later, now := flip.Add(5*time.Minute), flip.Add(6*time.Minute)
	for name, test := range map[string]struct {
		load  Load
		now   time.Time
		waits string
	}{
		"nothing left":        {Load{nil, apps(0, later), apps(0, later)}, now, ""},
		"clients may come":    {Load{nil, apps(0, later), apps(0, later)}, flip.Add(-time.Minute), "1m0s for clients that know the old pointer"},
		"steps":               {Load{[]string{"a s-1", "b s-2", "c s-3", "d s-4"}, apps(0, later), apps(0, later)}, now, "4 steps (a s-1, b s-2, c s-3)"},
		"an application":      {Load{nil, apps(1, later), apps(0, later)}, now, "1 application running"},
		"waiting ones":        {Load{nil, apps(0, later), apps(2, later)}, now, "2 applications pending"},
		"measured too early":  {Load{nil, apps(0, flip.Add(-time.Minute)), apps(0, later)}, now, "CloudWatch to say how many applications are running"},
		"never measured":      {Load{nil, apps(0, later), nil}, now, "CloudWatch to say how many applications are pending"},
		"more than one thing": {Load{[]string{"a s-1"}, apps(1, later), apps(0, later)}, now, "1 step (a s-1), 1 application running"},
	} {
		if drained, waits := Drained(test.load, flip, test.now); waits != test.waits || drained != (waits == "") {
			t.Errorf("%s: %v, %q, want %q", name, drained, waits, test.waits)
		}
	}
}

func TestOf(t *testing.T) {
	o := &Overview{Status: Status{
		Problems: []string{"blue (j-1) is TERMINATING", "blue: 1 of 2 core nodes run", "green: the alarm idle is on", "green: the alarm yarn-memory is on", "green: the alarm failed-applications is on", "parameter /p: denied"},
		Clusters: []Cluster{{Colour: "green", Health: &Health{LostNodes: &Reading{Last: 1, Low: 1, High: 1, Points: 3}}}},
	}}
	want := []string{"1 nodes stay lost", "green: the alarm failed-applications is on", "parameter /p: denied"}
	if got := of(o, "green"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
