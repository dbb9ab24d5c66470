package topology

import (
	"fmt"
	"strings"
)

// linkLook is how a link of a state is drawn, and what the legend says of it.
func linkLook(state string) (colour, dashes, says string) {
	switch state {
	case Streaming:
		return "accent", "", "streams to"
	case Broken:
		return "bad", "2 3", "should stream to, and does not"
	default:
		return "faint", "6 4", "was made to stream to"
	}
}

// drawLinks draws who follows whom: out at the right of a card, along the
// lane below its row, and in at the left. No text stands there.
func (g *grid) drawLinks(c *canvas, links []Link) {
	for _, link := range links {
		from, known := g.card(link.From)
		to, there := g.card(link.To)
		way := g.lane(link)
		if !known || !there || way == nil {
			continue
		}
		colour, dashes, says := linkLook(link.State)
		c.group(link.From+" "+says+" "+link.To, func() {
			out, in, y := way.out(from), way.in(to), to.y+to.h/2
			c.path(fmt.Sprintf("M%.1f %.1fH%.1fV%.1fH%.1fV%.1fH%.1f", from.right(), from.y+from.h/2, out, way.y, in, y, to.x-5), colour, dashes)
			c.arrow(to.x, y, colour)
		})
	}
}

// entry is a line of a panel, and the lines below it.
type entry struct {
	name string
	says string
	bad  bool
}

// drawPanels writes three columns below the network: the ways in, the layers,
// the alarms. It gives where they end.
func (m *Map) drawPanels(c *canvas, x, y, w float64) float64 {
	panels := []struct {
		title   string
		entries []entry
	}{{"Ways in", m.ways()}, {"Layers", m.layers()}, {"Alarms", m.alarmEntries()}}
	gap := 24.0
	each := (w - gap*float64(len(panels)-1)) / float64(len(panels))
	end := y
	for i, p := range panels {
		end = max(end, drawPanel(c, x+float64(i)*(each+gap), y, each, p.title, p.entries))
	}
	if len(m.Unknown) == 0 {
		return end
	}
	entries := make([]entry, 0, len(m.Unknown))
	for _, unknown := range m.Unknown {
		entries = append(entries, entry{says: unknown})
	}
	return drawPanel(c, x, end+18, w, "What this picture cannot know", entries)
}

func drawPanel(c *canvas, x, y, w float64, title string, entries []entry) float64 {
	c.text(x, y, title, look{size: 13, bold: true})
	y += 20
	for _, e := range entries {
		if e.name != "" {
			c.text(x, y, fit(e.name, w, 12, true), look{bold: true})
			y += 15
		}
		colour := "faint"
		if e.bad {
			colour = "bad"
		}
		for _, line := range wrap(e.says, w, 12) {
			c.text(x, y, line, look{colour: colour})
			y += 15
		}
		if e.name != "" {
			y += 5
		}
	}
	return y
}

func (m *Map) ways() []entry {
	var entries []entry
	for _, e := range m.Endpoints {
		says := e.Address
		if e.Target != "" {
			says += " leads to " + e.Target
		}
		entries = append(entries, entry{name: e.Name, says: says})
	}
	return orNone(entries)
}

func (m *Map) layers() []entry {
	var entries []entry
	for _, l := range m.Layers {
		if n := len(entries); n > 0 && entries[n-1].name == l.Name {
			entries[n-1].says += "; " + l.Says
			entries[n-1].bad = entries[n-1].bad || l.Bad
			continue
		}
		entries = append(entries, entry{name: l.Name, says: l.Says, bad: l.Bad})
	}
	return orNone(entries)
}

// alarmEntries are the alarms by layer; those that fire by name.
func (m *Map) alarmEntries() []entry {
	var entries []entry
	for _, a := range m.firing() {
		entries = append(entries, entry{name: a.Name, says: "fires", bad: true})
	}
	counts := map[string]int{}
	var order []string
	for _, a := range m.Alarms {
		if counts[a.Layer] == 0 {
			order = append(order, a.Layer)
		}
		counts[a.Layer]++
	}
	parts := make([]string, 0, len(order))
	for _, layer := range order {
		parts = append(parts, fmt.Sprintf("%s %d", layer, counts[layer]))
	}
	if len(parts) > 0 {
		name := fmt.Sprintf("%d alarms", len(m.Alarms))
		says := strings.Join(parts, ", ")
		if m.AlertTopic != "" {
			says += "; they tell " + m.AlertTopic[strings.LastIndex(m.AlertTopic, ":")+1:]
		}
		entries = append(entries, entry{name: name, says: says})
	}
	return orNone(entries)
}

func orNone(entries []entry) []entry {
	if len(entries) == 0 {
		return []entry{{says: "none"}}
	}
	return entries
}

// drawLegend says what the kinds of lines mean, where there are any.
func (m *Map) drawLegend(c *canvas, x, y, w float64) float64 {
	y += 14
	at := x
	for _, state := range []string{Streaming, AsMade, Broken} {
		if !m.has(state) {
			continue
		}
		colour, dashes, says := linkLook(state)
		if at+40+width(says, 11, false) > x+w {
			at, y = x, y+16
		}
		c.path(fmt.Sprintf("M%.1f %.1fH%.1f", at, y-4, at+26), colour, dashes)
		c.arrow(at+32, y-4, colour)
		c.text(at+40, y, says, look{size: 11, colour: "faint"})
		at += 40 + width(says, 11, false) + 20
	}
	return y
}

func (m *Map) has(state string) bool {
	for _, link := range m.Links {
		if link.State == state {
			return true
		}
	}
	return false
}
