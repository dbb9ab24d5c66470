package progress

import (
	"cmp"
	"slices"
	"time"
)

// Span is one thing that took time.
type Span struct {
	Kind     Kind   // StepEnded, ResourceEnded or TaskEnded
	Lane     string // stack, or host
	Name     string // step, address, or task
	Action   string // of a resource
	Result   string
	From, To time.Time
	Critical bool // the run would have ended sooner without it
}

// Took is how long it took.
func (s Span) Took() time.Duration { return s.To.Sub(s.From) }

// Timeline is a run in time.
type Timeline struct {
	From, To time.Time
	Steps    []Span // what the run did one after the other, or side by side
	Spans    []Span // what the steps are made of, by their beginnings
}

// slack is by how much two things may overlap of which one waited for the
// other: clocks, and lines that arrive late.
const slack = 500 * time.Millisecond

// NewTimeline is the timeline of a run's events. What had not ended when the
// run did is as long as the run.
func NewTimeline(events []Event) Timeline {
	var t Timeline
	open := map[string]Span{}
	for _, e := range events {
		if t.From.IsZero() {
			t.From = e.At
		}
		t.To = e.At
		lane := cmp.Or(e.Stack, Hosts)
		if e.Step == Approving {
			lane = "approval"
		}
		switch e.Kind {
		case StepBegan:
			open["step "+lane] = Span{Kind: StepEnded, Lane: lane, Name: e.Step, From: e.At}
		case StepEnded:
			delete(open, "step "+lane)
			t.Steps = append(t.Steps, Span{Kind: StepEnded, Lane: lane, Name: e.Step, Result: e.Result, From: e.From(), To: e.At})
			if lane == Hosts {
				t.cut(open, e)
			}
		case ResourceBegan:
			open[e.Address] = Span{Kind: ResourceEnded, Lane: lane, Name: e.Address, Action: e.Action, From: e.At}
		case ResourceEnded:
			// Terraform counts whole seconds: when it said that it began is more exact.
			from := e.From()
			if began, known := open[e.Address]; known {
				from = began.From
			}
			delete(open, e.Address)
			t.Spans = append(t.Spans, Span{Kind: e.Kind, Lane: lane, Name: e.Address, Action: e.Action, Result: e.Result, From: from, To: e.At})
		case TaskBegan:
			if e.Host != "" {
				open["task "+e.Host] = Span{Kind: TaskEnded, Lane: e.Host, Name: e.Task, From: e.At}
			}
		case TaskSkipped:
			delete(open, "task "+e.Host)
		case TaskEnded:
			delete(open, "task "+e.Host)
			t.Spans = append(t.Spans, Span{Kind: e.Kind, Lane: e.Host, Name: e.Task, Result: e.Result, From: e.From(), To: e.At})
		default:
		}
	}
	for _, left := range open {
		left.To = t.To
		if left.Kind == StepEnded {
			t.Steps = append(t.Steps, left)
		} else {
			t.Spans = append(t.Spans, left)
		}
	}
	slices.SortStableFunc(t.Steps, sooner)
	slices.SortStableFunc(t.Spans, sooner)
	t.mark()
	return t
}

// cut ends the tasks that were going on when the work on the hosts ended: it
// was interrupted.
func (t *Timeline) cut(open map[string]Span, ended Event) {
	for key, left := range open {
		if left.Kind != TaskEnded {
			continue
		}
		delete(open, key)
		if ended.Result != OK {
			left.To = ended.At
			t.Spans = append(t.Spans, left)
		}
	}
}

func sooner(a, b Span) int {
	return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Name, b.Name))
}

// mark finds the critical path from its end: what ended last, what ended last
// before that began, and so on. Neither Terraform nor Ansible waits without need,
// so that what ended just before something began is what it waited for. Steps
// count where nothing inside of them is known, such as a plan.
func (t *Timeline) mark() {
	var all []*Span
	for i := range t.Steps {
		if !t.holds(t.Steps[i]) {
			all = append(all, &t.Steps[i])
		}
	}
	for i := range t.Spans {
		all = append(all, &t.Spans[i])
	}
	var last *Span
	for _, s := range all {
		if last == nil || s.To.After(last.To) {
			last = s
		}
	}
	for last != nil && !last.Critical {
		last.Critical = true
		last = before(all, last)
	}
}

// holds tells whether a step is made of known things.
func (t *Timeline) holds(step Span) bool {
	return (step.Name == Applying || step.Name == Configuring || step.Name == Checking) &&
		slices.ContainsFunc(t.Spans, func(s Span) bool {
			return (s.Kind == TaskEnded) == (step.Lane == Hosts) && (s.Kind == TaskEnded || s.Lane == step.Lane) &&
				!s.From.Before(step.From.Add(-slack)) && !s.To.After(step.To.Add(slack))
		})
}

// before is what s waited for: of what had ended when it began the last, of
// several of the same moment the one of its own lane.
func before(all []*Span, s *Span) *Span {
	var found *Span
	for _, c := range all {
		if c == s || c.To.After(s.From.Add(slack)) || !c.From.Before(s.From) || c.To.After(s.To) {
			continue
		}
		switch {
		case found == nil, c.To.After(found.To.Add(slack)):
			found = c
		case found.To.After(c.To.Add(slack)):
		case (c.Lane == s.Lane) != (found.Lane == s.Lane):
			if c.Lane == s.Lane {
				found = c
			}
		case c.To.After(found.To):
			found = c
		}
	}
	return found
}

// Path is the critical path, in the order of time.
func (t Timeline) Path() []Span {
	var path []Span
	for _, s := range append(slices.Clone(t.Steps), t.Spans...) {
		if s.Critical {
			path = append(path, s)
		}
	}
	slices.SortStableFunc(path, sooner)
	return path
}
