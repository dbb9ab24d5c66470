package postgresql

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"infra/internal/inventory"
)

// The program on the hosts and what it leaves there. It runs as the user of
// the server.
const (
	hostProgram = "/usr/local/lib/infra/infra-postgresql"
	hostJournal = "/var/lib/infra-postgresql/journal.jsonl"
	agentUnit   = "infra-postgresql-agent.service"
)

// Agent is the program that keeps a node: it moves the address, repairs and
// watches.
type Agent struct {
	Running bool    `json:"running"`
	Events  []Event `json:"events"` // the newest of its journal, oldest first
}

// Event is a line of a node's journal.
type Event struct {
	At     time.Time       `json:"at"`
	Name   string          `json:"event"`
	Node   string          `json:"node"`
	Fields json.RawMessage `json:"-"` // the whole line
}

// shownEvents is how many events a status carries for each node.
const shownEvents = 20

// asPostgres is a command as the user of the server.
func asPostgres(argv ...string) []string {
	return append([]string{"sudo", "-n", "-u", "postgres"}, argv...)
}

// Program runs a subcommand of the program on a host and decodes the JSON
// object that it prints.
func Program[T any](ctx context.Context, run Run, host inventory.Host, stdin io.Reader, argv ...string) (T, error) {
	var answer T
	output, err := run(ctx, host, stdin, asPostgres(append([]string{hostProgram}, argv...)...)...)
	if err != nil {
		return answer, err
	}
	err = json.Unmarshal(output, &answer)
	return answer, err
}

// readAgent asks systemd about the agent, and its journal for the newest
// events. A node without one has nil.
func readAgent(ctx context.Context, run Run, host inventory.Host) *Agent {
	state, err := run(ctx, host, nil, "systemctl", "show", "--property=ActiveState", "--value", agentUnit)
	if err != nil {
		return nil
	}
	agent := &Agent{Running: strings.TrimSpace(string(state)) == "active", Events: []Event{}}
	if events, err := readEvents(ctx, run, host, shownEvents); err == nil {
		agent.Events = events
	}
	return agent
}

// readEvents are the newest lines of a node's journal, oldest first. Lines
// that a crash has cut are left out.
func readEvents(ctx context.Context, run Run, host inventory.Host, most int) ([]Event, error) {
	output, err := run(ctx, host, nil, asPostgres("tail", "-n", strconv.Itoa(most), hostJournal)...)
	if err != nil {
		return nil, err
	}
	events := []Event{}
	for line := range bytes.Lines(output) {
		var e Event
		if json.Unmarshal(line, &e) != nil || e.Name == "" {
			continue
		}
		e.Fields = bytes.TrimSpace(line)
		events = append(events, e)
	}
	return events, nil
}

// last is the newest event whose name begins with one of the prefixes.
func (a *Agent) last(prefixes ...string) (Event, bool) {
	if a == nil {
		return Event{}, false
	}
	for i := len(a.Events) - 1; i >= 0; i-- {
		for _, prefix := range prefixes {
			if strings.HasPrefix(a.Events[i].Name, prefix) {
				return a.Events[i], true
			}
		}
	}
	return Event{}, false
}
