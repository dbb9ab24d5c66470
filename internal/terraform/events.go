package terraform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"infra/internal/guard"
)

// Progress is what Terraform is doing, for people: one resource began, went
// on or ended.
type Progress struct {
	Address string
	Action  string // create, update, delete, replace, read, refresh
	State   string // start, done, failed
	Seconds int    // how long it took, for done and failed
}

// event is one line of Terraform's machine-readable output
// (developer.hashicorp.com/terraform/internals/machine-readable-ui).
type event struct {
	Type    string `json:"type"`
	Message string `json:"@message"`
	Change  struct {
		Resource resource `json:"resource"`
		Action   string   `json:"action"`
		Reason   string   `json:"reason"`
	} `json:"change"`
	Changes *summary `json:"changes"`
	Hook    struct {
		Resource resource `json:"resource"`
		Action   string   `json:"action"`
		Seconds  int      `json:"elapsed_seconds"`
	} `json:"hook"`
	Outputs    map[string]output `json:"outputs"`
	Diagnostic *diagnostic       `json:"diagnostic"`
	State      json.RawMessage   `json:"state"` // the last resort of a Terraform that can write its state nowhere
}

// summary is what Terraform counts at the end of a plan or an apply.
type summary struct {
	Operation string `json:"operation"` // plan, apply, destroy
	Add       int    `json:"add"`
	Change    int    `json:"change"`
	Remove    int    `json:"remove"`
}

type resource struct {
	Address string `json:"addr"`
	Type    string `json:"resource_type"`
}

type output struct {
	Action string `json:"action"`
}

type diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail"`
	Address  string `json:"address"`
	Range    *struct {
		Filename string `json:"filename"`
		Start    struct {
			Line int `json:"line"`
		} `json:"start"`
	} `json:"range"`
}

// String is the diagnostic on a few lines: what, about which resource, where.
func (d diagnostic) String() string {
	var b strings.Builder
	b.WriteString(d.Summary)
	if d.Address != "" {
		fmt.Fprintf(&b, "\n  with %s", d.Address)
	}
	if d.Range != nil {
		fmt.Fprintf(&b, "\n  at %s:%d", d.Range.Filename, d.Range.Start.Line)
	}
	if detail := firstParagraphs(d.Detail); detail != "" && detail != d.Summary {
		fmt.Fprintf(&b, "\n  %s", strings.ReplaceAll(detail, "\n", "\n  "))
	}
	return b.String()
}

// detailLimit bounds how much of a provider's prose is shown.
const detailLimit = 600

func firstParagraphs(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > detailLimit {
		text = strings.ToValidUTF8(text[:detailLimit], "") + " …"
	}
	return text
}

// decoder reads Terraform's event lines as they arrive.
type decoder struct {
	progress func(Progress)

	rest     []byte
	changes  []guard.Change
	drifted  []guard.Change
	outputs  bool // some output changes
	errors   []diagnostic
	warnings []diagnostic
	done     int  // resources applied
	began    bool // something was applied, or tried
	summary  *summary
	fatal    bool            // a second interrupt ended Terraform before it could save
	dump     json.RawMessage // the state, when it could be written nowhere
}

// fatalInterrupt is how Terraform says that it ends without saving.
const fatalInterrupt = "Two interrupts received."

func (d *decoder) Write(p []byte) (int, error) {
	d.rest = append(d.rest, p...)
	for {
		i := bytes.IndexByte(d.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		d.line(d.rest[:i])
		d.rest = d.rest[i+1:]
	}
}

func (d *decoder) line(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil {
		return // a plain text line: it is in the log
	}
	switch e.Type {
	case "log":
		d.fatal = d.fatal || strings.Contains(e.Message, fatalInterrupt)
		if len(e.State) > 0 {
			d.dump = e.State
		}
	case "change_summary":
		d.summary = e.Changes
	case "planned_change":
		d.changes = append(d.changes, change(e))
	case "resource_drift":
		d.drifted = append(d.drifted, change(e))
	case "outputs":
		for _, o := range e.Outputs {
			d.outputs = d.outputs || (o.Action != "" && o.Action != "noop")
		}
	case "diagnostic":
		d.diagnose(e.Diagnostic)
	case "refresh_start":
		d.progress(Progress{Address: e.Hook.Resource.Address, Action: "refresh", State: "start"})
	case "apply_start":
		d.began = true
		d.progress(Progress{Address: e.Hook.Resource.Address, Action: e.Hook.Action, State: "start"})
	case "apply_complete":
		d.done++
		d.progress(Progress{Address: e.Hook.Resource.Address, Action: e.Hook.Action, State: "done", Seconds: e.Hook.Seconds})
	case "apply_errored":
		d.progress(Progress{Address: e.Hook.Resource.Address, Action: e.Hook.Action, State: "failed", Seconds: e.Hook.Seconds})
	}
}

func (d *decoder) diagnose(diag *diagnostic) {
	switch {
	case diag == nil:
	case diag.Severity == "error":
		d.errors = append(d.errors, *diag)
	default:
		d.warnings = append(d.warnings, *diag)
	}
}

func change(e event) guard.Change {
	action := guard.Action(e.Change.Action)
	if action == "remove" { // Terraform's word for a resource that leaves the state and stays in the account
		action = guard.Forget
	}
	return guard.Change{Address: e.Change.Resource.Address, Type: e.Change.Resource.Type, Action: action, Reason: e.Change.Reason}
}

// complete tells why the events of a plan cannot be relied on: they came
// through a file, and on a full disk some are missing. A change that is not
// seen is one that no guard has judged.
func (d *decoder) complete() error {
	if d.summary == nil {
		return errors.New("the output of Terraform has no end, the disk may be full")
	}
	var seen summary
	for _, c := range d.changes {
		switch c.Action {
		case guard.Create:
			seen.Add++
		case guard.Update:
			seen.Change++
		case guard.Delete:
			seen.Remove++
		case guard.Replace:
			seen.Add++
			seen.Remove++
		default: // counted by nobody
		}
	}
	want := *d.summary
	if want.Operation = ""; seen != want {
		return fmt.Errorf("the plan is to add %d, change %d and destroy %d, but the output of Terraform names %d, %d and %d: the disk may be full",
			want.Add, want.Change, want.Remove, seen.Add, seen.Change, seen.Remove)
	}
	return nil
}
