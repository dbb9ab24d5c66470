package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/progress"
)

// The measures of the picture of a run.
const (
	runLane   = 18
	runNames  = 330
	runWidth  = 620
	runLetter = 48 // how many letters of a name there is room for
	runMost   = 40 // resources that are drawn; those that took longest, and the critical path
)

// runRow is a row of the picture: a step, a resource, or a host with its tasks.
type runRow struct {
	name  string
	head  bool
	spans []progress.Span
}

// timelinePicture is a run in time as SVG: steps, resources of Terraform, and
// for every host its tasks.
func timelinePicture(t progress.Timeline) string {
	rows, left := runRows(t)
	whole := max(t.To.Sub(t.From).Seconds(), 1)
	x := func(at time.Time) float64 {
		return runNames + min(max(at.Sub(t.From).Seconds(), 0), whole)/whole*runWidth
	}
	bottom := 4 + len(rows)*runLane
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="timeline of the run: %d rows over %.0f seconds">`, runNames+runWidth+20, bottom+40, len(rows), whole)
	for at := 0.0; at <= whole; at += runTick(whole) {
		px := runNames + at/whole*runWidth
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="4" y2="%d" stroke="var(--line)"/>`, px, px, bottom)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="faint" text-anchor="middle">%s</text>`, px, bottom+16, runTime(at, whole))
	}
	for i, row := range rows {
		top := 4 + i*runLane
		weight := ""
		if row.head {
			weight = ` font-weight="600"`
		}
		fmt.Fprintf(&b, `<text x="0" y="%d"%s>%s</text>`, top+13, weight, escaped(tail(row.name)))
		for _, s := range row.spans {
			fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="12" fill="%s"%s><title>%s</title></rect>`,
				x(s.From), top+3, max(x(s.To)-x(s.From), 1), runColour(s), frame(s),
				escaped(fmt.Sprintf("%s %s, %s: %.1f s from second %.1f", s.Action, s.Name, s.Lane, s.Took().Seconds(), s.From.Sub(t.From).Seconds())))
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, `<text x="0" y="%d" class="faint">and %d shorter resources</text>`, bottom+34, left)
	}
	b.WriteString("</svg>")
	return b.String()
}

// runRows are the rows of the picture, and how many resources are not in it.
func runRows(t progress.Timeline) (rows []runRow, left int) {
	resources, left := drawn(t.Spans)
	for _, step := range t.Steps {
		if step.Took() < time.Second && !step.Critical {
			continue
		}
		rows = append(rows, runRow{name: step.Lane + ": " + step.Name, head: true, spans: []progress.Span{step}})
		for i := 0; i < len(resources); i++ {
			if s := resources[i]; s.Lane == step.Lane && step.Name == progress.Applying && !s.From.Before(step.From.Add(-time.Second)) && !s.From.After(step.To) {
				rows = append(rows, runRow{name: s.Name, spans: []progress.Span{s}})
				resources = slices.Delete(resources, i, i+1)
				i--
			}
		}
	}
	for _, s := range resources { // of steps that are not drawn
		rows = append(rows, runRow{name: s.Name, spans: []progress.Span{s}})
	}
	hosts := map[string][]progress.Span{}
	for _, s := range t.Spans {
		if s.Kind == progress.TaskEnded {
			hosts[s.Lane] = append(hosts[s.Lane], s)
		}
	}
	for _, name := range sortedKeys(hosts) {
		rows = append(rows, runRow{name: name, spans: hosts[name]})
	}
	return rows, left
}

// drawn are the resources that there is room for, in the order of time.
func drawn(spans []progress.Span) (resources []progress.Span, left int) {
	for _, s := range spans {
		if s.Kind == progress.ResourceEnded {
			resources = append(resources, s)
		}
	}
	if len(resources) <= runMost {
		return resources, 0
	}
	order := slices.Clone(resources)
	slices.SortStableFunc(order, func(a, b progress.Span) int {
		if a.Critical != b.Critical {
			if a.Critical {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.Took(), a.Took())
	})
	left = len(order) - runMost
	order = order[:runMost]
	slices.SortStableFunc(order, func(a, b progress.Span) int { return a.From.Compare(b.From) })
	return order, left
}

func runColour(s progress.Span) string {
	switch {
	case s.Result == progress.Failed || s.Result == progress.Unreachable:
		return "var(--bad)"
	case s.Critical:
		return "var(--accent)"
	case s.Kind == progress.TaskEnded && s.Result == progress.Changed:
		return "var(--good)"
	default:
		return "var(--faint)"
	}
}

// frame makes the critical path to be seen without colours too.
func frame(s progress.Span) string {
	if !s.Critical {
		return ` fill-opacity="0.55"`
	}
	return ` stroke="var(--ink)" stroke-width="1"`
}

// runTick is how far apart the times below the picture are.
func runTick(whole float64) float64 {
	for _, step := range []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600} {
		if whole/step <= 10 {
			return step
		}
	}
	return 7200
}

func runTime(at, whole float64) string {
	if whole <= 120 {
		return fmt.Sprintf("%.0f s", at)
	}
	return fmt.Sprintf("%d:%02d", int(at)/60, int(at)%60)
}

// tail is the end of a name that is too long: addresses differ there.
func tail(name string) string {
	runes := []rune(name)
	if len(runes) <= runLetter {
		return name
	}
	return "…" + string(runes[len(runes)-runLetter+1:])
}
