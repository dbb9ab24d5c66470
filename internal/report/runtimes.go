package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"infra/internal/progress"
)

// timeSections are where the time went.
func (r RunReport) timeSections() []Section {
	if len(r.timeline.Steps) == 0 {
		return nil
	}
	whole := max(r.timeline.To.Sub(r.timeline.From).Seconds(), 0.001)
	picture := Section{
		Title: "Timeline", Picture: timelinePicture(r.timeline),
		Caption: "Blue, with a frame: the critical path. Neither Terraform nor Ansible waits without need, so that what ended just before something began is what it waited for. " +
			"Green: a task that changed its host. Red: failed. The tables below say the same.",
	}
	path := Section{Title: "Critical path", Text: "What the run waited for, one after the other.", Table: &Table{Columns: []string{"Began, second", "What", "Where", "Seconds", "Of the run"}}}
	for _, s := range shortened(r.CriticalPath, whole) {
		path.Table.Rows = append(path.Table.Rows, []Cell{
			{fmt.Sprintf("%.0f", s.From), Number},
			{Text: strings.TrimSpace(s.Action + " " + s.Name)},
			{Text: s.Lane},
			{fmt.Sprintf("%.1f", s.Seconds), Number},
			{fmt.Sprintf("%.0f%%", 100*s.Seconds/whole), Number},
		})
	}
	steps := Section{Title: "What took how long", Table: &Table{Columns: []string{"Step", "Where", "Result", "Began, second", "Seconds"}}}
	for _, s := range r.Steps {
		steps.Table.Rows = append(steps.Table.Rows, []Cell{
			{Text: s.Name}, {Text: s.Lane}, stepCell(s.Result), {fmt.Sprintf("%.0f", s.From), Number}, {fmt.Sprintf("%.1f", s.Seconds), Number},
		})
	}
	return []Section{picture, path, steps, r.longestSection()}
}

func stepCell(result string) Cell {
	if result == "" {
		return Cell{"did not end", Bad}
	}
	return resultCell(result)
}

// shortest is below which part of the run a part of its critical path is not
// listed: that of a run with hundreds of tasks.
const shortest = 0.01

// shortened is a critical path in which what took hardly any time, one after the
// other in the same place, is one.
func shortened(path []RunSpan, whole float64) []RunSpan {
	var long []RunSpan
	together := 0 // short ones that the last is made of
	for _, s := range path {
		last := len(long) - 1
		switch {
		case s.Seconds >= shortest*whole:
			together = 0
			long = append(long, s)
		case together > 0 && long[last].Lane == s.Lane:
			together++
			long[last] = RunSpan{Lane: s.Lane, Name: fmt.Sprintf("%d short ones", together), From: long[last].From, Seconds: long[last].Seconds + s.Seconds}
		default:
			together = 1
			long = append(long, s)
		}
	}
	return long
}

// longestShown is how many of the longest things are listed.
const longestShown = 15

func (r RunReport) longestSection() Section {
	all := slices.Clone(r.timeline.Spans)
	slices.SortStableFunc(all, func(a, b progress.Span) int { return cmp.Compare(b.Took(), a.Took()) })
	table := &Table{Columns: []string{"Resource or task", "Where", "Result", "Seconds"}}
	for _, s := range all[:min(longestShown, len(all))] {
		table.Rows = append(table.Rows, []Cell{
			{Text: strings.TrimSpace(s.Action + " " + s.Name)}, {Text: s.Lane}, stepCell(s.Result), {fmt.Sprintf("%.1f", s.Took().Seconds()), Number},
		})
	}
	if len(table.Rows) == 0 {
		return Section{}
	}
	return Section{Title: "What took longest", Table: table}
}
