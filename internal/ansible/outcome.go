package ansible

import "time"

// Begun is a task that has begun on one host.
type Begun struct{ Host, Play, Task string }

// Outcome is what became of a task on one host: of every task that was not
// skipped.
type Outcome struct {
	Host, Play, Task string
	Word             string // ok, changed, failed, unreachable
	Message          string // why it failed
	Took             time.Duration
}

// ended tells what became of a task on a host.
func (l *listener) ended(e event, host string, r hostResult) {
	o := Outcome{Host: host, Play: l.play, Task: e.Task.Name, Word: "ok", Took: e.took()}
	switch {
	case e.Event == "v2_runner_on_unreachable":
		o.Word, o.Message = "unreachable", r.text()
	case e.Event == "v2_runner_on_failed":
		o.Word, o.Message = "failed", r.text()
	case r.Changed:
		o.Word = "changed"
	}
	l.progress(Progress{Outcome: &o})
}

// clock is how the callback writes a time; the fraction may be missing.
const clock = "2006-01-02T15:04:05Z"

// took is how long the task had gone on when the event came; 0 when the
// callback does not say.
func (e event) took() time.Duration {
	from, err := time.Parse(clock, e.Task.Duration.Start)
	to, toErr := time.Parse(clock, e.Task.Duration.End)
	if err != nil || toErr != nil {
		return 0
	}
	return max(0, to.Sub(from))
}
