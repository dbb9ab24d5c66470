package bench

import (
	"fmt"
	"html"
	"strings"
)

// Sizes of the picture, in pixels.
const (
	barHeight  = 18
	barStep    = 24
	cellWidth  = 250
	cellGap    = 30
	labelWidth = 110
	valueRoom  = 75 // beside the longest bar
	titleStep  = 44
	margin     = 20
)

// measure is one column of the picture.
type measure struct {
	title, format string
	of            func(Sample) float64
}

func measures() []measure {
	return []measure{
		{"wall time", "%.1f s", func(s Sample) float64 { return s.Seconds }},
		{"CPU time", "%.1f s", func(s Sample) float64 { return s.CPU }},
		{"peak memory", "%.0f MiB", func(s Sample) float64 { return s.Memory }},
	}
}

const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.task { font-weight: 600 }
.bar { fill: #8c959f } .infra { fill: #0969da }
.range { stroke: #1f2328; stroke-width: 1 }
.ground { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .bar { fill: #6e7681 } .infra { fill: #4493f8 } .range { stroke: #e6edf3 } .ground { fill: #0d1117 }
}
</style>
`

// SVG is the picture: a row of bars for each task, a column for each measure.
// Bars are as long as their median beside the longest of the same task and
// measure; the line across goes from the smallest to the largest sample.
func (r Report) SVG() string {
	height := margin + titleStep
	for _, task := range r.Tasks() {
		height += titleStep + barStep*len(r.Of(task))
	}
	width := 2*margin + labelWidth + len(measures())*(cellWidth+cellGap)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title id=\"title\">infra beside its peers</title>\n<desc id=\"desc\">%s</desc>\n", html.EscapeString(r.Text()))
	b.WriteString(style)
	fmt.Fprintf(&b, `<rect class="ground" width="%d" height="%d"/>`+"\n", width, height)
	for i, m := range measures() {
		label(&b, column(i), margin+16, "task", m.title)
	}
	y := margin + titleStep
	for _, task := range r.Tasks() {
		label(&b, margin, y, "task", task)
		y += barStep / 2
		rows := r.Of(task)
		for _, row := range rows {
			label(&b, margin, y+barHeight-4, "", row.Program)
			for i, m := range measures() {
				bar(&b, column(i), y, row, longest(rows, m), m)
			}
			y += barStep
		}
		y += titleStep - barStep/2
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func column(i int) int { return margin + labelWidth + i*(cellWidth+cellGap) }

func label(b *strings.Builder, x, y int, class, text string) {
	fmt.Fprintf(b, `<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, x, y, html.EscapeString(text))
}

// longest is the largest sample of a task.
func longest(rows []Row, m measure) float64 {
	most := 0.0
	for _, row := range rows {
		for _, s := range row.Samples {
			most = max(most, m.of(s))
		}
	}
	return most
}

func bar(b *strings.Builder, x, y int, row Row, most float64, m measure) {
	if most == 0 {
		return
	}
	scale := func(value float64) float64 { return value / most * (cellWidth - valueRoom) }
	class := "bar"
	if row.Program == "infra" {
		class = "bar infra"
	}
	values := sorted(row.Samples, m.of)
	middle := m.of(row.Median())
	fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`+"\n", class, x, y, max(scale(middle), 1), barHeight)
	if len(values) > 1 {
		fmt.Fprintf(b, `<line class="range" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", float64(x)+scale(values[0]), float64(x)+scale(values[len(values)-1]), y+barHeight/2, y+barHeight/2)
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`+"\n", float64(x)+scale(values[len(values)-1])+6, y+barHeight-4, fmt.Sprintf(m.format, middle))
}
