package report

import "fmt"

// RebuildPage is the report of a rebuild as a page.
func RebuildPage(doc RebuildDocument) Page {
	title := "Rebuild of " + doc.Of
	if doc.Rehearsal {
		title = "Rehearsed rebuild of " + doc.Of
	}
	page := Page{Title: title, Made: doc.Made, Good: doc.Accepted, Verdict: doc.Environment + ": " + rebuildVerdict(doc) + ".", Facts: doc.facts()}
	phases := &Table{Columns: []string{"Phase", "Seconds", "Attempts"}}
	for _, p := range doc.Phases {
		phases.Rows = append(phases.Rows, []Cell{{Text: string(p.Phase)}, {fmt.Sprintf("%.1f", p.Seconds), Number}, {fmt.Sprint(p.Attempts), Number}})
	}
	checks := &Table{Columns: []string{"Check", "Result", "What was found"}}
	for _, c := range doc.Checks {
		result := Cell{"passed", Good}
		if !c.OK {
			result = Cell{"failed", Bad}
		}
		checks.Rows = append(checks.Rows, []Cell{{Text: c.Check}, result, {Text: c.Detail}})
	}
	absent := &Table{Columns: []string{"What", "What is missing"}}
	for _, a := range doc.Absent {
		absent.Rows = append(absent.Rows, Cells(a.Name, a.Value))
	}
	page.Sections = []Section{
		{Title: "How long it took", Text: "The time until everything worked again ends with the configuration of the hosts.", Table: phases},
		{Title: "Acceptance", Table: checks},
		{Title: "What does not come back", Table: absent},
	}
	if len(doc.Places) > 0 {
		places := &Table{Columns: []string{"Place", "What", "How to mend it"}}
		for _, f := range doc.Places {
			places.Rows = append(places.Rows, []Cell{{f.Place(), Literal}, {Text: string(f.Kind) + " " + f.Found}, {Text: f.Mend}})
		}
		page.Sections = append(page.Sections, Section{Title: "What only fits one region", Table: places})
	}
	return page
}
