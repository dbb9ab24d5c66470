// Package pgdrill breaks a PostgreSQL cluster on purpose, while a client writes
// through the clients' address, and judges what the cluster made of it.
//
// The way of a drill: the client and a watcher on every node tell in lines of
// JSON what they see (files/writer.py, files/watcher.py), EC2 is asked who
// holds the address; a scenario does its harm (scenarios.go by way of
// package drill and EC2); when the cluster is healthy again, or its time is
// over, everything seen becomes an Observation, and Judge, which is pure,
// compares it with what the scenario expects.
package pgdrill

import (
	"slices"
	"time"

	"infra/internal/inventory"
	"infra/internal/postgresql"
)

// Cluster is what a drill works on.
type Cluster struct {
	Data        []inventory.Host // primary and standbys, by number
	Witness     *inventory.Host
	Client      inventory.Host // where the client runs; no node of the database
	Routes      []Route        // the ways to the primary, the endpoint first
	Endpoint    postgresql.Output
	Version     string // major version of the server
	Synchronous bool   // a commit waits for a standby
}

// Route is one of the clients' ways to the primary.
type Route struct {
	Name    string `json:"name"`    // elastic or name
	Address string `json:"address"` // what a client is given
}

// NewCluster finds the parts among the platform's hosts. name is the name in
// the private zone that follows the primary, empty when there is none.
func NewCluster(hosts []inventory.Host, endpoint postgresql.Output, name, version string) Cluster {
	c := Cluster{Endpoint: endpoint, Version: version}
	for _, h := range hosts {
		switch {
		case h.IsBastion():
			c.Client = h
		case h.Layer == "postgresql" && h.Role == postgresql.Witness:
			c.Witness = &h
		case h.Layer == "postgresql":
			c.Data = append(c.Data, h)
		}
	}
	slices.SortFunc(c.Data, func(a, b inventory.Host) int { return a.Number - b.Number })
	if endpoint.AllocationID != nil {
		c.Routes = append(c.Routes, Route{Name: "elastic", Address: endpoint.Address})
	}
	if name != "" {
		c.Routes = append(c.Routes, Route{Name: "name", Address: name})
	}
	return c
}

// Nodes are all hosts of the cluster, the witness last.
func (c Cluster) Nodes() []inventory.Host {
	all := slices.Clone(c.Data)
	if c.Witness != nil {
		all = append(all, *c.Witness)
	}
	return all
}

// host is a node by its name.
func (c Cluster) host(name string) inventory.Host {
	for _, h := range c.Nodes() {
		if h.Name == name {
			return h
		}
	}
	return inventory.Host{Name: name}
}

// quorum tells whether the others can decide when so many nodes are silent:
// more than half of all that are configured must be seen.
func (c Cluster) quorum(silent int) bool {
	all := len(c.Nodes())
	return (all-silent)*2 > all
}

func (c Cluster) dataDirectory() string { return "/var/lib/postgresql/" + c.Version + "/main" }

func (c Cluster) unit() string { return "postgresql@" + c.Version + "-main.service" }

// Limits of a scenario that has no others.
const (
	failoverLimit = 30 * time.Second // of the write gap, as clients see it
	stayLimit     = 10 * time.Second // of the write gap when no failover is due
	repairLimit   = 6 * time.Minute  // until everything is healthy again
)
