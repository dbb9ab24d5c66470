package status

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"infra/internal/console"
	"infra/internal/emr"
	"infra/internal/postgresql"
	"infra/internal/zookeeper"
)

// Text writes the report for people: a line and a table a layer, then the
// problems.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s\n", r.Environment, r.Region, r.State)
	if r.Bastion != nil {
		title(&b, "bastion", r.Bastion.State, r.Bastion.Address)
	}
	if r.Zookeeper != nil {
		r.zookeeperText(&b)
	}
	if r.PostgreSQL != nil {
		r.postgresqlText(&b)
	}
	if r.EMR != nil {
		r.emrText(&b)
	}
	if problems := r.problems(); len(problems) > 0 {
		b.WriteString("\nproblems\n")
		for _, problem := range problems {
			b.WriteString("  " + console.Plain(problem) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func title(b *strings.Builder, layer, state, more string) {
	fmt.Fprintf(b, "\n%-11s %s", layer, state)
	if more != "" {
		b.WriteString(", " + console.Plain(more))
	}
	b.WriteString("\n")
}

func (r *Report) zookeeperText(b *strings.Builder) {
	z := r.Zookeeper
	title(b, "zookeeper", z.State, fmt.Sprintf("%d servers, quorum %d", len(z.Members), z.Quorum))
	rows := [][]string{{"NAME", "ROLE", "ADDRESS", "VERSION", "ZXID", "IN STEP", "OUTSTANDING", "LATENCY", "ZNODES"}}
	for _, m := range z.Members {
		row := []string{m.Name, role(m.Mode, m.Reached, r.Probed, "server"), m.Address, m.Version, m.Zxid}
		if m.Mode == "" {
			rows = append(rows, append(row, "", "", "", ""))
			continue
		}
		inStep := ""
		if m.Mode == zookeeper.Leader {
			inStep = strconv.Itoa(m.SyncedFollowers)
		}
		rows = append(rows, append(row, inStep, strconv.Itoa(m.Outstanding), fmt.Sprintf("%.1f ms", m.AverageLatency), strconv.Itoa(m.Znodes)))
	}
	console.Table(b, "  ", rows...)
}

func (r *Report) postgresqlText(b *strings.Builder) {
	p := r.PostgreSQL
	where := p.Endpoint.Address
	if p.Endpoint.Holder != "" {
		where += " at " + p.Endpoint.Holder
	}
	title(b, "postgresql", p.State, where)
	if m := p.Managed; m != nil {
		zones := m.Zone
		if m.OtherZone != "" {
			zones += ", " + m.OtherZone
		}
		console.Table(b, "  ", []string{"INSTANCE", "STATE", "VERSION", "CLASS", "ZONES"}, []string{m.Identifier, m.State, m.Version, m.Class, zones})
		return
	}
	rows := [][]string{{"NAME", "ROLE", "ADDRESS", "VERSION", "TIMELINE", "STREAMING", "LAG", "REPMGRD"}}
	for _, n := range p.Nodes {
		timeline, streaming, lag := "", "", ""
		if n.Timeline > 0 {
			timeline = strconv.Itoa(n.Timeline)
		}
		if n.Role == postgresql.Standby {
			streaming = map[bool]string{true: "yes", false: "no"}[n.Streaming]
			lag = fmt.Sprintf("%s, %.1f s", console.Size(n.LagBytes), n.LagSeconds)
		}
		rows = append(rows, []string{n.Name, role(n.Role, n.Reached, r.Probed, n.RecordedRole), n.Address, n.Version, timeline, streaming, lag, n.Repmgrd})
	}
	console.Table(b, "  ", rows...)
}

func (r *Report) emrText(b *strings.Builder) {
	e := r.EMR
	title(b, "emr", e.State, e.Pointer.Name)
	rows := [][]string{{"COLOUR", "CLUSTER", "STATE", "RELEASE", "NODES", "PRIMARY", "MEMORY ALARMS"}}
	for _, c := range e.Clusters {
		colour := c.Colour
		if c.Active {
			colour += " (active)"
		}
		state := c.State
		if state == "" && r.Probed {
			state = "unknown"
		} else if state == "" {
			state = NotProbed
		}
		primary, _, _ := strings.Cut(c.PrimaryDNS, ".") // the domain is the network's
		rows = append(rows, []string{colour, c.ID, state, c.Release, nodes(c.Groups), primary, alarms(c.Alarms)})
	}
	console.Table(b, "  ", rows...)
}

// role is what a host is, or why that is not known.
func role(role string, reached, probed bool, recorded string) string {
	switch {
	case !probed:
		return recorded + " (not probed)"
	case role != "":
		return role
	case reached:
		return "down"
	default:
		return "unreachable"
	}
}

func nodes(groups []emr.Group) string {
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

func alarms(alarms []emr.Alarm) string {
	var parts []string
	for _, a := range alarms {
		parts = append(parts, a.Name+" "+strings.ToLower(strings.ReplaceAll(a.State, "_", " ")))
	}
	return strings.Join(parts, ", ")
}

// problems are those of all layers, each with its layer in front.
func (r *Report) problems() []string {
	var all []string
	add := func(layer string, problems ...string) {
		for _, problem := range problems {
			all = append(all, layer+": "+problem)
		}
	}
	if r.Bastion != nil && r.Bastion.Error != "" {
		add("bastion", r.Bastion.Error)
	}
	if r.Zookeeper != nil {
		add("zookeeper", r.Zookeeper.Problems...)
	}
	if r.PostgreSQL != nil {
		add("postgresql", r.PostgreSQL.Problems...)
	}
	if r.EMR != nil {
		add("emr", r.EMR.Problems...)
	}
	return all
}
