package topology

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTextsDoNotTouch looks at every text's room: none overlaps another, none
// leaves the picture, and no card leaves its subnet.
func TestTextsDoNotTouch(t *testing.T) {
	maps := map[string]*Map{"recorded": read(t, platform(t)), "empty": read(t, Facts{Environment: "new", Account: "123456789012", Region: "eu-west-1"})}
	for _, count := range []int{10, 40, 90} {
		maps[fmt.Sprint(count)] = read(t, grown(t, count))
		m := read(t, grown(t, count))
		o := asked()
		o.Links = append(o.Links, Link{"postgresql-2", "postgresql-3", Streaming}, Link{"postgresql-3", "postgresql-4", Streaming}, Link{"postgresql-4", "postgresql-5", Broken}, Link{"postgresql-2", "postgresql-6", Streaming})
		m.Observe(o)
		maps[fmt.Sprintf("%d probed", count)] = m
	}
	for name, m := range maps {
		c := m.draw()
		for i, a := range c.texts {
			if a.x < 0 || a.y < 0 || a.right() > c.size.w || a.bottom() > c.size.h {
				t.Errorf("%s: %q leaves the picture", name, a.text)
			}
			for _, b := range c.texts[i+1:] {
				if a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom() {
					t.Errorf("%s: %q at %v lies on %q at %v", name, a.text, a.box, b.text, b.box)
				}
			}
		}
		g := arrange(m, 0, 0)
		for _, column := range g.columns {
			for _, cell := range column.cells {
				for _, card := range cell.cards {
					if card.x < cell.x || card.right() > cell.right() || card.y < cell.y || card.bottom() > cell.bottom() || cell.bottom() > column.bottom() {
						t.Errorf("%s: %s leaves its subnet", name, card.thing.Name)
					}
				}
			}
		}
		if folder := os.Getenv("INFRA_PICTURES"); folder != "" {
			if err := os.WriteFile(filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".svg"), []byte(m.SVG()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLinksPassNoCard: lines run where no card stands.
func TestLinksPassNoCard(t *testing.T) {
	m := read(t, grown(t, 40))
	g := arrange(m, 0, 0)
	if len(m.Links) != 5 {
		t.Fatalf("%d links", len(m.Links))
	}
	for _, link := range m.Links {
		from, _ := g.card(link.From)
		to, _ := g.card(link.To)
		way := g.lane(link)
		out, in, y := way.out(from), way.in(to), way.y
		for _, line := range []box{
			{x: out, y: from.y + from.h/2, h: y - from.y - from.h/2},
			{x: min(out, in), y: y, w: max(out, in) - min(out, in)},
			{x: in, y: to.y + to.h/2, h: y - to.y - to.h/2},
		} {
			for _, column := range g.columns {
				for _, cell := range column.cells {
					for _, card := range cell.cards {
						if line.x < card.right() && card.x < line.right()+0.1 && line.y < card.bottom() && card.y < line.bottom()+0.1 {
							t.Errorf("the link %+v passes through %s", link, card.thing.Name)
						}
					}
				}
			}
		}
	}
}
