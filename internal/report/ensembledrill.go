package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"infra/internal/zkdrill"
)

// ensembleColumns are the columns of a drill's table.
func ensembleColumns() []string {
	return []string{"Scenario", "Result", "Outcome", "Write gap", "Limit", "Worst client", "No leader", "Operations", "Unknown", "Leader", "Whole after"}
}

func ensembleRow(s zkdrill.Result) []string {
	result, repaired, leader := "passed", "never", orNone(s.Before)
	if !s.Passed {
		result = "FAILED"
	}
	if s.Repaired > 0 {
		repaired = fmt.Sprintf("%.0f s", s.Repaired)
	}
	if s.After != s.Before {
		leader += " -> " + orNone(s.After)
	}
	return []string{
		s.Name, result, string(s.Outcome), fmt.Sprintf("%.1f s", s.WriteGap), fmt.Sprintf("%.0f s", s.GapLimit), fmt.Sprintf("%.1f s", s.ClientGap),
		fmt.Sprintf("%.1f s", s.Election), fmt.Sprint(s.Counts.Operations), fmt.Sprint(s.Counts.Unknown), leader, repaired,
	}
}

// EnsembleDrillText is a drill of the ensemble as a table: one line a
// scenario, what is wrong below.
func EnsembleDrillText(r zkdrill.Report) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0) // a Builder never fails
	_, _ = fmt.Fprintln(table, strings.ToUpper(strings.Join(ensembleColumns(), "\t")))
	for _, s := range r.Results {
		_, _ = fmt.Fprintln(table, strings.Join(ensembleRow(s), "\t"))
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
	if len(r.Results) > 1 {
		b.WriteString("\n")
		for _, a := range r.Answers {
			fmt.Fprintf(&b, "%s\n  %s\n", a.Question, a.Answer)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", ensembleVerdict(r))
	return b.String()
}

// ensembleVerdict is the sum of a drill in one line.
func ensembleVerdict(r zkdrill.Report) string {
	passed := 0
	for _, s := range r.Results {
		if s.Passed {
			passed++
		}
	}
	line := fmt.Sprintf("%d of %d passed, %d servers, %d operations judged", passed, len(r.Results), r.Servers, r.Operations)
	if r.KillMedian > 0 {
		line += fmt.Sprintf(", median write gap of a killed leader %.1f s", r.KillMedian)
	}
	if r.HangWorst > 0 {
		line += fmt.Sprintf(", worst of a silent one %.1f s", r.HangWorst)
	}
	return line
}

// EnsembleDrillPage is a drill of the ensemble as a page: the answers, the
// table, and of each scenario a picture.
func EnsembleDrillPage(r zkdrill.Report) Page {
	page := Page{
		Title: "ZooKeeper drill of " + r.Environment, Made: r.Ended, Good: r.Passed, Verdict: ensembleVerdict(r),
		Facts: []Fact{
			{"Run", r.Run},
			{"Started", r.Started.Format("2006-01-02 15:04:05 UTC")},
			{"Took", r.Ended.Sub(r.Started).Round(1e9).String()},
			{"Rounds", fmt.Sprint(r.Rounds)},
		},
	}
	if r.Stopped != "" {
		page.Facts = append(page.Facts, Fact{"Stopped early", r.Stopped})
	}
	for _, a := range r.Answers {
		page.Sections = append(page.Sections, Section{Title: a.Question, Text: a.Answer})
	}
	table := &Table{Columns: ensembleColumns()}
	for _, s := range r.Results {
		table.Rows = append(table.Rows, drillCells(ensembleRow(s), s.Passed, 3, 4, 5, 6, 7, 8, 10))
	}
	page.Sections = append(page.Sections, Section{Title: "Scenarios", Table: table})
	for _, s := range r.Results {
		page.Sections = append(page.Sections, drillSection(s.Name, s.Round, s.Title, s.Findings, s.Timeline,
			"Seconds from the harm. Clients: acknowledged writes. Servers: leads (green), follows (blue), looks for a leader, silent or down (red)."))
	}
	return page
}
