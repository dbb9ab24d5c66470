package postgresql

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"infra/internal/console"
)

// Text writes the overview for people, on a terminal of 80 columns.
func (o *Overview) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): the database is %s\n\n", o.Environment, o.Region, o.State)
	console.Table(&b, "", o.facts()...)
	if o.Managed == nil {
		b.WriteString("\n")
		console.Table(&b, "", o.servers()...)
		b.WriteString("\n")
		console.Table(&b, "", o.machines()...)
		list(&b, "slots", o.slots())
		list(&b, "last events", o.events())
	}
	list(&b, "problems", o.Problems)
	_, err := io.WriteString(w, b.String())
	return err
}

// facts are what there is one of.
func (o *Overview) facts() [][]string {
	address := o.Endpoint.Address
	switch {
	case o.Endpoint.Error != "":
		address += ", nobody knows where it leads"
	case o.Endpoint.Holder != "":
		address += " at " + o.Endpoint.Holder
	case o.Managed == nil:
		address += ", leads to no node"
	}
	rows := [][]string{{"address", address}}
	if m := o.Managed; m != nil {
		rows = append(rows, []string{"instance", fmt.Sprintf("%s, %s, %s, %s, %d GB", m.Identifier, m.State, m.Version, m.Class, m.StorageGB)},
			[]string{"zone", cmp.Or(m.Zone, "unknown")}, []string{"standby", cmp.Or(m.OtherZone, "none")})
	} else {
		rows = append(rows, []string{"commits", o.commits()}, []string{"backup", o.backup()})
	}
	return append(rows, []string{"restore", o.verified()})
}

// commits says what a commit waits for.
func (o *Overview) commits() string {
	switch {
	case o.Primary() == nil:
		return "none are taken"
	case o.Synchronous == "":
		return "asynchronous: they wait for no standby"
	default:
		return "synchronous: they wait for " + o.Synchronous
	}
}

func (o *Overview) backup() string {
	b := o.Backup
	if b == nil {
		return "none is known"
	}
	return fmt.Sprintf("%s %s (%s ago), %s", b.Type, moment(b.Stopped), age(o.At.Sub(b.Stopped)), console.Size(b.DatabaseBytes))
}

func (o *Overview) verified() string {
	v := o.Verified
	if v == nil {
		return "none was verified yet: infra pg verify " + o.Environment
	}
	word := "verified"
	if !v.Passed {
		word = "FAILED"
	}
	text := fmt.Sprintf("%s %s (%s ago)", word, moment(v.EndedAt), age(o.At.Sub(v.EndedAt)))
	if v.Passed {
		text += fmt.Sprintf(", RTO %.0f s, RPO %.1f s", v.RTOSeconds, v.RPOSeconds)
	}
	return text
}

// servers is the table of what the servers say.
func (o *Overview) servers() [][]string {
	rows := [][]string{{"NODE", "ROLE", "TIMELINE", "LAG", "FOLLOWS", "SYNC"}}
	for _, n := range o.Nodes {
		timeline, lag := "", ""
		if n.Timeline > 0 && n.Role != Witness {
			timeline = strconv.Itoa(n.Timeline)
		}
		if n.Role == Standby {
			lag = fmt.Sprintf("%s, %.1f s", console.Size(n.LagBytes), n.LagSeconds)
		}
		rows = append(rows, []string{n.Name, n.word(), timeline, lag, n.Follows, n.Sync})
	}
	return rows
}

// word is what the node is now, or why that is not known.
func (n Node) word() string {
	switch {
	case n.Role != "":
		return n.Role
	case n.Reached:
		return "down"
	default:
		return "unreachable"
	}
}

// machines is the table of the programs and the instances around the servers.
func (o *Overview) machines() [][]string {
	rows := [][]string{{"NODE", "REPMGRD", "AGENT", "INSTANCE", "STATE", "FENCED"}}
	for _, n := range o.Nodes {
		agent := ""
		if n.Agent != nil {
			agent = map[bool]string{true: "running", false: "down"}[n.Agent.Running]
		}
		rows = append(rows, []string{n.Name, n.Repmgrd, agent, n.ID, n.Instance, n.Fenced})
	}
	return rows
}

// slots are the primary's.
func (o *Overview) slots() []string {
	primary := o.Primary()
	if primary == nil {
		return nil
	}
	var lines []string
	for _, slot := range primary.Slots {
		use := "in use"
		if !slot.Active {
			use = "not in use"
		}
		text := fmt.Sprintf("%s: %s, retains %s", slot.Name, use, console.Size(slot.RetainedBytes))
		if limit := primary.answer.SlotLimit; limit > 0 {
			text += " of " + console.Size(limit)
		}
		lines = append(lines, text)
	}
	return lines
}

// events are the newest ones of all nodes.
func (o *Overview) events() []string {
	const most = 6
	var all []Event
	for _, n := range o.Nodes {
		if n.Agent == nil {
			continue
		}
		for _, e := range n.Agent.Events {
			if e.telling() {
				all = append(all, e)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	var lines []string
	for _, e := range all[max(0, len(all)-most):] {
		lines = append(lines, shortened(fmt.Sprintf("%s %s: %s", e.At.UTC().Format(time.DateTime), e.Node, e.describe()), columns-4))
	}
	return lines
}

// columns is the width of a terminal that nobody has widened.
const columns = 80

func shortened(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// list writes a title and indented lines, nothing when there are none.
func list(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n" + title + "\n")
	for _, line := range lines {
		for i, part := range wrapped(console.Plain(line), columns-4) {
			b.WriteString(map[bool]string{true: "  ", false: "    "}[i == 0] + part + "\n")
		}
	}
}

// wrapped breaks a text between words into lines of so many columns. A word
// that is longer has a line of its own.
func wrapped(text string, most int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > most {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
