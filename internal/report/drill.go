package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"infra/internal/pgdrill"
)

// DrillText is a drill as a table: one line a scenario, what is wrong below.
func DrillText(r pgdrill.Report) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0) // a Builder never fails
	_, _ = fmt.Fprintln(table, "SCENARIO\tRESULT\tOUTCOME\tWRITE GAP\tLIMIT\tROWS LOST\tRPO\tPRIMARY\tHEALTHY AFTER")
	for _, s := range r.Results {
		_, _ = fmt.Fprintln(table, strings.Join(drillRow(s), "\t"))
	}
	_ = table.Flush()
	for _, s := range r.Results {
		for _, finding := range s.Findings {
			fmt.Fprintf(&b, "  %s: %s\n", s.Name, finding)
		}
	}
	if r.Stopped != "" {
		fmt.Fprintf(&b, "stopped early: %s\n", r.Stopped)
	}
	fmt.Fprintf(&b, "\n%s\n", drillVerdict(r))
	return b.String()
}

// drillRow is a scenario's cells.
func drillRow(s pgdrill.Result) []string {
	result, repaired, primary := "passed", "never", s.Before
	if !s.Passed {
		result = "FAILED"
	}
	if s.Repaired > 0 {
		repaired = fmt.Sprintf("%.0f s", s.Repaired)
	}
	if s.After != s.Before {
		primary += " -> " + orNone(s.After)
	}
	return []string{
		s.Name, result, string(s.Outcome), fmt.Sprintf("%.1f s", s.WriteGap), fmt.Sprintf("%.0f s", s.GapLimit),
		fmt.Sprintf("%d of %d", s.Lost, s.Acknowledged), fmt.Sprintf("%.1f s", s.RPO), primary, repaired,
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// drillVerdict is the sum of a drill in one line.
func drillVerdict(r pgdrill.Report) string {
	passed := 0
	for _, s := range r.Results {
		if s.Passed {
			passed++
		}
	}
	mode := "asynchronous"
	if r.Synchronous {
		mode = "synchronous"
	}
	line := fmt.Sprintf("%d of %d passed, %s, %d nodes: %d split brains, %d acknowledged rows lost (worst RPO %.1f s)",
		passed, len(r.Results), mode, r.Nodes, r.SplitBrains, r.Lost, r.RPO)
	if r.KillMedian > 0 {
		line += fmt.Sprintf(", median write gap of a killed server %.1f s", r.KillMedian)
	}
	return line
}
