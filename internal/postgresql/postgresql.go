// Package postgresql reads from the servers themselves how the database is:
// primary, standbys and witness with their replication, or the managed
// service in their place.
//
// Each server is asked on its own host with one statement (state.sql) through
// the local socket, so no password is needed. Who holds the clients' address
// is asked of EC2, or of the name service as the hosts see it. What the
// answers mean together is decided by Judge, which is pure.
package postgresql

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"infra/internal/inventory"
)

// Run executes a command on a host and returns its stdout, as the method of
// that name of an SSH client does.
type Run func(ctx context.Context, host inventory.Host, stdin io.Reader, argv ...string) ([]byte, error)

//go:embed state.sql
var stateSQL string

// Roles of a node, as it is and not as it was made.
const (
	Primary = "primary"
	Standby = "standby"
	Witness = "witness"
)

// Output is the product's `postgresql` output.
type Output struct {
	Engine       string  `json:"engine"`                 // postgresql or rds
	Address      string  `json:"endpoint_address"`       // elastic address, or a name that follows the primary
	AllocationID *string `json:"endpoint_allocation_id"` // of an elastic address
	Identifier   *string `json:"rds_identifier"`         // of the managed service's instance
}

// Node is one server.
type Node struct {
	Number         int     `json:"number"`
	Name           string  `json:"name"`
	ID             string  `json:"id"` // instance id
	Address        string  `json:"address"`
	RecordedRole   string  `json:"recorded_role"` // the role it was made for
	Role           string  `json:"role"`          // empty while unknown
	Writable       bool    `json:"writable"`
	Version        string  `json:"version"`
	Timeline       int     `json:"timeline"`
	Streaming      bool    `json:"streaming"`   // a standby receives from its upstream
	LagBytes       int64   `json:"lag_bytes"`   // of a standby: written by the primary, not replayed
	LagSeconds     float64 `json:"lag_seconds"` // of a standby: how old what it replays is
	Follows        string  `json:"follows"`     // the node that a standby or the witness follows; empty while unknown
	Sync           string  `json:"sync"`        // of a standby, as the primary says: async, sync, quorum or potential
	Slots          []Slot  `json:"slots"`       // of the primary
	Connections    int     `json:"connections"`
	MaxConnections int     `json:"max_connections"`
	Repmgrd        string  `json:"repmgrd"` // running, paused or down; empty while unknown
	Reached        bool    `json:"reached"` // its host answered, whether or not the server did
	Error          string  `json:"error,omitempty"`

	// Only ReadOverview asks for these.
	Instance string `json:"instance,omitempty"` // running, stopped, ...; as EC2 names it
	Fenced   string `json:"fenced,omitempty"`   // value of the instance's tag of that name
	Agent    *Agent `json:"agent,omitempty"`

	answer *answer
}

// Slot is a replication slot: what it retains cannot be removed from disk.
type Slot struct {
	Name          string `json:"name"`
	Active        bool   `json:"active"`
	RetainedBytes int64  `json:"retained_bytes"`
	WALStatus     string `json:"wal_status"`
}

// Endpoint is the clients' address and who holds it.
type Endpoint struct {
	Address string `json:"address"`
	Holder  string `json:"holder"` // name of the node; empty while unknown or nobody
	Error   string `json:"error,omitempty"`
}

// Status is the database.
type Status struct {
	Engine   string   `json:"engine"`
	Serving  bool     `json:"serving"`  // exactly one node takes writes and the address leads to it
	Problems []string `json:"problems"` // empty: healthy
	Reached  int      `json:"reached"`  // nodes whose host answered; with none, nothing is known
	Endpoint Endpoint `json:"endpoint"`
	Nodes    []Node   `json:"nodes"`             // by number; none with the managed service
	Managed  *Managed `json:"managed,omitempty"` // the managed service's instance
}

// answer is what state.sql returns.
type answer struct {
	Version    string `json:"version"`
	System     string `json:"system"`
	InRecovery bool   `json:"in_recovery"`
	ReadOnly   bool   `json:"read_only"`
	Timeline   int    `json:"timeline"`
	Position   int64  `json:"position"` // written by a primary, replayed by a standby
	Received   int64  `json:"received"` // by a standby, replayed or not
	Receiver   *struct {
		State string `json:"state"`
		Host  string `json:"host"`
	} `json:"receiver"`
	ReplayPaused bool    `json:"replay_paused"`
	SinceReplay  float64 `json:"since_replay"`
	Replicas     []struct {
		Name       string  `json:"name"`
		State      string  `json:"state"`
		Sync       string  `json:"sync"`
		LagBytes   int64   `json:"lag_bytes"`
		LagSeconds float64 `json:"lag_seconds"`
	} `json:"replicas"`
	Slots          []Slot `json:"slots"`
	SlotLimit      int64  `json:"slot_limit_bytes"` // -1: none
	Connections    int    `json:"connections"`
	MaxConnections int    `json:"max_connections"`
	Synchronous    string `json:"synchronous"`     // synchronous_standby_names
	ArchiveFailing bool   `json:"archive_failing"` // the last try to archive WAL failed
	RepmgrdRunning bool   `json:"repmgrd_running"`
	RepmgrdPaused  bool   `json:"repmgrd_paused"`
	Nodes          []row  `json:"nodes"`
}

// row is a row of repmgr.nodes.
type row struct {
	Number   int    `json:"number"`
	Type     string `json:"type"`
	Active   bool   `json:"active"`
	Upstream int    `json:"upstream"` // 0: none
}

// Read asks every server at the same time, and then who holds the address. It
// never fails: a server that cannot be asked is a node with an Error.
func Read(ctx context.Context, run Run, client *ec2.Client, hosts []inventory.Host, output Output) Status {
	nodes := make([]Node, len(hosts))
	var group sync.WaitGroup
	for i, h := range hosts {
		group.Go(func() { nodes[i] = readNode(ctx, run, h) })
	}
	group.Wait()
	return Judge(nodes, readEndpoint(ctx, run, client, hosts, nodes, output))
}

// Recorded is what the state alone knows: the nodes, not asked.
func Recorded(hosts []inventory.Host) []Node {
	nodes := make([]Node, 0, len(hosts))
	for _, h := range hosts {
		nodes = append(nodes, nodeOf(h))
	}
	return nodes
}

func nodeOf(h inventory.Host) Node {
	return Node{Number: h.Number, Name: h.Name, ID: h.ID, Address: h.PrivateAddress, RecordedRole: h.Role, Slots: []Slot{}}
}

func readNode(ctx context.Context, run Run, h inventory.Host) Node {
	n := nodeOf(h)
	output, err := run(ctx, h, nil, "sudo", "-n", "-u", "postgres", "env", "PGCONNECT_TIMEOUT=5",
		"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "repmgr", "-c", stateSQL)
	var ended interface{ ExitCode() int } // what the error of a command that ran has
	n.Reached = err == nil || errors.As(err, &ended)
	if err != nil {
		n.Error = err.Error()
		return n
	}
	if err := n.observe(output); err != nil {
		n.Error = err.Error()
	}
	return n
}

// observe fills the node from the answer to state.sql.
func (n *Node) observe(output []byte) error {
	var a answer
	if err := json.Unmarshal(output, &a); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	n.answer = &a
	n.Version, n.Timeline = a.Version, a.Timeline
	n.Connections, n.MaxConnections = a.Connections, a.MaxConnections
	n.Role = n.role(a)
	n.Writable = n.Role == Primary && !a.ReadOnly
	if n.Role == Primary && a.Slots != nil {
		n.Slots = a.Slots
	}
	switch {
	case !a.RepmgrdRunning:
		n.Repmgrd = "down"
	case a.RepmgrdPaused:
		n.Repmgrd = "paused"
	default:
		n.Repmgrd = "running"
	}
	return nil
}

// role tells a witness, which is a small primary to itself, from a primary by
// its row in repmgr.nodes, or without one by what it was made for.
func (n *Node) role(a answer) string {
	if a.InRecovery {
		return Standby
	}
	registered := n.RecordedRole
	if own, ok := a.row(n.Number); ok {
		registered = own.Type
	}
	if registered == Witness {
		return Witness
	}
	return Primary
}

func (a *answer) row(number int) (row, bool) {
	for _, r := range a.Nodes {
		if r.Number == number {
			return r, true
		}
	}
	return row{}, false
}
