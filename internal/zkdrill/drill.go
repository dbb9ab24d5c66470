// Package zkdrill breaks a ZooKeeper ensemble on purpose, while clients work
// with it, and judges what the ensemble made of it.
//
// The way of a drill: clients of this machine, by way of the bastion, write and
// read registers, make sequential and ephemeral nodes, and record what they
// were told (load.go, client.go); a watcher on every server tells its role
// (files/watcher.py). A scenario does its harm (scenarios.go, by way of package
// drill). When the ensemble is whole again, or its time is over, what each
// server holds is read (settle.go), package history judges the record, and
// Judge, which is pure, compares what came of it with what the scenario
// expects.
package zkdrill

import (
	"fmt"
	"slices"
	"time"

	"infra/internal/inventory"
)

// Ensemble is what a drill works on.
type Ensemble struct {
	Servers []inventory.Host // by number
	Client  inventory.Host   // by way of which the clients come: the bastion
}

// NewEnsemble finds the parts among the platform's hosts.
func NewEnsemble(hosts []inventory.Host) Ensemble {
	var e Ensemble
	for _, h := range hosts {
		switch {
		case h.IsBastion():
			e.Client = h
		case h.Layer == "zookeeper":
			e.Servers = append(e.Servers, h)
		}
	}
	slices.SortFunc(e.Servers, func(a, b inventory.Host) int { return a.Number - b.Number })
	return e
}

// addresses are those that clients connect to.
func (e Ensemble) addresses() []string {
	var all []string
	for _, h := range e.Servers {
		all = append(all, address(h))
	}
	return all
}

func address(h inventory.Host) string { return fmt.Sprintf("%s:2181", h.PrivateAddress) }

// minority is how many servers the others can do without.
func (e Ensemble) minority() int { return (len(e.Servers) - 1) / 2 }

// Paths and the unit of a server, as the role has them.
const (
	unit          = "zookeeper.service"
	dataDirectory = "/var/lib/zookeeper/data"
	logDirectory  = "/var/lib/zookeeper/log"
)

// Limits of a scenario that has no others, and of the clients.
const (
	electionLimit = 5 * time.Second  // of the write gap when the leader's server ends
	silenceLimit  = 15 * time.Second // of the write gap when the leader falls silent
	stayLimit     = 3 * time.Second  // of the write gap when the leader stays
	repairLimit   = 4 * time.Minute  // until everything is healthy again
	session       = 6 * time.Second  // timeout of the clients' sessions
	staleLimit    = 20 * time.Second // how old a view may be: the session's timeout, syncLimit x tickTime, and some more
)
