package report

import (
	"strings"
	"testing"
	"time"

	"infra/internal/drill"
	"infra/internal/pgdrill"
)

func drilled() pgdrill.Report {
	return pgdrill.NewReport("test", "20261122T083015Z-1f2e3d", time.Now(), pgdrill.Cluster{}, 1, []pgdrill.Result{
		{
			Name: "kill", Title: "the primary's server is killed", Round: 1, Passed: true, Expected: pgdrill.Failover, Outcome: pgdrill.Failover,
			WriteGap: 8.25, GapLimit: 30, Acknowledged: 400, Lost: 2, RPO: 0.3, Before: "one", After: "two", Repaired: 41,
			Timeline: drill.Timeline{
				From: -3, To: 45, Marks: []drill.Mark{{At: 0, Label: "harm"}, {At: 6, Label: `two: "fenced" <one>`}},
				Lanes: []drill.Lane{{Name: "client, name", Spans: []drill.Span{{From: -3, To: 0, Kind: "acknowledged"}}}, {Name: "two", Spans: []drill.Span{{From: 8, To: 45, Kind: pgdrill.Writable}}}},
			},
		},
		{Name: "hang", Title: "it hangs", Round: 1, Findings: []string{"two nodes took writes at the same time"}, TwoWritable: true, Before: "two", Outcome: pgdrill.Lost},
	}, nil)
}

func TestDrillText(t *testing.T) {
	t.Parallel()
	text := DrillText(drilled())
	for _, want := range []string{
		"kill      passed  failover    8.2 s", "2 of 400", "one -> two", "41 s", "two -> none", "never",
		"  hang: two nodes took writes at the same time\n",
		"1 of 2 passed, asynchronous, 0 nodes: 1 split brains, 2 acknowledged rows lost (worst RPO 0.3 s), median write gap of a killed server 8.2 s",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestDrillPage(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	if err := DrillPage(drilled()).Write(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "two: &#34;fenced&#34; &lt;one&gt;", "acknowledged, -3.0 to 0.0 s", "Wrong: two nodes took writes"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%q is not in the page", want)
		}
	}
}
