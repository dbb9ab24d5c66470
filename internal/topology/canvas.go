package topology

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// canvas collects what is drawn. It remembers where texts stand: no two may
// touch, which is tested.
type canvas struct {
	b     strings.Builder
	texts []written
	size  box
}

// onGround puts the page's ground below what is drawn, once its size is known.
func (c *canvas) onGround(draw func()) {
	draw()
	drawn := c.b.String()
	c.b.Reset()
	c.rect(c.size, 0, "paper", "")
	c.b.WriteString(drawn)
}

// written is a text and the most room that it takes.
type written struct {
	text string
	box
}

// look is how a text looks.
type look struct {
	size   float64 // 0 means 12
	bold   bool
	colour string // a variable of the page, empty for ink
	end    bool   // x is where it ends
}

func (l look) fontSize() float64 {
	if l.size == 0 {
		return 12
	}
	return l.size
}

// text writes one line whose baseline is y.
func (c *canvas) text(x, y float64, text string, l look) {
	if text == "" {
		return
	}
	size := l.fontSize()
	w := width(text, size, l.bold)
	at := box{x: x, y: y - size*0.8, w: w, h: size * 1.05}
	anchor := ""
	if l.end {
		at.x, anchor = x-w, ` text-anchor="end"`
	}
	c.texts = append(c.texts, written{text, at})
	// The page sets size and colour of texts; a tspan may differ.
	span := ""
	if l.size != 0 {
		span += fmt.Sprintf(` font-size="%.0f"`, l.size)
	}
	if l.bold {
		span += ` font-weight="600"`
	}
	if l.colour != "" {
		span += fmt.Sprintf(` fill="var(--%s)"`, l.colour)
	}
	fmt.Fprintf(&c.b, `<text x="%.1f" y="%.1f"%s>`, x, y, anchor)
	if span == "" {
		c.b.WriteString(escape(text))
	} else {
		fmt.Fprintf(&c.b, "<tspan%s>%s</tspan>", span, escape(text))
	}
	c.b.WriteString("</text>\n")
}

// rect draws a rectangle; fill and stroke are variables of the page.
func (c *canvas) rect(b box, radius float64, fill, stroke string) {
	line := ""
	if stroke != "" {
		line = fmt.Sprintf(` stroke="var(--%s)"`, stroke)
	}
	fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%.0f" fill="var(--%s)"%s/>`+"\n", b.x, b.y, b.w, b.h, radius, fill, line)
}

// path draws a line along points; dashes may be empty.
func (c *canvas) path(d, colour, dashes string) {
	if dashes != "" {
		dashes = ` stroke-dasharray="` + dashes + `"`
	}
	fmt.Fprintf(&c.b, `<path d="%s" fill="none" stroke="var(--%s)" stroke-width="1.5"%s/>`+"\n", d, colour, dashes)
}

// arrow draws the head of a line that ends at x and y from the left.
func (c *canvas) arrow(x, y float64, colour string) {
	fmt.Fprintf(&c.b, `<polygon points="%.1f,%.1f %.1f,%.1f %.1f,%.1f" fill="var(--%s)"/>`+"\n", x, y, x-6, y-4, x-6, y+4, colour)
}

// group draws what belongs together; its title is shown by the pointer.
func (c *canvas) group(title string, draw func()) {
	fmt.Fprintf(&c.b, "<g><title>%s</title>\n", escape(title))
	draw()
	c.b.WriteString("</g>\n")
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder never fails
	return b.String()
}
