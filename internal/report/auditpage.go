package report

import (
	"fmt"
	"strings"

	"infra/internal/audit"
	"infra/internal/fault"
)

// AuditPage is the report as a page.
func AuditPage(doc AuditDocument) Page {
	page := Page{Title: "Audit", Made: doc.Made, Good: doc.Code() == fault.OK}
	var failing, failed []string
	overview := &Table{Columns: []string{"Environment", "Result", "Exceptions", "Seconds"}}
	for _, e := range doc.Environments {
		mark := Good
		if doc.fails(e) {
			failing, mark = append(failing, e.Environment), Bad
		}
		if e.Error != nil {
			failed, mark = append(failed, e.Environment), Bad
		}
		overview.Rows = append(overview.Rows, []Cell{
			{Text: e.Environment, Mark: Literal}, {Text: auditVerdict(e), Mark: mark}, {Text: fmt.Sprint(len(e.Exceptions)), Mark: Number}, {Text: fmt.Sprintf("%.1f", e.Seconds), Mark: Number},
		})
	}
	switch {
	case len(failed) > 0:
		page.Verdict = "Could not be looked at as a whole: " + strings.Join(failed, ", ") + "."
	case len(failing) > 0:
		page.Verdict = "Findings: " + strings.Join(failing, ", ") + "."
	case doc.FailOn == NoSeverity:
		page.Verdict = "Whatever was found is listed below."
	default:
		page.Verdict = "No finding is " + doc.FailOn + " or worse."
	}
	page.Facts = []Fact{{"Environments", fmt.Sprint(len(doc.Environments))}, {"Counts from", doc.FailOn}, {"Failed", fmt.Sprint(len(failed))}}
	page.Sections = append(page.Sections, Section{Title: "Environments", Table: overview})
	for _, e := range doc.Environments {
		page.Sections = append(page.Sections, auditSections(e)...)
	}
	return page
}

func auditSections(e EnvironmentAudit) []Section {
	var sections []Section
	add := func(title, text string, table *Table) {
		if table == nil || len(table.Rows) > 0 {
			sections = append(sections, Section{Title: e.Environment + ": " + title, Text: text, Table: table})
		}
	}
	if e.Error != nil {
		add("error", e.Error.Message+". Next: "+e.Error.Hint, nil)
	}
	next := ""
	if text := auditNext(e); text != "" {
		next = "Next: " + text + "."
	}
	add("findings", next, findingTable(e.Findings))
	add("known exceptions", "", findingTable(e.Exceptions))
	reach := &Table{Columns: []string{"Who", "From", "Ports", "Reaches"}}
	for _, x := range e.Exposures {
		mark := Plain
		if x.Class == audit.Internet {
			mark = Bad
		}
		reach.Rows = append(reach.Rows, []Cell{{Text: string(x.Class), Mark: mark}, {Text: x.From, Mark: Literal}, {Text: x.Ports, Mark: Literal}, {Text: reaches(x)}})
	}
	add("who can reach what", "", reach)
	do := &Table{Columns: []string{"Who", "Trusts", "Can", "Boundary", "Last used"}}
	for _, c := range e.Capabilities {
		mark := Plain
		if c.Privilege == audit.Administrator || c.Privilege == audit.Escalation {
			mark = Bad
		}
		do.Rows = append(do.Rows, []Cell{{Text: c.Name, Mark: Literal}, {Text: strings.Join(c.Trust, ", ")}, {Text: capability(c), Mark: mark}, {Text: bounded(c)}, {Text: used(c)}})
	}
	add("who can do what", "", do)
	return sections
}

func findingTable(findings []audit.Finding) *Table {
	table := &Table{Columns: []string{"Severity", "Finding", "What", "Where", "Mend"}}
	for _, f := range findings {
		mark := Plain
		if f.Severity >= audit.High && f.Exception == nil {
			mark = Bad
		}
		mend := f.Mend
		if f.Exception != nil {
			mend = "known: " + f.Exception.Reason + " (" + f.Exception.From + ")"
		}
		where := whereFound(f)
		if f.Place != nil { // the address takes its place in the text: it would make the column narrow
			where = f.Place.String()
		}
		table.Rows = append(table.Rows, []Cell{
			{Text: f.Severity.String(), Mark: mark},
			{Text: f.Title + " (" + strings.Join(append([]string{f.Rule}, f.Public...), ", ") + ")"},
			{Text: strings.TrimSpace(f.Resource + ": " + f.Detail + " " + f.Address)},
			{Text: where},
			{Text: mend},
		})
	}
	return table
}
