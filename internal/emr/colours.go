package emr

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"infra/internal/environment"
	"infra/internal/fault"
)

// ColoursSchema is the kind and version of the record of the colours.
const ColoursSchema = "infra/emr-colours/v1"

// Colours are the clusters that there are meant to be, and the one that jobs
// are meant to be sent to. The record of them, beside the ledger, is written
// before Terraform acts on it: whoever applies next, from whichever machine,
// goes the same way.
type Colours struct {
	Schema string `json:"schema"`
	environment.Colours
	Move *Move `json:"move,omitempty"` // the last one, also when it is over

	etag string // of the record that was read; empty when there is none
}

// Move is a replacement of one colour by the other, or the way back.
type Move struct {
	Run      string    `json:"run"` // that began it
	From     string    `json:"from"`
	To       string    `json:"to"`
	FromID   string    `json:"from_id,omitempty"` // cluster
	ToID     string    `json:"to_id,omitempty"`
	Back     bool      `json:"back"` // a rollback
	Step     Step      `json:"step"` // what is to be done next; Over: nothing
	Began    time.Time `json:"began"`
	Flipped  time.Time `json:"flipped,omitzero"` // when the pointer had moved
	Ended    time.Time `json:"ended,omitzero"`
	Question string    `json:"question,omitempty"` // of the step that was given to a cluster and whose answer is waited for
	StepID   string    `json:"step_id,omitempty"`  // that step
}

// Step is one of a move's.
type Step string

// The steps of a move, in their order. Each can be done again: what an
// interrupted one has done already is found done.
const (
	Check  Step = "check"  // there is nothing in HDFS that would be lost
	Create Step = "create" // the other colour
	Ready  Step = "ready"  // it takes jobs
	Smoke  Step = "smoke"  // it works: Spark on YARN, S3, memory
	Flip   Step = "flip"   // the pointer
	Drain  Step = "drain"  // the colour that was left
	Watch  Step = "watch"  // the colour that took over
	Drop   Step = "drop"   // the colour that was left
	Over   Step = "over"
)

// Steps are those of a replacement, or of a rollback.
func Steps(back bool) []Step {
	if back {
		return []Step{Ready, Flip, Drain, Watch, Drop}
	}
	return []Step{Check, Create, Ready, Smoke, Flip, Drain, Watch, Drop}
}

// next is the step after the present one.
func (m *Move) next() Step {
	steps := Steps(m.Back)
	if i := slices.Index(steps, m.Step); i >= 0 && i+1 < len(steps) {
		return steps[i+1]
	}
	return Over
}

// place says which step of how many the present one is.
func (m *Move) place() string {
	steps := Steps(m.Back)
	return fmt.Sprintf("step %d of %d", slices.Index(steps, m.Step)+1, len(steps))
}

// verb is the command of the move.
func (m *Move) verb() string {
	if m.Back {
		return "rollback"
	}
	return "replace"
}

// UnderWay tells whether a move has begun and is not over.
func (c Colours) UnderWay() bool { return c.Move != nil && c.Move.Step != Over }

// other is the colour that is not the given one.
func other(colour string) string {
	if colour == environment.FirstColour {
		return "green"
	}
	return environment.FirstColour
}

// Meant are the colours that there are meant to be, from the record (nil:
// there is none) and the state's output (nil: no cluster was ever made, or all
// were destroyed). Without a record the state says it; without clusters only
// the active colour is made anew.
func Meant(recorded *Colours, output *Output) Colours {
	switch {
	case recorded == nil && output == nil:
		return only(environment.FirstColour)
	case recorded == nil:
		return Colours{Schema: ColoursSchema, Colours: environment.Colours{Active: output.Active, Clusters: slices.Sorted(maps.Keys(output.Clusters))}}
	case output == nil:
		c := only(cmp.Or(recorded.Active, environment.FirstColour))
		c.etag = recorded.etag
		return c
	default:
		return *recorded
	}
}

func only(colour string) Colours {
	return Colours{Schema: ColoursSchema, Colours: environment.Colours{Active: colour, Clusters: []string{colour}}}
}

// InUse are the colours that must not go: the one that the state calls active
// and the one that is meant to be.
func InUse(c Colours, output *Output) []string {
	if output == nil {
		return []string{c.Active}
	}
	return []string{output.Active, c.Active}
}

// BeginReplace begins a replacement, or goes on with the one that is under
// way. A rollback is turned round again, and what it was to leave tried anew.
func BeginReplace(c Colours, name, run string, now time.Time) (Colours, error) {
	switch m := c.Move; {
	case c.UnderWay() && m.Back && !slices.Contains(c.Clusters, m.From):
		return c, fault.New(fault.Refused, "replace the cluster of "+name, fmt.Errorf("the rollback from %s to %s is not over", m.From, m.To), "infra emr rollback "+name)
	case c.UnderWay() && m.Back:
		c.Move = &Move{Run: run, From: m.To, To: m.From, FromID: m.ToID, ToID: m.FromID, Step: Ready, Began: now}
		return c, nil
	case c.UnderWay():
		return c, nil
	}
	c.Move = &Move{Run: run, From: c.Active, To: other(c.Active), Step: Check, Began: now}
	return c, nil
}

// BeginRollback turns a replacement round, or goes on with the rollback that is
// under way. Where the pointer was never to move, only the new colour goes.
func BeginRollback(c Colours, name, run string, now time.Time) (Colours, error) {
	op, hint := "roll back the cluster of "+name, "infra emr replace "+name+", which makes another cluster"
	m := c.Move
	switch {
	case m == nil:
		return c, fault.New(fault.Refused, op, errors.New("no replacement has ever begun"), hint)
	case m.Step == Over:
		return c, fault.New(fault.Refused, op, fmt.Errorf("%s was dropped at %s: there is nothing to go back to", m.From, m.Ended.Format(time.RFC3339)), hint)
	case m.Back:
		return c, nil
	case !slices.Contains(c.Clusters, m.From):
		return c, fault.New(fault.Refused, op, fmt.Errorf("%s is being dropped already", m.From), "infra emr replace "+name+", which goes on, and again, which makes another cluster")
	}
	step := Ready
	if c.Active == m.From {
		step = Drop
	}
	c.Move = &Move{Run: run, From: m.To, To: m.From, FromID: m.ToID, ToID: m.FromID, Back: true, Step: step, Began: now}
	return c, nil
}

// wish changes what is meant to be as the step wants it. Doing it twice is
// doing it once.
func (c *Colours) wish(step Step) {
	m := c.Move
	switch step {
	case Create:
		c.Clusters = []string{m.From, m.To}
	case Flip:
		c.Active = m.To
	case Drop:
		c.Clusters = []string{m.To}
	default:
	}
	slices.Sort(c.Clusters)
}
