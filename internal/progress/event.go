// Package progress is what a run tells while it goes on, and what can be made
// of that: events, a board of what is done and what runs now, a timeline with
// its critical path, and how long things are expected to take.
//
// An event is one line of JSON. The same events are shown on a terminal, are
// streamed by --output json, and are kept as the journal of the run, from which
// its report is made. Readers ignore members and kinds that they do not know.
package progress

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Schema is the kind and version of an event.
const Schema = "infra/event/v1"

// Kind says what happened.
type Kind string

// The kinds of events, with the members that they have beside schema, at and
// event.
const (
	RunBegan      Kind = "run-began"      // run, verb, environment
	RunEnded      Kind = "run-ended"      // result, message: the error
	StepBegan     Kind = "step-began"     // stack (none: the hosts), step, hosts
	StepEnded     Kind = "step-ended"     // stack, step, result, seconds
	Planned       Kind = "planned"        // stack, changes, drift
	ResourceRead  Kind = "resource-read"  // stack, address
	ResourceBegan Kind = "resource-began" // stack, address, action
	ResourceEnded Kind = "resource-ended" // stack, address, action, result, seconds
	TaskBegan     Kind = "task-began"     // play, task; then for every host: host, play, task
	TaskSkipped   Kind = "task-skipped"   // host, play, task: nothing to do on that host
	TaskEnded     Kind = "task-ended"     // host, play, task, result, seconds, message: why it failed
	Did           Kind = "did"            // host, message: what an operation did or saw
	Health        Kind = "health"         // part, result, message
	Warning       Kind = "warning"        // message
)

// The steps of a run.
const (
	Planning    = "plan"
	Comparing   = "compare"   // what exists with the state, or with the code
	Approving   = "approve"   // somebody is asked
	Applying    = "apply"     //
	Waiting     = "wait"      // for the hosts
	Configuring = "configure" // the hosts
	Checking    = "check"     // what configuring them would change
)

// The results of steps, resources and tasks.
const (
	OK          = "ok"
	Changed     = "changed"
	Failed      = "failed"
	Unreachable = "unreachable"
)

// Event is one thing that happened.
type Event struct {
	Schema string    `json:"schema"`
	At     time.Time `json:"at"`
	Kind   Kind      `json:"event"`

	Run         string   `json:"run,omitempty"`
	Verb        string   `json:"verb,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Stack       string   `json:"stack,omitempty"` // pipeline/prod
	Step        string   `json:"step,omitempty"`
	Address     string   `json:"address,omitempty"`
	Action      string   `json:"action,omitempty"` // create, update, delete, replace
	Play        string   `json:"play,omitempty"`
	Task        string   `json:"task,omitempty"`
	Host        string   `json:"host,omitempty"` // its name
	Part        string   `json:"part,omitempty"` // of the platform
	Result      string   `json:"result,omitempty"`
	Seconds     float64  `json:"seconds,omitempty"` // until now
	Changes     []Change `json:"changes,omitempty"` // that a plan would make
	Drift       []Change `json:"drift,omitempty"`   // that were made outside of infra
	Hosts       []Host   `json:"hosts,omitempty"`   // that a step is for
	Message     string   `json:"message,omitempty"`
}

// Change is what a plan would do to one resource, or what was done to it.
type Change struct {
	Address string `json:"address"`
	Action  string `json:"action"`
	Reason  string `json:"reason,omitempty"`
}

// Host is one that a step is for.
type Host struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Layer string `json:"layer,omitempty"`
}

// From is when what an event ends began.
func (e Event) From() time.Time { return e.At.Add(-time.Duration(e.Seconds * float64(time.Second))) }

// Line is an event as it is kept and streamed, with its line feed.
func (e Event) Line() []byte {
	e.Schema = Schema
	e.At = e.At.UTC().Truncate(time.Millisecond)
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(e) // of texts, numbers and times: it cannot fail
	return line.Bytes()
}

// Parse reads a journal. A last line that was cut short, because its run was
// killed, is left out, and so is what a later infra wrote in another schema.
func Parse(journal []byte) ([]Event, error) {
	var events []Event
	lines := bytes.SplitAfter(journal, []byte("\n"))
	for i, line := range lines {
		text := bytes.TrimSpace(line)
		if len(text) == 0 {
			continue
		}
		var e Event
		if err := json.Unmarshal(text, &e); err != nil {
			if !bytes.HasSuffix(line, []byte("\n")) {
				break
			}
			return nil, fmt.Errorf("line %d of the journal is no event: %w", i+1, err)
		}
		if e.Schema == Schema {
			events = append(events, e)
		}
	}
	return events, nil
}

// Layer is the layer of a product that an address belongs to: the outermost
// module; empty for what belongs to the product itself.
func Layer(address string) string {
	rest, inside := strings.CutPrefix(address, "module.")
	if !inside {
		return ""
	}
	if end := strings.IndexAny(rest, ".["); end >= 0 {
		return rest[:end]
	}
	return rest
}

// keys are the parts of an address in brackets.
var keys = regexp.MustCompile(`\["(?:[^"\\]|\\.)*"\]|\[\d+\]`)

// resourceType is the type in an address: aws_instance of
// module.zookeeper.aws_instance.this["1"].
func resourceType(address string) string {
	parts := strings.Split(keys.ReplaceAllString(address, ""), ".")
	if len(parts) < 2 {
		return address
	}
	return parts[len(parts)-2]
}
