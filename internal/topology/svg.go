package topology

import (
	"fmt"
	"strings"
)

// SVG draws the map. Colours are variables of the report's page, which also
// sets light and dark; texts that stand in it come from the cloud and are
// escaped.
func (m *Map) SVG() string {
	c := m.draw()
	w, h := c.size.w, c.size.h
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, "<title>%s</title>\n<desc>%s</desc>\n", escape("Environment "+m.Environment), escape(m.Summary()))
	b.WriteString(c.b.String())
	b.WriteString("</svg>\n")
	return b.String()
}

// Summary is the map in a paragraph: what a reader who cannot see it is told.
func (m *Map) Summary() string {
	kinds := map[string]int{}
	for _, t := range m.Things() {
		kinds[t.Kind]++
	}
	parts := []string{fmt.Sprintf("Network %s in %d zones of %s with %d hosts.", m.Network.CIDR, len(m.Zones), m.Region, kinds[KindHost])}
	for _, layer := range m.Layers {
		parts = append(parts, layer.Name+": "+layer.Says+".")
	}
	if firing := m.firing(); len(firing) > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d alarms fire.", len(firing), len(m.Alarms)))
	}
	return strings.Join(append(parts, m.Source()), " ")
}

// Source says where what is drawn comes from.
func (m *Map) Source() string {
	if m.Probed {
		return "The states' hosts, with roles as the servers themselves say."
	}
	return "From the states alone: roles are those that hosts were made for; --probe asks the servers."
}

func (m *Map) draw() *canvas {
	const top = 74.0
	g := arrange(m, 2*margin, top+52)
	g.w = max(g.w, 2*zoneWidth)
	vpc := box{x: margin, y: top, w: g.w + 2*margin}
	c := &canvas{size: box{w: vpc.w + 2*margin}}

	services := wrap("AWS services inside the network: "+strings.Join(m.Network.Services, ", "), vpc.w-2*margin, 12)
	if len(m.Network.Services) == 0 {
		services = nil
	}
	vpc.h = g.bottom() - vpc.y + 20 + 16*float64(len(services))

	inner := c.size.w - 2*margin
	c.onGround(func() { // the page below everything; its height is known last
		c.text(margin, 34, fit(m.Environment, inner, 20, true), look{size: 20, bold: true})
		c.text(margin, 58, fit(fmt.Sprintf("Account %s, %s. %s", m.Account, m.Region, m.Source()), inner, 12, false), look{colour: "faint"})
		c.rect(vpc, 8, "shade", "line")
		m.drawNetwork(c, vpc)
		for _, column := range g.columns {
			drawZone(c, column)
		}
		g.drawLinks(c, m.Links)
		for i, line := range services {
			c.text(vpc.x+margin, g.bottom()+22+16*float64(i), line, look{colour: "faint"})
		}
		y := m.drawPanels(c, vpc.x, vpc.bottom()+28, vpc.w)
		c.size.h = m.drawLegend(c, vpc.x, y, inner) + margin
	})
	return c
}

func (m *Map) drawNetwork(c *canvas, vpc box) {
	limit := vpc.w - 2*margin
	c.text(vpc.x+margin, vpc.y+22, fit(strings.TrimSpace("VPC "+m.Network.CIDR+" "+m.Network.ID), limit, 13, true), look{size: 13, bold: true})
	says := "no way to the internet"
	if m.Network.Gateway != "" {
		says = "internet gateway " + m.Network.Gateway
	}
	if m.Network.Domain != "" {
		says += ", private DNS " + m.Network.Domain
	}
	c.text(vpc.x+margin, vpc.y+40, fit(says, limit, 12, false), look{colour: "faint"})
}

func drawZone(c *canvas, z column) {
	c.rect(z.box, 6, "paper", "line")
	c.text(z.x+12, z.y+18, fit(z.name, z.w-24, 13, true), look{size: 13, bold: true})
	for _, cell := range z.cells {
		c.rect(cell.box, 4, "shade", "")
		name := cell.subnet.Purpose + " subnet"
		c.text(cell.x+10, cell.y+16, fit(name, cell.w/2, 11, false), look{size: 11, colour: "faint"})
		c.text(cell.right()-10, cell.y+16, fit(cell.subnet.CIDR, cell.w/2-30, 11, false), look{size: 11, colour: "faint", end: true})
		for _, card := range cell.cards {
			c.group(tooltip(card.thing), func() { card.draw(c) })
		}
	}
}

// tooltip is all that is known of a thing.
func tooltip(t Thing) string {
	parts := []string{t.Name + " (" + t.ID + ")"}
	role, _ := t.role()
	note, _ := t.note()
	for _, part := range []string{role, note, t.address()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if t.Alarms > 0 {
		parts = append(parts, fmt.Sprintf("watched by %d alarms", t.Alarms))
	}
	return strings.Join(parts, "; ")
}

// layerColour is a variable of the page for each layer. The name of a thing
// says the same: nothing is told by colour alone.
func layerColour(layer string) string {
	switch layer {
	case "zookeeper":
		return "second"
	case "postgresql":
		return "accent"
	case "emr":
		return "third"
	default:
		return "faint"
	}
}

func (k card) draw(c *canvas) {
	t := k.thing
	note, bad := t.note()
	border, noteColour := "line", "faint"
	if bad {
		border, noteColour = "bad", "bad"
	}
	c.rect(k.box, 4, "paper", border)
	c.rect(box{k.x, k.y, 4, k.h}, 2, layerColour(t.Layer), "")
	left, limit := k.x+12, k.w-20
	role, asked := t.role()
	if k.tall() {
		c.text(left, k.y+17, fitName(t.Name, limit, 12), look{bold: true})
		drawRole(c, left, k.y+34, fit(role, limit-12, 11, badged(role, asked)), asked, false)
		c.text(left, k.y+51, fit(note, limit, 11, false), look{size: 11, colour: noteColour})
		c.text(left, k.y+67, fit(t.address(), limit, 11, false), look{size: 11, colour: "faint"})
		return
	}
	role = fit(role, limit/2, 11, true)
	c.text(left, k.y+18, fitName(t.Name, limit-width(role, 11, true)-20, 12), look{bold: true})
	drawRole(c, k.right()-10, k.y+18, role, asked, true)
	address := fit(t.address(), limit*0.7, 11, false)
	c.text(left, k.y+35, address, look{size: 11, colour: "faint"})
	c.text(k.right()-10, k.y+35, fit(note, limit-width(address, 11, false)-10, 11, false), look{size: 11, colour: noteColour, end: true})
}

// badged tells whether a role is written in a badge: the one that the others
// follow, where it was asked.
func badged(role string, asked bool) bool { return asked && heads(role) }

// drawRole writes a role, from x on or up to it.
func drawRole(c *canvas, x, y float64, role string, asked, end bool) {
	switch {
	case role == "":
	case badged(role, asked):
		w := width(role, 11, true) + 12
		at := box{x, y - 12, w, 16}
		if end {
			at.x = x - w
		}
		c.rect(at, 8, "good", "")
		c.text(at.x+6, y, role, look{size: 11, bold: true, colour: "paper"})
	case role == "no answer":
		c.text(x, y, role, look{size: 11, bold: true, colour: "bad", end: end})
	default:
		c.text(x, y, role, look{size: 11, end: end})
	}
}
