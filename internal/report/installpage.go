package report

import "fmt"

// part is a list of names and values of a handover report.
type part struct {
	title  string
	values []Named
}

// parts are the lists of the report in their order.
func (doc InstallDocument) parts() []part {
	phases := make([]Named, 0, len(doc.Phases))
	for _, p := range doc.Phases {
		text := fmt.Sprintf("%.0f s", p.Seconds)
		if p.Attempts > 1 {
			text += fmt.Sprintf(", attempt %d", p.Attempts)
		}
		phases = append(phases, Named{string(p.Phase), text})
	}
	return []part{
		{"Account", doc.Account},
		{"Endpoints", doc.Endpoints},
		{"Who has access", doc.Access},
		{"Encryption", doc.Encryption},
		{"Backups, and how to restore", doc.Backups},
		{"Alarms", doc.Alarms},
		{"Versions", doc.Versions},
		{"How long it took", phases},
		{"Every day", doc.Commands},
	}
}

// InstallPage is the handover report as a page.
func InstallPage(doc InstallDocument) Page {
	page := Page{Title: "Handover of " + doc.Environment, Made: doc.Made, Good: doc.Accepted, Verdict: "The platform of " + doc.Environment + " is " + installVerdict(doc) + "."}
	for _, v := range doc.Account {
		page.Facts = append(page.Facts, Fact(v))
	}
	checks := &Table{Columns: []string{"Check", "Result", "What was found"}}
	for _, c := range doc.Acceptance {
		result := Cell{"passed", Good}
		if !c.OK {
			result = Cell{"failed", Bad}
		}
		checks.Rows = append(checks.Rows, []Cell{{Text: c.Check}, result, {Text: c.Detail}})
	}
	duties := &Table{Columns: []string{"What"}}
	for _, duty := range doc.Customer {
		duties.Rows = append(duties.Rows, Cells(duty))
	}
	page.Sections = append(page.Sections, Section{Title: "What the customer has to do", Table: duties}, Section{Title: "Acceptance", Table: checks})
	for _, p := range doc.parts()[1:] { // the first stands at the top
		if len(p.values) == 0 {
			continue
		}
		table := &Table{Columns: []string{"What", "Value"}}
		for _, v := range p.values {
			table.Rows = append(table.Rows, []Cell{{Text: v.Name}, {v.Value, Literal}})
		}
		page.Sections = append(page.Sections, Section{Title: p.title, Table: table})
		if p.title == "Endpoints" && len(doc.Hosts) > 0 {
			page.Sections = append(page.Sections, Section{Title: "Hosts", Table: hostTable(doc.Hosts)})
		}
	}
	looked := &Table{Columns: []string{"Check", "Result", "What was found"}}
	for _, f := range doc.Preflight {
		looked.Rows = append(looked.Rows, []Cell{{Text: f.Check}, {Text: string(f.Result)}, {Text: f.Detail}})
	}
	page.Sections = append(page.Sections, Section{Title: "Preflight", Text: "What was looked at before anything was made.", Table: looked})
	return page
}

func hostTable(hosts []InstalledHost) *Table {
	table := &Table{Columns: []string{"Host", "Instance", "Made as", "Zone", "Private", "Public"}}
	for _, h := range hosts {
		table.Rows = append(table.Rows, []Cell{{h.Name, Literal}, {h.ID, Literal}, {Text: h.Layer + " " + h.Role}, {Text: h.Zone}, {h.Private, Literal}, {h.Public, Literal}})
	}
	return table
}
