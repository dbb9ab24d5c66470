package drill

import (
	"cmp"
	"slices"
	"time"
)

// Timeline is a picture of a scenario in numbers.
type Timeline struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Lanes []Lane  `json:"lanes"`
	Marks []Mark  `json:"marks"`
}

// Lane is what one observer saw.
type Lane struct {
	Name  string `json:"name"`
	Spans []Span `json:"spans"`
}

// Span is a while in which something held.
type Span struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Kind string  `json:"kind"` // a word of the drill's: acknowledged, writable, leader, ...
}

// Mark is a moment.
type Mark struct {
	At    float64 `json:"at"`
	Label string  `json:"label"`
}

// NewTimeline is one without lanes; its first mark is the harm, at 0.
func NewTimeline(from, to float64) Timeline {
	return Timeline{From: from, To: to, Lanes: []Lane{}, Marks: []Mark{{0, "harm"}}}
}

// Mark notes a moment. Marks stay in the order of time.
func (t *Timeline) Mark(at float64, label string) {
	t.Marks = append(t.Marks, Mark{at, label})
	slices.SortStableFunc(t.Marks, func(a, b Mark) int { return cmp.Compare(a.At, b.At) })
}

// NewLane is one without spans.
func NewLane(name string) *Lane { return &Lane{Name: name, Spans: []Span{}} }

// Add appends a span, or lengthens the last one of the same kind when no more
// than apart lies between them.
func (l *Lane) Add(from, to float64, kind string, apart time.Duration) {
	for i := range slices.Backward(l.Spans) {
		if l.Spans[i].Kind == kind && from-l.Spans[i].To <= apart.Seconds() {
			l.Spans[i].To = max(l.Spans[i].To, to)
			return
		}
		if l.Spans[i].Kind != kind && i < len(l.Spans)-2 {
			break
		}
	}
	l.Spans = append(l.Spans, Span{from, to, kind})
}
