package report

import (
	"cmp"
	"fmt"
	"strings"

	"infra/internal/drift"
	"infra/internal/fault"
)

// DriftPage is the report as a page.
func DriftPage(doc DriftDocument) Page {
	page := Page{Title: "Drift", Made: doc.Made, Good: doc.Code() == fault.OK, Verdict: "No drift."}
	var drifted, failed []string
	overview := &Table{Columns: []string{"Environment", "Result", "Noise", "Seconds"}}
	for _, e := range doc.Environments {
		mark := Good
		if e.Drift {
			drifted, mark = append(drifted, e.Environment), Bad
		}
		if e.Error != nil {
			failed, mark = append(failed, e.Environment), Bad
		}
		overview.Rows = append(overview.Rows, []Cell{
			{Text: e.Environment, Mark: Literal}, {Text: DriftVerdict(e), Mark: mark}, {Text: fmt.Sprint(len(e.Noise)), Mark: Number}, {Text: fmt.Sprintf("%.1f", e.Seconds), Mark: Number},
		})
	}
	switch {
	case len(failed) > 0:
		page.Verdict = "Could not be looked at as a whole: " + strings.Join(failed, ", ") + "."
		if len(drifted) > 0 {
			page.Verdict += " Drift: " + strings.Join(drifted, ", ") + "."
		}
	case len(drifted) > 0:
		page.Verdict = "Drift: " + strings.Join(drifted, ", ") + "."
	}
	page.Facts = []Fact{{"Environments", fmt.Sprint(len(doc.Environments))}, {"With drift", fmt.Sprint(len(drifted))}, {"Failed", fmt.Sprint(len(failed))}}
	page.Sections = append(page.Sections, Section{Title: "Environments", Table: overview})
	for _, e := range doc.Environments {
		if e.Error != nil {
			page.Sections = append(page.Sections, Section{Title: e.Environment + ": error", Text: e.Error.Message + ". Next: " + cmp.Or(e.Error.Hint, "infra drift "+e.Environment)})
		}
		if table := driftTable(e.Findings); table != nil {
			page.Sections = append(page.Sections, Section{Title: e.Environment + ": drift", Text: "Next: " + driftNext(e) + ".", Table: table})
		}
		if table := driftTable(e.Noise); table != nil {
			page.Sections = append(page.Sections, Section{Title: e.Environment + ": known noise", Table: table})
		}
	}
	return page
}

func driftTable(findings []drift.Finding) *Table {
	if len(findings) == 0 {
		return nil
	}
	table := &Table{Columns: []string{"Kind", "What", "Finding", "Values"}}
	for _, f := range findings {
		values := make([]string, 0, len(f.Attributes))
		for _, a := range f.Attributes {
			values = append(values, attributeText(a))
		}
		text := says(f)
		if f.Noise != "" {
			text = strings.TrimPrefix(text+"; "+f.Noise, "; ")
		}
		table.Rows = append(table.Rows, []Cell{{Text: f.Kind.Title()}, {Text: subject(f), Mark: Literal}, {Text: text}, {Text: strings.Join(values, "; "), Mark: Literal}})
	}
	return table
}
