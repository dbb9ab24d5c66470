package report

import (
	"fmt"
	"strings"
	"time"

	"infra/internal/topology"
)

// GraphPage is the picture of an environment as a page, with the same in
// tables for those who search, copy or cannot see it.
func GraphPage(m *topology.Map, made time.Time) Page {
	page := Page{
		Title: "Environment " + m.Environment, Made: made, Good: true, Verdict: m.Source(),
		Facts: []Fact{{"Account", m.Account}, {"Region", m.Region}, {"Network", m.Network.CIDR}, {"Private DNS", m.Network.Domain}},
	}
	for _, l := range m.Layers {
		page.Good = page.Good && !l.Bad
	}
	page.Sections = append(page.Sections, Section{Picture: m.SVG(), Caption: m.Summary()}, Section{Title: "Hosts and services", Table: thingTable(m)})
	if len(m.Links) > 0 {
		table := &Table{Columns: []string{"Follows", "Is followed", "State"}}
		for _, l := range m.Links {
			table.Rows = append(table.Rows, []Cell{{l.To, Literal}, {l.From, Literal}, {Text: l.State}})
		}
		page.Sections = append(page.Sections, Section{Title: "Replication", Table: table})
	}
	ways := &Table{Columns: []string{"Name", "Address", "Leads to"}}
	for _, e := range m.Endpoints {
		ways.Rows = append(ways.Rows, []Cell{{Text: e.Name}, {e.Address, Literal}, {e.Target, Literal}})
	}
	page.Sections = append(page.Sections, Section{Title: "Ways in", Table: ways})
	if len(m.Alarms) > 0 {
		page.Sections = append(page.Sections, Section{Title: "Alarms", Table: alarmTable(m)})
	}
	if len(m.Unknown) > 0 {
		page.Sections = append(page.Sections, Section{Title: "What the picture cannot know", Text: strings.Join(m.Unknown, " ")})
	}
	return page
}

func thingTable(m *topology.Map) *Table {
	table := &Table{Columns: []string{"Name", "Id", "Zone", "Subnet", "Role", "Private", "Public", "Alarms"}}
	for _, zone := range m.Zones {
		for _, subnet := range zone.Subnets {
			for _, t := range subnet.Things {
				role := Cell{Text: t.Role()}
				if t.Problem != "" {
					role = Cell{t.Problem, Bad}
				}
				table.Rows = append(table.Rows, []Cell{
					{t.Name, Literal}, {t.ID, Literal}, {Text: zone.Name}, {Text: subnet.Purpose}, role, {t.Private, Literal}, {t.Public, Literal}, {fmt.Sprint(t.Alarms), Number},
				})
			}
		}
	}
	return table
}

func alarmTable(m *topology.Map) *Table {
	table := &Table{Columns: []string{"Alarm", "Layer", "Watches", "State"}}
	for _, a := range m.Alarms {
		state := Cell{Text: a.State}
		switch a.State {
		case "ALARM":
			state.Mark = Bad
		case "OK":
			state.Mark = Good
		case "":
			state.Text = "not asked"
		}
		table.Rows = append(table.Rows, []Cell{{a.Name, Literal}, {Text: a.Layer}, {a.Thing, Literal}, state})
	}
	return table
}
