package emr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/trace"
)

// MoveSchema is the kind and version of the report of a replacement or a
// rollback.
const MoveSchema = "infra/emr-replace/v1"

// Options are how long a move waits and what it may do.
type Options struct {
	Drain   time.Duration // for steps and applications of the colour that was left
	Grace   time.Duration // for clients that know the old pointer
	Watch   time.Duration // the colour that took over
	Ready   time.Duration // for a cluster to take jobs
	Answer  time.Duration // for one answer of a cluster
	Every   time.Duration // between two looks
	Discard bool          // what is in HDFS may be lost
	Force   bool          // drop although something still runs at the end of the drain
	Keep    bool          // stop before the drop
}

// Work is a move that is under way: how it asks, what it has done by others,
// and whom it tells.
type Work struct {
	Clients
	Records Records
	Output  Output // as the state has it; Apply brings the new one
	Needs   Needs
	Options Options

	// Apply has Terraform make the clusters and the pointer what the record
	// says; allowed decides about each change of the plan. It gives the output.
	Apply func(ctx context.Context, allowed func([]guard.Change) error) (Output, error)
	Tell  func(Event)
	Live  func(text string) // what is waited for
}

// Event is one thing that a move did.
type Event struct {
	At   time.Time `json:"at"`
	Step Step      `json:"step"`
	What string    `json:"what"`
}

// Done is what a move did: an infra/emr-replace/v1 document.
type Done struct {
	Schema      string    `json:"schema"`
	Environment string    `json:"environment"`
	Active      string    `json:"active"`
	Clusters    []string  `json:"clusters"`
	Move        Move      `json:"move"`
	Began       time.Time `json:"began"` // this part of it
	Ended       time.Time `json:"ended"`
	Events      []Event   `json:"events"`
}

// op names the move for an error.
func (w *Work) op(m *Move) string {
	return fmt.Sprintf("%s %s of %s by %s (%s)", m.verb(), m.From, w.Records.Environment, m.To, m.Step)
}

// again is the command that goes on.
func (w *Work) again(m *Move) string { return "infra emr " + m.verb() + " " + w.Records.Environment }

// back is the command that undoes it, and the one that goes on.
func (w *Work) back(m *Move) string {
	if m.Back {
		return w.again(m) + ", which goes on; or infra emr replace " + w.Records.Environment + ", which turns round again"
	}
	return "infra emr rollback " + w.Records.Environment + ", which moves back; or " + w.again(m) + ", which goes on"
}

func (d *Done) event(w *Work, step Step, format string, args ...any) {
	e := Event{At: time.Now().UTC(), Step: step, What: fmt.Sprintf(format, args...)}
	d.Events = append(d.Events, e)
	w.Tell(e)
}

// Carry goes on with the move that the colours tell of, from its present step
// to its end. Each step is written down before it begins. What was done comes
// back also with an error.
func (w *Work) Carry(ctx context.Context, c *Colours) (*Done, error) {
	d := &Done{Schema: MoveSchema, Environment: w.Records.Environment, Began: time.Now().UTC(), Events: []Event{}}
	end := func(err error) (*Done, error) {
		d.Active, d.Clusters, d.Move, d.Ended = c.Active, c.Clusters, *c.Move, time.Now().UTC()
		return d, err
	}
	if err := w.Records.Write(ctx, c); err != nil {
		return end(err)
	}
	for m := c.Move; m.Step != Over; {
		if m.Step == Drop && w.Options.Keep {
			d.event(w, m.Step, "%s is kept as it is: %s drops it, infra emr rollback %s moves back", m.From, w.again(m), w.Records.Environment)
			return end(nil)
		}
		d.event(w, m.Step, "%s, %s: %s", m.place(), m.Step, w.purpose(m))
		if err := w.step(ctx, c, d); err != nil {
			return end(w.explain(ctx, m, err))
		}
		if m.Step = m.next(); m.Step == Over {
			m.Ended = time.Now().UTC()
		}
		m.Question, m.StepID = "", ""
		if err := w.Records.Write(ctx, c); err != nil {
			return end(err)
		}
	}
	d.event(w, Over, "%s (%s) is the only cluster, %s is gone", c.Move.To, c.Move.ToID, c.Move.From)
	return end(nil)
}

// purpose is what a step is for.
func (w *Work) purpose(m *Move) string {
	switch m.Step {
	case Check:
		return "look for data in the HDFS of " + m.From
	case Create:
		return "make " + m.To
	case Ready:
		return "wait until " + m.To + " takes jobs"
	case Smoke:
		return "try " + m.To
	case Flip:
		return fmt.Sprintf("move the pointer from %s to %s", m.From, m.To)
	case Drain:
		return fmt.Sprintf("wait for what %s still works on, at most %s", m.From, w.Options.Drain)
	case Watch:
		return fmt.Sprintf("watch %s for %s", m.To, w.Options.Watch)
	case Drop:
		return "end " + m.From
	default:
		return ""
	}
}

// step does the present step.
func (w *Work) step(ctx context.Context, c *Colours, d *Done) (err error) {
	ctx, ended := trace.Part(ctx, "emr "+string(c.Move.Step))
	defer ended(&err)
	switch c.Move.Step {
	case Check:
		return w.check(ctx, c, d)
	case Ready:
		return w.ready(ctx, c, d)
	case Smoke:
		return w.smoke(ctx, c, d)
	case Drain:
		return w.drain(ctx, c, d)
	case Watch:
		return w.watch(ctx, c, d)
	case Drop:
		if err := w.check(ctx, c, d); err != nil { // jobs may have written since the first look
			return err
		}
		return w.terraform(ctx, c, d)
	default:
		return w.terraform(ctx, c, d)
	}
}

// terraform writes down what is meant to be, and has Terraform make it so.
func (w *Work) terraform(ctx context.Context, c *Colours, d *Done) error {
	m := c.Move
	c.wish(m.Step)
	if err := w.Records.Write(ctx, c); err != nil {
		return err
	}
	output, err := w.Apply(ctx, func(changes []guard.Change) error { return permitted(m, changes, w.Records.Environment) })
	if err != nil {
		return err
	}
	w.Output = output
	m.ToID = output.Clusters[m.To].ID
	if from, there := output.Clusters[m.From]; there {
		m.FromID = from.ID
	}
	switch m.Step {
	case Create:
		d.event(w, m.Step, "%s is %s", m.To, m.ToID)
	case Flip:
		return w.flipped(ctx, m, d)
	default:
	}
	return nil
}

// flipped makes sure that the pointer leads where it should.
func (w *Work) flipped(ctx context.Context, m *Move, d *Done) error {
	pointer, _ := Recorded(w.Output)
	readPointer(ctx, w.SSM, &pointer)
	if pointer.Error != "" || pointer.Colour != m.To || pointer.ClusterID != m.ToID {
		return fault.New(fault.Failed, w.op(m), fmt.Errorf("parameter %s leads to %s (%s) %s", pointer.Parameter, orNothing(pointer.Colour), orNothing(pointer.ClusterID), pointer.Error), w.again(m))
	}
	if m.Flipped.IsZero() {
		m.Flipped = time.Now().UTC()
	}
	d.event(w, m.Step, "%s and %s lead to %s (%s)", w.Output.PointerName, w.Output.Parameter, m.To, m.ToID)
	return nil
}

// permitted refuses a plan that takes away more than the step is for: nothing
// but the colour that was left, and that only in the last step.
func permitted(m *Move, changes []guard.Change, environment string) error {
	var lines []string
	cluster := false
	for _, change := range changes {
		switch change.Action {
		case guard.Noop, guard.Read, guard.Create, guard.Update, guard.Move, guard.Import, guard.Forget:
			continue
		default:
		}
		if m.Step == Drop && change.Action == guard.Delete && ofColour(change.Address, m.From) {
			continue
		}
		cluster = cluster || strings.Contains(change.Address, "aws_emr_cluster.")
		lines = append(lines, fmt.Sprintf("  %s %s", change.Action, change.Address))
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	text := "the plan takes away more than this step is for:\n"
	if cluster {
		text = "the plan would end or replace a cluster in place, and with it what runs there:\n"
	}
	return fault.New(fault.Refused, fmt.Sprintf("%s %s (%s)", m.verb(), environment, m.Step), errors.New(text+strings.Join(lines, "\n")),
		"infra plan "+environment+" --layer emr, which shows what forces it")
}

// ofColour tells whether a resource belongs to a colour by its key: "blue", or
// "blue-" and more.
func ofColour(address, colour string) bool {
	_, key, found := strings.Cut(address, `["`)
	key = strings.TrimSuffix(key, `"]`)
	return found && (key == colour || strings.HasPrefix(key, colour+"-"))
}
