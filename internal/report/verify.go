package report

import (
	"fmt"
	"strings"

	"infra/internal/restore"
)

// VerifyPage is a verified restore as a page.
func VerifyPage(r *restore.Report) Page {
	p := Page{Title: "Verified restore of " + r.Environment, Made: r.EndedAt, Good: r.Passed, Verdict: "The last backup was restored and everything in it is as it was written."}
	if !r.Passed {
		p.Verdict = "Failed: " + strings.Join(r.Failures(), "; ")
	}
	seconds := func(value *float64) string {
		if value == nil {
			return "not measured"
		}
		return fmt.Sprintf("%.1f s", *value)
	}
	p.Facts = []Fact{
		{"Run", r.Run},
		{"Backup", strings.TrimSpace(r.Backup + " " + r.BackupType)},
		{"RTO, from asking for a host to the first answered query", seconds(r.RTOSeconds)},
		{"RPO, of the primary's heartbeat what did not come back", seconds(r.RPOSeconds)},
	}
	if r.BackupAt != nil {
		p.Facts = append(p.Facts, Fact{"Backup complete", restore.Moment(*r.BackupAt)})
	}
	if r.RestoredTo != nil {
		p.Facts = append(p.Facts, Fact{"Last transaction that came back", restore.Moment(*r.RestoredTo)})
	}
	checks := &Table{Columns: []string{"Check", "Result", "Seconds", "What was found"}}
	for _, c := range r.Checks {
		result := Cell{"passed", Good}
		if !c.Passed {
			result = Cell{"failed", Bad}
		}
		checks.Rows = append(checks.Rows, []Cell{{Text: c.Name}, result, {fmt.Sprintf("%.1f", c.Seconds), Number}, {Text: c.Detail}})
	}
	phases := &Table{Columns: []string{"Part", "Seconds"}}
	for _, phase := range r.Phases {
		phases.Rows = append(phases.Rows, []Cell{{Text: phase.Name}, {fmt.Sprintf("%.1f", phase.Seconds), Number}})
	}
	p.Sections = []Section{{Title: "Checks", Table: checks}, {Title: "How long it took", Table: phases}}
	return p
}
