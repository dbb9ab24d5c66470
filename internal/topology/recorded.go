package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// alarms are those of all layers; one that watches a single thing is that
// thing's.
func (r *reader) alarms() {
	watched := map[string]int{}
	r.of("aws_cloudwatch_metric_alarm", func(address string, a attributes) {
		alarm := Alarm{Name: a.Alarm, Layer: layerOf(address), Thing: r.watchedBy(a)}
		r.m.Alarms = append(r.m.Alarms, alarm)
		watched[alarm.Thing]++
	})
	slices.SortFunc(r.m.Alarms, func(a, b Alarm) int { return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Name, b.Name)) })
	r.m.each(func(t *Thing) { t.Alarms = watched[t.Name] })
}

// layerOf is the layer that a resource's address begins with.
func layerOf(address string) string {
	rest, _ := strings.CutPrefix(address, "module.")
	return rest[:max(strings.IndexAny(rest, ".["), 0)]
}

// watchedBy is the one thing whose metrics an alarm reads; empty when these
// are of several or of none.
func (r *reader) watchedBy(a attributes) string {
	found := map[string]bool{}
	note := func(dimensions map[string]string) {
		for _, id := range dimensions {
			if name := r.things[id]; name != "" {
				found[name] = true
			}
		}
	}
	note(a.Dimensions)
	for _, query := range a.Queries {
		for _, metric := range query.Metrics {
			note(metric.Dimensions)
		}
	}
	if len(found) != 1 {
		return ""
	}
	for name := range found {
		return name
	}
	return ""
}

func (r *reader) endpoints() {
	add := func(name, address, target string) {
		if address != "" {
			r.m.Endpoints = append(r.m.Endpoints, Endpoint{Name: name, Address: address, Target: target})
		}
	}
	bastion := ""
	for _, h := range r.facts.Hosts {
		if h.IsBastion() {
			bastion = h.Name
		}
	}
	add("ssh", r.outputs.vpc.Bastion, bastion)
	database := ""
	r.m.each(func(t *Thing) {
		if t.Kind == KindDatabase {
			database = t.Name
		}
	})
	add("postgresql", r.outputs.postgresql.Address, database)
	add("zookeeper", r.outputs.zookeeper.Connect, "")
	active := ""
	if r.outputs.emr.Active != "" {
		active = "emr-" + r.outputs.emr.Active
	}
	add("emr", r.outputs.emr.Pointer, active)
}

// recorded is what the states alone let say of the layers: who was made for
// what, and what that leaves open.
func (r *reader) recorded() {
	m := r.m
	var primary string
	var standbys []string
	servers := 0
	for _, h := range r.facts.Hosts {
		switch {
		case h.Layer == "zookeeper":
			servers++
		case h.Layer == "postgresql" && h.Role == "primary":
			primary = h.Name
		case h.Layer == "postgresql" && h.Role == "standby":
			standbys = append(standbys, h.Name)
		}
	}
	if servers > 0 {
		m.Layers = append(m.Layers, Layer{Name: "zookeeper", Says: fmt.Sprintf("%d servers, a quorum is %d", servers, servers/2+1)})
		m.Unknown = append(m.Unknown, "Which ZooKeeper server leads, and whether the ensemble has a quorum.")
	}
	if primary != "" {
		for _, standby := range standbys {
			m.Links = append(m.Links, Link{From: primary, To: standby, State: AsMade})
		}
		m.Layers = append(m.Layers, Layer{Name: "postgresql", Says: fmt.Sprintf("1 primary, %d standby, as made", len(standbys))})
		m.Unknown = append(m.Unknown, "Which PostgreSQL server is primary now, who follows whom, and where the address leads: a failover changes it and is in no state.")
	}
	m.each(func(t *Thing) {
		switch t.Kind {
		case KindDatabase:
			m.Layers = append(m.Layers, Layer{Name: "postgresql", Says: "managed by RDS, " + t.Detail})
			m.Unknown = append(m.Unknown, "Whether the managed database is available.")
		case KindCluster:
			m.Layers = append(m.Layers, Layer{Name: "emr", Says: fmt.Sprintf("%s is %s, %s", t.Name, t.Made, t.Detail)})
		}
	})
	if r.outputs.emr.Active != "" {
		m.Unknown = append(m.Unknown, "Whether the EMR clusters take jobs.")
	}
	if len(m.Alarms) > 0 {
		m.Unknown = append(m.Unknown, "Which alarms fire.")
	}
}
