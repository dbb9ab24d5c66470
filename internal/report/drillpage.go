package report

import (
	"fmt"
	"html"
	"strings"

	"infra/internal/drill"
	"infra/internal/pgdrill"
	"infra/internal/zkdrill"
	"infra/internal/zookeeper"
)

// DrillPage is a drill as a page: the table, and of each scenario a picture.
func DrillPage(r pgdrill.Report) Page {
	page := Page{
		Title: "PostgreSQL drill of " + r.Environment, Made: r.Ended, Good: r.Passed, Verdict: drillVerdict(r),
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
	table := &Table{Columns: []string{"Scenario", "Result", "Outcome", "Write gap", "Limit", "Rows lost", "RPO", "Primary", "Healthy after"}}
	for _, s := range r.Results {
		table.Rows = append(table.Rows, drillCells(drillRow(s), s.Passed, 3, 4, 5, 6, 8))
	}
	page.Sections = append(page.Sections, Section{Title: "Scenarios", Table: table})
	for _, s := range r.Results {
		page.Sections = append(page.Sections, drillSection(s.Name, s.Round, s.Title, s.Findings, s.Timeline,
			"Seconds from the harm. Client: acknowledged writes. Nodes: takes writes (green), standby (blue), silent or refusing (red)."))
	}
	return page
}

// drillSection is a scenario with its picture.
func drillSection(name string, round int, title string, findings []string, line drill.Timeline, caption string) Section {
	text := title + "."
	if len(findings) > 0 {
		text += " Wrong: " + strings.Join(findings, "; ") + "."
	}
	return Section{Title: fmt.Sprintf("%s, round %d", name, round), Text: text, Picture: drillPicture(line), Table: drillMarks(line), Caption: caption}
}

// drillCells are a scenario's cells: its name, its result, and numbers at some
// places.
func drillCells(texts []string, passed bool, numbers ...int) []Cell {
	row := Cells(texts...)
	row[0].Mark, row[1].Mark = Literal, Good
	if !passed {
		row[1].Mark = Bad
	}
	for _, i := range numbers {
		row[i].Mark = Number
	}
	return row
}

// drillMarks are the moments of a scenario: the picture has the room for their
// numbers alone.
func drillMarks(t drill.Timeline) *Table {
	table := &Table{Columns: []string{"", "Seconds", "What"}}
	for i, m := range t.Marks {
		table.Rows = append(table.Rows, []Cell{
			{Text: fmt.Sprint(i + 1), Mark: Number}, {Text: fmt.Sprintf("%.1f", m.At), Mark: Number}, {Text: m.Label},
		})
	}
	return table
}

// The measures of the picture.
const (
	laneHeight = 22
	laneNames  = 150
	laneWidth  = 780
)

// drillPicture is a timeline as SVG: a lane for every observer, a line for
// every moment.
func drillPicture(t drill.Timeline) string {
	span := max(t.To-t.From, 1)
	x := func(at float64) float64 { return laneNames + (min(max(at, t.From), t.To)-t.From)/span*laneWidth }
	bottom := 20 + len(t.Lanes)*laneHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="timeline">`, laneNames+laneWidth+10, bottom+24)
	for i, lane := range t.Lanes {
		top := 20 + i*laneHeight
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text>`, top+13, escaped(lane.Name))
		for _, s := range lane.Spans {
			fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="14" fill="%s"><title>%s, %.1f to %.1f s</title></rect>`,
				x(s.From), top+2, max(x(s.To)-x(s.From), 1.5), spanColour(s.Kind), escaped(s.Kind), s.From, s.To)
		}
	}
	for i, m := range t.Marks {
		colour := "var(--faint)"
		if m.Label == "harm" {
			colour = "var(--bad)"
		}
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="16" y2="%d" stroke="%s" stroke-width="1"><title>%s, %.1f s</title></line>`,
			x(m.At), x(m.At), bottom, colour, escaped(m.Label), m.At)
		fmt.Fprintf(&b, `<text x="%.1f" y="12" class="faint" text-anchor="middle" font-size="9">%d</text>`, x(m.At), i+1)
	}
	for at := 0.0; at <= t.To; at += tick(span) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="faint" text-anchor="middle">%.0f</text>`, x(at), bottom+16, at)
	}
	b.WriteString("</svg>")
	return b.String()
}

func tick(span float64) float64 {
	for _, step := range []float64{5, 10, 20, 30, 60} {
		if span/step <= 12 {
			return step
		}
	}
	return 120
}

func spanColour(kind string) string {
	switch kind {
	case "acknowledged", pgdrill.Writable, zookeeper.Leader, zookeeper.Standalone:
		return "var(--good)"
	case pgdrill.InStandby, zookeeper.Follower:
		return "var(--accent)"
	case pgdrill.Silent, pgdrill.Refusing, zkdrill.Electing, zkdrill.Down:
		return "var(--bad)"
	default: // the name of a node
		return "var(--second)"
	}
}

func escaped(text string) string { return html.EscapeString(text) }
