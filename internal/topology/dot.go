package topology

import (
	"fmt"
	"strings"
)

// Dot draws the map for Graphviz.
func (m *Map) Dot() string {
	var b strings.Builder
	ids := m.identities()
	fmt.Fprintf(&b, "digraph %s {\n  // %s\n", dotText(m.Environment), m.Source())
	b.WriteString("  rankdir=TB;\n  node [shape=box style=rounded fontname=\"sans-serif\" fontsize=11];\n  graph [fontname=\"sans-serif\" fontsize=12];\n")
	fmt.Fprintf(&b, "  subgraph cluster_vpc {\n    label=%s;\n", dotText(m.Environment, m.Region+", "+m.Network.CIDR))
	for z, zone := range m.Zones {
		fmt.Fprintf(&b, "    subgraph cluster_z%d {\n      label=%s;\n", z, dotText(zone.Name))
		for s, subnet := range zone.Subnets {
			if len(subnet.Things) == 0 {
				continue
			}
			fmt.Fprintf(&b, "      subgraph cluster_z%ds%d {\n        label=%s;\n", z, s, dotText(subnet.Purpose+" subnet", subnet.CIDR))
			for _, t := range subnet.Things {
				fmt.Fprintf(&b, "        %s [label=%s];\n", ids[t.Name], dotText(t.lines()...))
			}
			b.WriteString("      }\n")
		}
		b.WriteString("    }\n")
	}
	b.WriteString("  }\n")
	for i, e := range m.Endpoints {
		fmt.Fprintf(&b, "  e%d [shape=ellipse label=%s];\n", i, dotText(e.Name, e.Address))
		if to, ok := ids[e.Target]; ok {
			fmt.Fprintf(&b, "  e%d -> %s;\n", i, to)
		}
	}
	for _, link := range m.linked(ids) {
		style := "dashed"
		if link.State == Streaming {
			style = "solid"
		}
		fmt.Fprintf(&b, "  %s -> %s [style=%s label=%s fontsize=10];\n", ids[link.From], ids[link.To], style, dotText(link.State))
	}
	for i, layer := range m.Layers {
		fmt.Fprintf(&b, "  l%d [shape=note label=%s];\n", i, dotText(layer.Name, layer.Says))
	}
	if len(m.Alarms) > 0 {
		fmt.Fprintf(&b, "  alarms [shape=note label=%s];\n", dotText(m.alarmWords()...))
	}
	b.WriteString("}\n")
	return b.String()
}

// dotText is a text in quotes, its lines one below the other. Only the quote
// and the backslash mean anything there.
func dotText(lines ...string) string {
	safe := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ", "\r", " ")
	for i, line := range lines {
		lines[i] = safe.Replace(line)
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
