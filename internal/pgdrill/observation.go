package pgdrill

import "time"

// Attempt is the client's try to write one row.
type Attempt struct {
	Route    string    `json:"route"`
	Number   int       `json:"number"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	OK       bool      `json:"ok"`   // acknowledged
	Sent     bool      `json:"sent"` // may have been written although it was not acknowledged
	Error    string    `json:"error"`
	Server   string    `json:"server"` // private address of the server that wrote it
	Timeline int       `json:"timeline"`
}

// States of a data node, as its watcher finds it.
const (
	Writable  = "writable" // it took a write
	InStandby = "standby"
	Silent    = "silent"  // no answer in time
	Refusing  = "refuses" // no server, or an error
)

// Sample is one look at a data node.
type Sample struct {
	Node     string    `json:"node"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	State    string    `json:"state"`
	Timeline int       `json:"timeline"`
	Error    string    `json:"error"`
}

// Look is one answer of EC2 about the nodes.
type Look struct {
	At     time.Time
	Owners []string          // nodes that carry the elastic address; nil when there is none
	States map[string]string // of the instances, by node
	Fenced []string          // nodes with the mark
}

// Event is a line of a node's journal.
type Event struct {
	At    time.Time `json:"at"`
	Node  string    `json:"node"`
	Event string    `json:"event"`
}

// Observation is everything that was seen of one scenario.
type Observation struct {
	Started  time.Time
	Struck   time.Time // when the decisive harm was done; zero when it could not be
	Lasted   time.Time // when the harm that keeps a failover back was over; zero when there is none
	Repaired time.Time // when everything was healthy again; zero: not in time
	Ended    time.Time
	Before   string // the primary at the start
	After    string // the primary at the end, empty when there is none
	Attempts []Attempt
	Samples  []Sample
	Looks    []Look
	Journal  []Event
	Present  map[string][]int // numbers in the table at the end, by route
	Problems []string         // what was not healthy at the end
}
