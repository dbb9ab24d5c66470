package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/guard"
	"infra/internal/progress"
	"infra/internal/run"
)

// RunPage is a run as a page.
func RunPage(r RunReport) Page {
	rec := r.Record
	page := Page{
		Title: fmt.Sprintf("%s of %s", rec.Verb, rec.Environment), Made: r.Made, Good: rec.Result == run.Done, Verdict: runVerdict(r),
		Facts: []Fact{{"Run", rec.Run}, {"By", by(rec)}, {"Caller", rec.Caller}, {"Commit", commit(rec)}, {"Started", stamp(rec.Started)}, {"Took", took(rec)}},
	}
	for _, name := range sortedKeys(rec.Tools) {
		page.Facts = append(page.Facts, Fact{name, rec.Tools[name]})
	}
	page.Facts = append(page.Facts, Fact{"Bundle, SHA-256", rec.Bundle}, Fact{"Roll-out", rec.Rollout}, Fact{"Recovers run", rec.Recovers}, Fact{"Recovered by run", rec.RecoveredBy})
	page.Facts = slices.DeleteFunc(page.Facts, func(f Fact) bool { return f.Value == "" })
	if rec.Error != "" {
		page.Sections = append(page.Sections, Section{Title: "Error", Text: rec.Error})
	}
	if !r.Journal {
		page.Sections = append(page.Sections, Section{Title: "What changed", Text: "No journal of this run was kept: the ledger alone tells of it."})
	} else {
		page.Sections = append(page.Sections, r.deedsSection(), r.changesSection(), r.failuresSection())
		page.Sections = append(page.Sections, r.timeSections()...)
	}
	page.Sections = append(page.Sections, r.hostsSection(), r.tasksSection(), r.healthSection(), r.driftSection(), r.statesSection(), r.warningsSection())
	page.Sections = slices.DeleteFunc(page.Sections, func(s Section) bool { return s.Text == "" && s.Table == nil && s.Picture == "" })
	return page
}

// runVerdict is the run in a sentence.
func runVerdict(r RunReport) string {
	text := strings.ToUpper(outcome(r.Record)[:1]) + outcome(r.Record)[1:]
	counts := map[string]int{}
	for _, c := range r.Changes {
		if c.Result == progress.OK {
			counts[c.Action]++
		}
	}
	var parts []string
	for _, action := range []guard.Action{guard.Delete, guard.Replace, guard.Update, guard.Create} {
		if n := counts[string(action)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", console.Count(n, "resource"), done(action)))
		}
	}
	changed := 0
	for _, h := range r.Hosts {
		changed += h.Changed
	}
	if changed > 0 {
		parts = append(parts, fmt.Sprintf("%s on %s", console.Count(changed, "change"), console.Count(len(r.Hosts), "host")))
	}
	parts = append(parts, r.touched()...)
	if len(parts) == 0 {
		parts = r.written()
	}
	if len(parts) == 0 && r.Journal {
		parts = []string{"nothing changed"}
	}
	if t := took(r.Record); t != "" {
		parts = append(parts, "in "+t)
	}
	if len(parts) == 0 {
		return text + "."
	}
	return text + ": " + strings.Join(parts, ", ") + "."
}

// touchedShown is how many hosts are named in a sentence.
const touchedShown = 3

// touched are the hosts to which an operation did something: Ansible's words for
// its hosts are counted elsewhere.
func (r RunReport) touched() []string {
	var said []string
	for _, h := range r.Record.Hosts {
		if tasks, _, counted := strings.Cut(h.Result, " changed"); counted && strings.Trim(tasks, "0123456789") == "" {
			continue
		}
		if h.Result != "ok" && !failedHost(h) {
			said = append(said, h.Name+" "+h.Result)
		}
	}
	if len(said) > touchedShown {
		said = append(said[:touchedShown], fmt.Sprintf("%d more", len(said)-touchedShown))
	}
	return said
}

// written are the states that are others than before.
func (r RunReport) written() []string {
	var said []string
	for _, s := range r.Record.Stacks {
		if s.After != nil && (s.Before == nil || s.Before.Serial != s.After.Serial) {
			said = append(said, fmt.Sprintf("state of %s written, serial %s", s.Stack, serials(s)))
		}
	}
	return said
}

// deedsSection is what an operation did, such as a failover.
func (r RunReport) deedsSection() Section {
	if len(r.Did) == 0 {
		return Section{}
	}
	table := &Table{Columns: []string{"Second", "Where", "What"}}
	for _, d := range r.Did {
		table.Rows = append(table.Rows, []Cell{{fmt.Sprintf("%.0f", d.At), Number}, {d.Host, Literal}, {Text: d.What}})
	}
	return Section{Title: "What was done", Text: "One thing after the other, as the operation told it.", Table: table}
}

// done is what became of a resource.
func done(a guard.Action) string {
	switch a {
	case guard.Delete:
		return "destroyed"
	case guard.Replace:
		return "replaced"
	case guard.Update:
		return "changed"
	case guard.Create:
		return "created"
	default:
		return string(a)
	}
}

func (r RunReport) changesSection() Section {
	s := Section{Title: "What changed", Text: "Resources, what was destroyed or replaced first."}
	if len(r.Changes) == 0 && len(r.Did) > 0 {
		return Section{}
	}
	if len(r.Changes) == 0 {
		s.Text = "No resource was to be changed."
		return s
	}
	s.Table = &Table{Columns: []string{"Action", "Resource", "Stack", "Result", "Seconds"}}
	for _, c := range r.Changes {
		action := Cell{Text: c.Action}
		if a := guard.Action(c.Action); a == guard.Delete || a == guard.Replace {
			action.Mark = Bad
		}
		address := c.Address
		if c.Reason != "" {
			address += " (" + strings.ReplaceAll(c.Reason, "_", " ") + ")"
		}
		s.Table.Rows = append(s.Table.Rows, []Cell{action, {address, Literal}, {Text: c.Stack}, resultCell(c.Result), {fmt.Sprintf("%.0f", c.Seconds), Number}})
	}
	return s
}

// resultCell is how something ended, for people.
func resultCell(result string) Cell {
	switch result {
	case progress.OK, progress.Changed:
		return Cell{"done", Good}
	case "":
		return Cell{Text: "not begun"}
	case "unknown":
		return Cell{"not known", Bad}
	default:
		return Cell{result, Bad}
	}
}

func (r RunReport) failuresSection() Section {
	if len(r.Failures) == 0 {
		return Section{}
	}
	table := &Table{Columns: []string{"Host", "Task", "What it said"}}
	for _, f := range r.Failures {
		table.Rows = append(table.Rows, []Cell{{f.Host, Literal}, {Text: f.Task}, {Text: f.Message}})
	}
	return Section{Title: "What failed on hosts", Text: "A failure that the playbook itself has mended is here too.", Table: table}
}

// failedHost tells whether Ansible did not do a host's tasks, or nobody knows.
func failedHost(h run.HostRecord) bool {
	return slices.Contains([]string{"failed", "unreachable", "not reached", "unknown"}, h.Result)
}

func (r RunReport) hostsSection() Section {
	if len(r.Record.Hosts) == 0 {
		return Section{}
	}
	counts := map[string]HostCount{}
	for _, h := range r.Hosts {
		counts[h.Host] = h
	}
	table := &Table{Columns: []string{"Host", "Instance", "Result"}}
	if len(counts) > 0 { // Ansible was there
		table.Columns = append(table.Columns, "Tasks done", "Changed", "Failed", "Seconds in tasks")
	}
	for _, h := range r.Record.Hosts {
		result := Cell{Text: h.Result, Mark: Good}
		if failedHost(h) {
			result.Mark = Bad
		}
		row := []Cell{{h.Name, Literal}, {h.ID, Literal}, result}
		if c := counts[h.Name]; len(counts) > 0 {
			for _, n := range []int{c.OK + c.Changed, c.Changed, c.Failed} {
				row = append(row, Cell{fmt.Sprint(n), Number})
			}
			row = append(row, Cell{fmt.Sprintf("%.1f", c.Seconds), Number})
		}
		table.Rows = append(table.Rows, row)
	}
	slices.SortStableFunc(table.Rows, func(a, b []Cell) int { return cmp.Compare(a[0].Text, b[0].Text) })
	return Section{Title: "Hosts", Table: table}
}

func (r RunReport) tasksSection() Section {
	if len(r.Tasks) == 0 {
		return Section{}
	}
	table := &Table{Columns: []string{"Task that changed something", "On"}}
	for _, t := range r.Tasks {
		on := strings.Join(t.Hosts, ", ")
		if len(t.Hosts) == len(r.Hosts) && len(r.Hosts) > 3 {
			on = fmt.Sprintf("all %d hosts", len(t.Hosts))
		}
		table.Rows = append(table.Rows, Cells(t.Task, on))
	}
	return Section{Title: "What changed on hosts", Table: table}
}

func (r RunReport) healthSection() Section {
	if len(r.Health) == 0 {
		return Section{Title: "Health after", Text: "This run did not ask the platform how it is afterwards: infra status " + r.Record.Environment + " does."}
	}
	table := &Table{Columns: []string{"Part", "State", "Problems"}}
	for _, h := range r.Health {
		state := Cell{h.State, Good}
		if h.State != "healthy" {
			state.Mark = Bad
		}
		table.Rows = append(table.Rows, []Cell{{Text: h.Part}, state, {Text: h.Problems}})
	}
	return Section{Title: "Health after", Text: "As the servers themselves said when the changes were done.", Table: table}
}

func (r RunReport) driftSection() Section {
	if len(r.Drift) == 0 {
		return Section{}
	}
	table := &Table{Columns: []string{"Resource", "Stack", "What was done to it"}}
	for _, c := range r.Drift {
		table.Rows = append(table.Rows, []Cell{{c.Address, Literal}, {Text: c.Stack}, {Text: c.Action}})
	}
	return Section{Title: "Changed outside of infra", Text: "What the plan found to be other than the state said. infra drift " + r.Record.Environment + " tells more.", Table: table}
}

func (r RunReport) statesSection() Section {
	if len(r.Record.Stacks) == 0 {
		return Section{}
	}
	table := &Table{Columns: []string{"Stack", "Resources applied", "Serial", "S3 version", "Plan, SHA-256", "Result"}}
	for _, s := range r.Record.Stacks {
		version := run.Version{}
		if last := cmp.Or(s.After, s.Before); last != nil {
			version = *last
		}
		table.Rows = append(table.Rows, []Cell{{Text: s.Stack}, {fmt.Sprint(s.Applied), Number}, {Text: serials(s)}, {version.VersionID, Literal}, {s.Plan, Literal}, {Text: s.Result}})
	}
	return Section{Title: "States", Table: table}
}

func (r RunReport) warningsSection() Section {
	if len(r.Warnings) == 0 {
		return Section{}
	}
	table := &Table{Columns: []string{"Warning"}}
	for _, w := range r.Warnings {
		table.Rows = append(table.Rows, Cells(w))
	}
	return Section{Title: "Warnings", Table: table}
}

// RunReportText is the report on a terminal, in a few lines; the page has all.
func RunReportText(r RunReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s, run %s: %s\n", r.Record.Verb, r.Record.Environment, r.Record.Run, runVerdict(r))
	for _, s := range shortened(r.CriticalPath, r.timeline.To.Sub(r.timeline.From).Seconds()) {
		fmt.Fprintf(&b, "  %8s  %s, %s\n", console.Elapsed(time.Duration(s.Seconds*float64(time.Second))), strings.TrimSpace(s.Action+" "+s.Name), s.Lane)
	}
	return b.String()
}
