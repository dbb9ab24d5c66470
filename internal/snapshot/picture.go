package snapshot

import (
	"encoding/xml"
	"fmt"
	"math"
	"strings"
	"time"
)

// bar is one snapshot in a picture.
type bar struct {
	number    int
	start     time.Duration
	estimated time.Duration
	took      time.Duration // 0: it did not happen yet
	note      string
	final     bool
}

// Picture draws a plan as SVG.
func (p Plan) Picture(of Subject) string {
	var bars []bar
	for _, s := range p.Steps {
		bars = append(bars, bar{number: s.Number, start: s.Start, estimated: s.Window(), note: Bytes(s.Bytes), final: s.Final && p.Feasible})
	}
	title := fmt.Sprintf("Moving %s: %d snapshots, final window %s", of.Host, len(p.Steps), Text(p.Window))
	if !p.Feasible {
		title = fmt.Sprintf("Moving %s within %s is not feasible", of.Host, Text(p.Inputs.Target))
	}
	return picture(title, bars, p.Inputs.Target, p.Limit)
}

// Picture draws what a run did beside what was estimated.
func (r *Result) Picture(of Subject) string {
	var bars []bar
	var window time.Duration
	for i, t := range r.Taken {
		window = t.Took + t.Copied
		bars = append(bars, bar{
			number: t.Step, start: t.Started.Sub(r.Taken[0].Started), estimated: t.Estimated.Window(), took: window,
			note: "up to " + Bytes(t.Estimated.Bytes), final: i == len(r.Taken)-1,
		})
	}
	return picture(fmt.Sprintf("Moved %s: %d snapshots, final window %s", of.Host, len(r.Taken), Text(window)), bars, r.Final.Inputs.Target, r.Final.Limit)
}

// The layout, in pixels.
const (
	pictureWidth = 860
	left         = 60  // of the bars
	right        = 250 // for what is written behind them
	top          = 58  // of the strip
	strip        = 22
	rowHeight    = 40
)

// mostBars bounds a picture; the middle of a longer chain is left out.
const mostBars = 14

// picture has a strip on which the snapshots lie as they follow each other in
// time, and below it one row a snapshot, on a logarithmic scale: what shrinks
// by the same factor each time shows as even steps.
func picture(title string, bars []bar, target, limit time.Duration) string {
	whole := bars
	if len(bars) > mostBars {
		bars = append(append([]bar{}, bars[:mostBars-1]...), bars[len(bars)-1])
	}
	s := newScale(bars, target, limit)
	first := top + strip + 46
	height := first + rowHeight*len(bars) + 62
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n",
		pictureWidth, height, pictureWidth, height, escape(title))
	b.WriteString(pictureStyle)
	fmt.Fprintf(&b, `<rect class="page" width="%d" height="%d"/><text class="title" x="16" y="28">%s</text>`+"\n", pictureWidth, height, escape(title))
	drawStrip(&b, whole)
	bottom := first + rowHeight*len(bars)
	s.drawLine(&b, "target", "target "+Text(target), target, first-8, bottom+4, bottom+20)
	s.drawLine(&b, "limit", "limit "+Text(limit), limit, first-8, bottom+4, bottom+36)
	for i, one := range bars {
		s.drawRow(&b, one, first+rowHeight*i)
	}
	fmt.Fprintf(&b, `<text class="small" x="16" y="%d">Length of a bar: how long the snapshot takes, on a logarithmic scale.`, height-8)
	if len(whole) > len(bars) {
		fmt.Fprintf(&b, " %d of %d are shown.", len(bars), len(whole))
	}
	b.WriteString("</text>\n</svg>\n")
	return b.String()
}

const pictureStyle = `<style>
.page{fill:#fff}text{font:13px system-ui,sans-serif;fill:#1b1f24}.title{font-size:17px;font-weight:600}.small{font-size:11px;fill:#5b6570}
.label{paint-order:stroke;stroke:#fff;stroke-width:4px}.estimated{fill:#c7dbf5;stroke:#4a7fc1}.took{fill:#2f6db5}.final{fill:#d9822b;stroke:#a85f14}.gap{fill:#e6e9ed}
.target{stroke:#b3261e;stroke-dasharray:5 4}.limit{stroke:#6b7680;stroke-dasharray:2 3}text.target{fill:#b3261e;stroke:none}text.limit{fill:#6b7680;stroke:none}
@media(prefers-color-scheme:dark){.page{fill:#15181c}text{fill:#e4e8ec}.small,text.limit{fill:#9aa4ae}.label{stroke:#15181c}.estimated{fill:#24405f;stroke:#7fb0ea}.took{fill:#6fa8ea}.gap{fill:#2b3036}text.target{fill:#ff8a80}}
</style>
`

// drawStrip draws the chain in linear time.
func drawStrip(b *strings.Builder, bars []bar) {
	last := bars[len(bars)-1]
	end := (last.start + max(last.estimated, last.took)).Seconds()
	wide := float64(pictureWidth - left - 16)
	at := func(d time.Duration) float64 { return left + wide*d.Seconds()/max(end, 1e-9) }
	fmt.Fprintf(b, `<text class="small" x="16" y="%d">time</text><rect class="gap" x="%d" y="%d" width="%.1f" height="%d"/>`+"\n", top+15, left, top, wide, strip)
	for _, one := range bars {
		length := one.took
		if length == 0 {
			length = one.estimated
		}
		class := "estimated"
		if one.final {
			class = "final"
		}
		fmt.Fprintf(b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", class, at(one.start), top, max(1.5, at(one.start+length)-at(one.start)), strip)
	}
	fmt.Fprintf(b, `<text class="small" x="%d" y="%d">0</text><text class="small" x="%d" y="%d" text-anchor="end">%s</text>`+"\n",
		left, top+strip+14, pictureWidth-16, top+strip+14, escape(Text(seconds(end))))
}

// logScale is logarithmic, from a little below the shortest to the longest.
type logScale struct{ low, high float64 }

func newScale(bars []bar, others ...time.Duration) logScale {
	s := logScale{low: math.Inf(1)}
	note := func(d time.Duration) {
		if d > 0 {
			s.low, s.high = min(s.low, d.Seconds()), max(s.high, d.Seconds())
		}
	}
	for _, one := range bars {
		note(one.estimated)
		note(one.took)
	}
	for _, d := range others {
		note(d)
	}
	s.low /= 1.6
	return s
}

func (s logScale) x(d time.Duration) float64 {
	share := math.Log(max(d.Seconds(), s.low)/s.low) / math.Log(s.high/s.low)
	return left + share*(pictureWidth-left-right)
}

func (s logScale) drawLine(b *strings.Builder, class, text string, d time.Duration, from, to, label int) {
	if d <= 0 {
		return
	}
	fmt.Fprintf(b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="small %s" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n",
		class, s.x(d), s.x(d), from, to, class, max(s.x(d), left+30), label, escape(text))
}

func (s logScale) drawRow(b *strings.Builder, one bar, y int) {
	fmt.Fprintf(b, `<text x="16" y="%d">%d</text>`, y+19, one.number)
	class := "estimated"
	if one.final && one.took == 0 {
		class = "final"
	}
	fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="26" rx="2"/>`, class, left, y+2, s.x(one.estimated)-left)
	text := Text(one.estimated) + ", " + one.note
	if one.took > 0 {
		class = "took"
		if one.final {
			class = "final"
		}
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="12" rx="2"/>`, class, left, y+9, s.x(one.took)-left)
		text = fmt.Sprintf("%s, estimated %s", Text(one.took), Text(one.estimated))
	}
	if one.final {
		text += ", final"
	}
	fmt.Fprintf(b, `<text class="label" x="%.1f" y="%d">%s</text>`+"\n", s.x(max(one.estimated, one.took))+8, y+20, escape(text))
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder never fails
	return b.String()
}
