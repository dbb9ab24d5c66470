package terraform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
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
	Changes *struct {
		Operation string `json:"operation"`
	} `json:"changes"`
	Hook struct {
		Resource resource `json:"resource"`
		Action   string   `json:"action"`
		Seconds  int      `json:"elapsed_seconds"`
	} `json:"hook"`
	Outputs    map[string]output `json:"outputs"`
	Diagnostic *diagnostic       `json:"diagnostic"`
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

// decoder reads Terraform's event lines as they arrive. Every byte also goes
// to log, which is readable by its owner alone.
type decoder struct {
	log      io.Writer
	progress func(Progress)

	rest     []byte
	changes  []guard.Change
	drifted  []guard.Change
	outputs  bool // some output changes
	errors   []diagnostic
	warnings []diagnostic
	done     int // resources applied
}

func (d *decoder) Write(p []byte) (int, error) {
	if _, err := d.log.Write(p); err != nil {
		return 0, fmt.Errorf("keep Terraform's output: %w", err)
	}
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
	return guard.Change{
		Address: e.Change.Resource.Address, Type: e.Change.Resource.Type,
		Action: guard.Action(e.Change.Action), Reason: e.Change.Reason,
	}
}
