package report

import (
	"cmp"
	"slices"
	"time"

	"infra/internal/guard"
	"infra/internal/progress"
	"infra/internal/run"
)

// RunReport is `infra report ENV [RUN] --output json`, and what its page is made
// of: the ledger's record of a run, and what its journal tells.
type RunReport struct {
	Schema       string        `json:"schema"` // infra/run-report/v1
	Made         time.Time     `json:"made"`
	Record       run.Record    `json:"record"`
	Journal      bool          `json:"journal"` // false: it was not kept, and the rest is empty
	Changes      []RunChange   `json:"changes"` // destroys first
	Drift        []RunChange   `json:"drift"`   // made outside of infra, found while planning
	Tasks        []TaskChange  `json:"tasks"`   // that changed a host
	Failures     []TaskFailure `json:"failures"`
	Hosts        []HostCount   `json:"hosts"`
	Did          []RunDeed     `json:"did"`    // by an operation, such as a failover
	Health       []HealthPart  `json:"health"` // after the changes; empty: it was not asked
	Warnings     []string      `json:"warnings"`
	Steps        []RunSpan     `json:"steps"`
	CriticalPath []RunSpan     `json:"critical_path"`

	timeline progress.Timeline
}

// RunChange is a resource that a run was to change.
type RunChange struct {
	Stack   string  `json:"stack"`
	Address string  `json:"address"`
	Action  string  `json:"action"`
	Reason  string  `json:"reason,omitempty"`
	Result  string  `json:"result,omitempty"` // ok, failed, unknown: it began; empty: it never began
	Seconds float64 `json:"seconds,omitempty"`
}

// TaskChange is a task of Ansible that changed hosts.
type TaskChange struct {
	Task  string   `json:"task"`
	Hosts []string `json:"hosts"`
}

// TaskFailure is a task of Ansible that failed on a host.
type TaskFailure struct {
	Host    string `json:"host"`
	Task    string `json:"task"`
	Message string `json:"message"`
}

// RunDeed is one thing that an operation did, or saw.
type RunDeed struct {
	At   float64 `json:"at_seconds"` // of the run
	Host string  `json:"host,omitempty"`
	What string  `json:"what"`
}

// HostCount is what became of the tasks on a host.
type HostCount struct {
	Host    string  `json:"host"`
	OK      int     `json:"ok"`
	Changed int     `json:"changed"`
	Failed  int     `json:"failed"`
	Seconds float64 `json:"seconds"` // in tasks
}

// HealthPart is how a part of the platform was after the changes.
type HealthPart struct {
	Part     string `json:"part"`
	State    string `json:"state"`
	Problems string `json:"problems,omitempty"`
}

// RunSpan is a step, a resource or a task in time.
type RunSpan struct {
	Lane    string  `json:"lane"` // stack or host
	Name    string  `json:"name"`
	Action  string  `json:"action,omitempty"`
	Result  string  `json:"result,omitempty"`
	From    float64 `json:"from_seconds"` // of the run
	Seconds float64 `json:"seconds"`
}

// NewRunReport makes the report of a run from its record and its journal.
func NewRunReport(record run.Record, events []progress.Event, now time.Time) RunReport {
	r := RunReport{
		Schema: "infra/run-report/v1", Made: now.UTC(), Record: record, Journal: len(events) > 0, timeline: progress.NewTimeline(events),
		Changes: []RunChange{}, Drift: []RunChange{}, Tasks: []TaskChange{}, Failures: []TaskFailure{}, Hosts: []HostCount{}, Did: []RunDeed{}, Health: []HealthPart{}, Warnings: []string{},
	}
	for _, e := range events {
		r.take(e)
	}
	slices.SortStableFunc(r.Changes, func(a, b RunChange) int {
		left, _ := rank(guard.Action(a.Action))
		right, _ := rank(guard.Action(b.Action))
		return cmp.Or(cmp.Compare(left, right), cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Address, b.Address))
	})
	r.Steps, r.CriticalPath = r.spans(r.timeline.Steps), r.spans(r.timeline.Path())
	return r
}

// take takes an event in.
func (r *RunReport) take(e progress.Event) {
	switch e.Kind {
	case progress.Planned:
		// A stack that was planned again is what the last plan says.
		r.Changes = slices.DeleteFunc(r.Changes, func(c RunChange) bool { return c.Stack == e.Stack && c.Result == "" })
		r.Drift = slices.DeleteFunc(r.Drift, func(c RunChange) bool { return c.Stack == e.Stack })
		for _, c := range e.Changes {
			r.Changes = append(r.Changes, RunChange{Stack: e.Stack, Address: c.Address, Action: c.Action, Reason: c.Reason})
		}
		for _, c := range e.Drift {
			r.Drift = append(r.Drift, RunChange{Stack: e.Stack, Address: c.Address, Action: c.Action})
		}
	case progress.ResourceBegan:
		r.change(e).Result = "unknown"
	case progress.ResourceEnded:
		c := r.change(e)
		if c.Result != progress.Failed {
			c.Result = e.Result
		}
		c.Seconds += e.Seconds // a replacement is two
	case progress.TaskEnded:
		r.task(e)
	case progress.Did:
		r.Did = append(r.Did, RunDeed{At: e.At.Sub(r.timeline.From).Seconds(), Host: e.Host, What: e.Message})
	case progress.Health:
		r.Health = append(r.Health, HealthPart{e.Part, e.Result, e.Message})
	case progress.Warning:
		r.Warnings = append(r.Warnings, e.Message)
	default:
	}
}

// change is the place of a resource, which a plan has named before.
func (r *RunReport) change(e progress.Event) *RunChange {
	for i := range r.Changes {
		if r.Changes[i].Stack == e.Stack && r.Changes[i].Address == e.Address {
			return &r.Changes[i]
		}
	}
	r.Changes = append(r.Changes, RunChange{Stack: e.Stack, Address: e.Address, Action: e.Action})
	return &r.Changes[len(r.Changes)-1]
}

func (r *RunReport) task(e progress.Event) {
	i := slices.IndexFunc(r.Hosts, func(h HostCount) bool { return h.Host == e.Host })
	if i < 0 {
		i = len(r.Hosts)
		r.Hosts = append(r.Hosts, HostCount{Host: e.Host})
	}
	h := &r.Hosts[i]
	h.Seconds += e.Seconds
	switch e.Result {
	case progress.Changed:
		h.Changed++
		j := slices.IndexFunc(r.Tasks, func(t TaskChange) bool { return t.Task == e.Task })
		if j < 0 {
			j = len(r.Tasks)
			r.Tasks = append(r.Tasks, TaskChange{Task: e.Task})
		}
		if !slices.Contains(r.Tasks[j].Hosts, e.Host) {
			r.Tasks[j].Hosts = append(r.Tasks[j].Hosts, e.Host)
		}
	case progress.Failed, progress.Unreachable:
		h.Failed++
		r.Failures = append(r.Failures, TaskFailure{e.Host, e.Task, e.Message})
	default:
		h.OK++
	}
}

func (r *RunReport) spans(of []progress.Span) []RunSpan {
	all := make([]RunSpan, 0, len(of))
	for _, s := range of {
		all = append(all, RunSpan{
			Lane: s.Lane, Name: s.Name, Action: s.Action, Result: s.Result,
			From: s.From.Sub(r.timeline.From).Seconds(), Seconds: s.Took().Seconds(),
		})
	}
	return all
}
