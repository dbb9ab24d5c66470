package topology

import (
	"fmt"
	"strings"
)

// Mermaid draws the map as a Mermaid flowchart.
func (m *Map) Mermaid() string {
	var b strings.Builder
	fmt.Fprintf(&b, "flowchart TB\n  %%%% %s\n", m.Source())
	ids := m.identities()
	fmt.Fprintf(&b, "  subgraph vpc[\"%s\"]\n", mermaidText(strings.Trim(m.Environment+", "+m.Region+", "+m.Network.CIDR, ", ")))
	for z, zone := range m.Zones {
		fmt.Fprintf(&b, "    subgraph z%d[\"%s\"]\n", z, mermaidText(zone.Name))
		for s, subnet := range zone.Subnets {
			if len(subnet.Things) == 0 {
				continue
			}
			fmt.Fprintf(&b, "      subgraph z%ds%d[\"%s\"]\n", z, s, mermaidText(strings.TrimSpace(subnet.Purpose+" subnet "+subnet.CIDR)))
			for _, t := range subnet.Things {
				fmt.Fprintf(&b, "        %s[\"%s\"]\n", ids[t.Name], mermaidText(t.lines()...))
			}
			b.WriteString("      end\n")
		}
		b.WriteString("    end\n")
	}
	b.WriteString("  end\n")
	for i, e := range m.Endpoints {
		fmt.Fprintf(&b, "  e%d([\"%s\"])\n", i, mermaidText(e.Name, e.Address))
		if to, ok := ids[e.Target]; ok {
			fmt.Fprintf(&b, "  e%d --> %s\n", i, to)
		}
	}
	for _, link := range m.linked(ids) {
		arrow := "-.->"
		if link.State == Streaming {
			arrow = "-->"
		}
		fmt.Fprintf(&b, "  %s %s|%s| %s\n", ids[link.From], arrow, link.State, ids[link.To])
	}
	for i, layer := range m.Layers {
		fmt.Fprintf(&b, "  l%d>\"%s\"]\n", i, mermaidText(layer.Name, layer.Says))
	}
	if len(m.Alarms) > 0 {
		fmt.Fprintf(&b, "  alarms>\"%s\"]\n", mermaidText(m.alarmWords()...))
	}
	return b.String()
}

// linked are the links whose ends are both drawn.
func (m *Map) linked(ids map[string]string) []Link {
	var out []Link
	for _, link := range m.Links {
		if ids[link.From] != "" && ids[link.To] != "" {
			out = append(out, link)
		}
	}
	return out
}

// identities are short names that neither language takes for a word of its
// own.
func (m *Map) identities() map[string]string {
	ids := map[string]string{}
	for i, t := range m.Things() {
		ids[t.Name] = fmt.Sprintf("t%d", i)
	}
	return ids
}

// lines are what is written into a thing's node.
func (t Thing) lines() []string {
	role, _ := t.role()
	note, _ := t.note()
	var lines []string
	for _, line := range []string{t.Name, role, note, t.address()} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func (m *Map) alarmWords() []string {
	words := []string{}
	for _, e := range m.alarmEntries() {
		words = append(words, e.name+": "+e.says)
	}
	return words
}

// mermaidText is the text of a node in quotes: what could end it or be markup
// is written as an entity of Mermaid's.
func mermaidText(lines ...string) string {
	safe := strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "\n", " ", "\r", " ", "`", "'")
	for i, line := range lines {
		lines[i] = safe.Replace(line)
	}
	return strings.Join(lines, "<br>")
}
