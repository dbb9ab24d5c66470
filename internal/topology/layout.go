package topology

import "slices"

// The layout, in pixels. A picture is as wide as its zones, whatever stands in
// them: it grows downwards, so that its text keeps its size on a page.
const (
	margin    = 16.0
	zoneWidth = 336.0
	zoneGap   = 12.0
	zoneHead  = 26.0
	cellGap   = 8.0
	cellHead  = 24.0
	gutter    = 18.0 // at the sides of cards, where links run
	cardGap   = 8.0
	flatCard  = 44.0 // two lines
	tallCard  = 76.0 // four lines, for cards side by side
	laneGap   = 7.0
	most      = 3 // cards in a cell that stand one below the other
)

// box is a rectangle.
type box struct{ x, y, w, h float64 }

func (b box) right() float64  { return b.x + b.w }
func (b box) bottom() float64 { return b.y + b.h }

// card is a thing where it is drawn.
type card struct {
	thing Thing
	box
}

// tall tells whether a card's texts stand below each other.
func (c card) tall() bool { return c.h == tallCard }

// cell is a subnet where it is drawn.
type cell struct {
	subnet Subnet
	box
	cards []card
}

// column is a zone where it is drawn.
type column struct {
	name string
	box
	cells []cell
}

// lane is the way of the links of one thing, below the cards of its row.
type lane struct {
	from  string
	state string
	y     float64
	shift float64 // of its ways up and down, so that they do not lie on another's
}

// out and in are where a link leaves a card at its right, and enters one at
// its left.
func (l lane) out(c card) float64 { return c.right() + 4 + l.shift }
func (l lane) in(c card) float64  { return c.x - 8 - l.shift }

// grid is all zones where they are drawn.
type grid struct {
	box
	columns []column
	lanes   []lane
}

// arrange places zones side by side and their subnets in rows of the same
// purpose, from x and y on.
func arrange(m *Map, x, y float64) grid {
	g := grid{box: box{x: x, y: y}}
	for i, zone := range m.Zones {
		at := x + float64(i)*(zoneWidth+zoneGap)
		g.columns = append(g.columns, column{name: zone.Name, box: box{x: at, y: y, w: zoneWidth}})
		g.w = at + zoneWidth - x
	}
	y += zoneHead
	for _, purpose := range rows(m) {
		y = g.row(m, purpose, y) + cellGap
	}
	g.h = y - g.y
	for i := range g.columns {
		g.columns[i].h = g.h
	}
	return g
}

// rows are the purposes of the subnets that there are, from the outside in.
func rows(m *Map) []string {
	found := purposes()
	for _, zone := range m.Zones {
		for _, subnet := range zone.Subnets {
			if !slices.Contains(found, subnet.Purpose) {
				found = append(found, subnet.Purpose)
			}
		}
	}
	return slices.DeleteFunc(found, func(purpose string) bool {
		return !slices.ContainsFunc(m.Zones, func(z Zone) bool {
			return slices.ContainsFunc(z.Subnets, func(s Subnet) bool { return s.Purpose == purpose })
		})
	})
}

// row places the subnets of one purpose and gives where it ends.
func (g *grid) row(m *Map, purpose string, y float64) float64 {
	fullest := 0
	for _, zone := range m.Zones {
		for _, subnet := range zone.Subnets {
			if subnet.Purpose == purpose {
				fullest = max(fullest, len(subnet.Things))
			}
		}
	}
	across, height := 1, flatCard
	if fullest > most {
		across, height = 2, tallCard
	}
	lines := (fullest + across - 1) / across
	bottom := y + cellHead + float64(lines)*(height+cardGap)
	var here []string // the things of this row
	for i, zone := range m.Zones {
		for _, subnet := range zone.Subnets {
			if subnet.Purpose != purpose {
				continue
			}
			at := g.columns[i]
			c := cell{subnet: subnet, box: box{x: at.x + cellGap, y: y, w: at.w - 2*cellGap}}
			wide := (c.w - float64(across+1)*gutter) / float64(across)
			for n, thing := range subnet.Things {
				here = append(here, thing.Name)
				c.cards = append(c.cards, card{thing, box{
					x: c.x + gutter + float64(n%across)*(wide+gutter), y: y + cellHead + float64(n/across)*(height+cardGap), w: wide, h: height,
				}})
			}
			g.columns[i].cells = append(g.columns[i].cells, c)
		}
	}
	bottom = g.makeLanes(m, here, bottom)
	for i := range g.columns {
		for c := range g.columns[i].cells {
			if cell := &g.columns[i].cells[c]; cell.y == y {
				cell.h = bottom - y
			}
		}
	}
	return bottom
}

// makeLanes gives the links of the row a lane for each thing that is followed,
// and for each state, and gives where the row then ends.
func (g *grid) makeLanes(m *Map, here []string, y float64) float64 {
	for _, link := range m.Links {
		if !slices.Contains(here, link.From) || g.lane(link) != nil {
			continue
		}
		g.lanes = append(g.lanes, lane{from: link.From, state: link.State, y: y, shift: 3 * float64(len(g.lanes)%3)})
		y += laneGap
	}
	return y
}

func (g *grid) lane(link Link) *lane {
	for i := range g.lanes {
		if g.lanes[i].from == link.From && g.lanes[i].state == link.State {
			return &g.lanes[i]
		}
	}
	return nil
}

// card finds where a thing is drawn.
func (g *grid) card(name string) (card, bool) {
	for _, column := range g.columns {
		for _, cell := range column.cells {
			for _, card := range cell.cards {
				if card.thing.Name == name {
					return card, true
				}
			}
		}
	}
	return card{}, false
}
