package snapshot

import (
	"fmt"
	"strings"
	"time"

	"infra/internal/console"
)

// Describe is the plan for people.
func (p Plan) Describe(of Subject) string {
	in := p.Inputs
	var b strings.Builder
	throughput := fmt.Sprintf("%s after %s (%s)", perSecond(in.Snapshot.Throughput), Text(in.Snapshot.Overhead), of.Sources.Throughput)
	rows := [][]string{
		{"volume", fmt.Sprintf("%s of %s: %s of %s in use", of.Volume, of.Host, Bytes(float64(in.Extent.Used)), Bytes(float64(in.Extent.Volume)))},
		{"writes", fmt.Sprintf("%.0f blocks/h at random, %s/h in sequence (%s)", in.Writes.Random, Bytes(in.Writes.Sequential), of.Sources.Writes)},
		{"snapshots", throughput},
	}
	if in.Copy != nil {
		rows = append(rows, []string{"copies", fmt.Sprintf("%s after %s", perSecond(in.Copy.Throughput), Text(in.Copy.Overhead))})
	}
	rows = append(rows, []string{"rho", fmt.Sprintf("%.3f; windows come near to %s", p.Rho, Text(p.Limit))})
	b.WriteString(console.Columns(rows) + "\n")
	b.WriteString(p.table())
	if !p.Feasible {
		fmt.Fprintf(&b, "\nnot feasible with these figures: %s\n", p.Reason)
		return b.String()
	}
	fmt.Fprintf(&b, "\nfinal window %s (target %s); downtime %s = stop %s + window + volume %s + initialisation %s + recovery %s\n",
		Text(p.Window), Text(in.Target), Text(p.Downtime), Text(in.Downtime.Stop), Text(in.Downtime.Create), Text(in.Downtime.Initialise), Text(in.Downtime.Recovery))
	return b.String()
}

// shown is how many steps a table shows; a long chain's middle says nothing.
const shown = 12

func (p Plan) table() string {
	header := []string{"STEP", "BEGINS AFTER", "STORES", "TAKES"}
	if p.Inputs.Copy != nil {
		header = append(header, "COPY")
	}
	rows := [][]string{append(header, "")}
	for i, s := range p.Steps {
		if len(p.Steps) > shown && i >= shown-2 && i < len(p.Steps)-1 {
			if i == shown-2 {
				rows = append(rows, []string{"..."})
			}
			continue
		}
		row := []string{fmt.Sprint(s.Number), Text(s.Start), Bytes(s.Bytes), Text(s.Took)}
		if p.Inputs.Copy != nil {
			row = append(row, Text(s.Copied))
		}
		if s.Final && p.Feasible {
			row = append(row, "final: the database stands still")
		}
		rows = append(rows, row)
	}
	return console.Columns(rows)
}

// Describe is what a run did, the estimates beside what happened.
func (r *Result) Describe(of Subject, c *Chain) string {
	rows := [][]string{{"STEP", "SNAPSHOT", "ESTIMATED", "TOOK", "COPY", "COPIED", ""}}
	for i, t := range r.Taken {
		note := ""
		switch {
		case i == len(r.Taken)-1 && t.Still > 0:
			note = fmt.Sprintf("%s: stood still for %s", c.Way, Text(t.Still))
		case t.Resumed:
			note = "begun by an earlier run"
		}
		copied, id := "", t.CopyID
		if c.Target != nil {
			copied = Text(t.Copied)
		}
		rows = append(rows, []string{fmt.Sprint(t.Step), t.ID, Text(t.Estimated.Window()), Text(t.Took + t.Copied), id, copied, note})
	}
	var b strings.Builder
	b.WriteString(console.Columns(rows))
	facts := [][]string{
		{"chain", r.Chain},
		{"snapshot", r.Snapshot},
		{"volume", fmt.Sprintf("%s in %s", r.Volume, c.TargetZone)},
	}
	if f := r.Recovered; f != nil {
		facts = append(facts, []string{"recovered", fmt.Sprintf("on %s in %s: PostgreSQL %s, timeline %s, position %s; the snapshot was %q",
			f.Host, Text(f.Took), f.Version, f.Timeline, f.Position, f.Control)})
		if c.Probe != "" {
			facts = append(facts, []string{"probe", fmt.Sprintf("%s answered %s before it stood still, the recovered server %s", of.Host, f.Source, f.Answer)})
		}
	} else {
		facts = append(facts, []string{"recovered", "not tried"})
	}
	facts = append(facts, []string{"downtime", fmt.Sprintf("%s, estimated %s", Text(r.Downtime), Text(r.Final.Downtime))})
	b.WriteString("\n" + console.Columns(facts))
	if r.Cleanup != nil {
		fmt.Fprintf(&b, "left behind: %v\n", r.Cleanup)
	}
	return b.String()
}

// Short is the plan in a line.
func (p Plan) Short() string {
	if !p.Feasible {
		return p.Reason
	}
	if len(p.Steps) == 1 {
		return fmt.Sprintf("the next snapshot is the last one, window %s", Text(p.Window))
	}
	return fmt.Sprintf("%d more snapshots, window %s (rho %.3f)", len(p.Steps), Text(p.Window), p.Rho)
}

// Advice is the command that asks for what is possible.
func (p Plan) Advice(command string) string {
	return fmt.Sprintf("%s --target %s", command, p.Possible.Truncate(time.Second)+time.Second)
}
