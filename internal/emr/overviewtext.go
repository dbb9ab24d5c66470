package emr

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"infra/internal/console"
)

// Text writes the overview for people: a table, then what is to be done and
// why.
func (o *Overview) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s leads to %s\n\n", o.Environment, o.State, o.Pointer.Name, orNothing(o.Pointer.Colour))
	rows := [][]string{{"COLOUR", "CLUSTER", "STATE", "RELEASE", "SUPPORT", "NODES", "PRIMARY MEMORY", "SWAP", "YARN MEMORY", "PENDING", "BAD NODES"}}
	for _, c := range o.Clusters {
		colour, state := c.Colour, c.State
		if c.Active {
			colour += " (active)"
		}
		if state == "" {
			state = "unknown"
		}
		row := []string{colour, c.ID, state, c.Release, supportText(c.Support), nodesText(c.Groups)}
		h := c.Health
		if h == nil {
			h = &Health{}
		}
		bad := ""
		if h.UnhealthyNodes != nil && h.LostNodes != nil {
			bad = strconv.Itoa(int(h.UnhealthyNodes.Last + h.LostNodes.Last))
		}
		rows = append(rows, append(row, percent(h.PrimaryMemory), percent(h.PrimarySwap), percent(h.YARNMemory), number(h.ContainersPending), bad))
	}
	console.Table(&b, "  ", rows...)
	if m := o.Move; m != nil {
		fmt.Fprintf(&b, "\n  %s\n", m.text())
	}
	list(&b, "problems", o.Problems)
	list(&b, "warnings", o.Warnings)
	if o.Advice == Replace {
		list(&b, "replace the active cluster, because", o.Reasons)
	}
	if o.Next != "" {
		fmt.Fprintf(&b, "\nnext: %s\n", o.Next)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text is the move in a line.
func (m *Move) text() string {
	what := map[bool]string{false: "replacement", true: "rollback"}[m.Back]
	if m.Step == Over {
		return fmt.Sprintf("last %s: %s by %s, begun %s, over %s", what, m.From, m.To, m.Began.Format(time.RFC3339), m.Ended.Format(time.RFC3339))
	}
	return fmt.Sprintf("%s of %s by %s, begun %s, %s: %s is next", what, m.From, m.To, m.Began.Format(time.RFC3339), m.place(), m.Step)
}

func list(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n" + title + "\n")
	for _, line := range lines {
		b.WriteString("  " + console.Plain(line) + "\n")
	}
}

func supportText(s *Support) string {
	switch {
	case s == nil || s.Until.IsZero():
		return "not known"
	case s.Ended:
		return "ended " + s.Until.Format(time.DateOnly)
	default:
		return "to " + s.Until.Format(time.DateOnly)
	}
}

func nodesText(groups []Group) string {
	var parts []string
	for _, g := range groups {
		count := strconv.Itoa(g.Running)
		if g.Running != g.Requested {
			count = fmt.Sprintf("%d of %d", g.Running, g.Requested)
		}
		parts = append(parts, count+" "+strings.ToLower(g.Type))
	}
	return strings.Join(parts, ", ")
}

func percent(r *Reading) string {
	if r == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", r.Last)
}

func number(r *Reading) string {
	if r == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f", r.Last)
}
