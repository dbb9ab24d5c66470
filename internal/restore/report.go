package restore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"infra/internal/provision"
)

// VerifySchema is the kind and version of the document that `infra pg verify
// --output json` prints and keeps. Readers must ignore members that they do
// not know.
const VerifySchema = "infra/pg-verify/v1"

// Report is a verified restore.
type Report struct {
	Schema        string     `json:"schema"`
	Environment   string     `json:"environment"`
	Run           string     `json:"run"`
	StartedAt     time.Time  `json:"started_at"`
	EndedAt       time.Time  `json:"ended_at"`
	Passed        bool       `json:"passed"`
	Backup        string     `json:"backup"`      // label; empty when there is none
	BackupType    string     `json:"backup_type"` // full, diff or incr; rds with the managed service
	BackupAt      *time.Time `json:"backup_at"`   // when it was complete
	DatabaseBytes int64      `json:"database_bytes"`
	Host          string     `json:"host"`        // instance id; empty when none was made
	RestoredTo    *time.Time `json:"restored_to"` // the last transaction that came back
	RTOSeconds    *float64   `json:"rto_seconds"` // from asking for a host to the first answered query
	RPOSeconds    *float64   `json:"rpo_seconds"` // of the primary's heartbeat, what did not come back; of the managed service, how old its latest moment is
	Phases        []Phase    `json:"phases"`
	Checks        []Check    `json:"checks"` // those that could be made
}

// Phase is a part of the whole and how long it took.
type Phase struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// Check is one thing that was looked at.
type Check struct {
	Name    string  `json:"name"`
	Passed  bool    `json:"passed"`
	Detail  string  `json:"detail"`
	Seconds float64 `json:"seconds"`
}

func newReport(p *provision.Platform) *Report {
	return &Report{Schema: VerifySchema, Environment: p.Env.Name(), Run: p.Run.ID, StartedAt: time.Now().UTC(), Phases: []Phase{}, Checks: []Check{}}
}

// phase notes how long a part took.
func (r *Report) phase(name string, started time.Time) {
	r.Phases = append(r.Phases, Phase{Name: name, Seconds: time.Since(started).Seconds()})
}

// add notes a check and tells of it. What an interrupt broke off is none.
func (r *Report) add(ctx context.Context, c Check, say func(format string, args ...any)) {
	if ctx.Err() != nil {
		return
	}
	r.Checks = append(r.Checks, c)
	word := "ok"
	if !c.Passed {
		word = "FAILED"
	}
	say("%s: %s: %s", c.Name, word, c.Detail)
}

// end closes the report; err is what ended the verification itself.
func (r *Report) end(err error) {
	r.Passed = err == nil && len(r.Checks) > 0 && len(r.Failures()) == 0
	r.EndedAt = time.Now().UTC()
}

// Failures are the lines of the checks that failed.
func (r *Report) Failures() []string {
	var lines []string
	for _, c := range r.Checks {
		if !c.Passed {
			lines = append(lines, c.Name+": "+c.Detail)
		}
	}
	return lines
}

// Text is the report for a terminal.
func (r *Report) Text() string {
	var b strings.Builder
	verdict := "FAILED"
	if r.Passed {
		verdict = "passed"
	}
	fmt.Fprintf(&b, "\nverify of %s: %s\n", r.Environment, verdict)
	if r.Backup != "" && r.BackupAt != nil {
		fmt.Fprintf(&b, "  backup   %s of %s, %s\n", r.Backup, Moment(*r.BackupAt), size(r.DatabaseBytes))
	}
	if r.RTOSeconds != nil {
		fmt.Fprintf(&b, "  RTO      %.1f s from nothing to the first answered query\n", *r.RTOSeconds)
	}
	if r.RPOSeconds != nil {
		fmt.Fprintf(&b, "  RPO      %.1f s of the primary's heartbeat did not come back\n", *r.RPOSeconds)
	}
	for _, c := range r.Checks {
		mark := "ok  "
		if !c.Passed {
			mark = "FAIL"
		}
		fmt.Fprintf(&b, "  %s  %s: %s (%.1f s)\n", mark, c.Name, c.Detail, c.Seconds)
	}
	return b.String()
}

// size is a number of bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<40:
		return fmt.Sprintf("%.1f TiB", float64(bytes)/(1<<40))
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	default:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
}

// volumeGB is room for a restored database: half as much again for what is
// written since, and WAL.
func volumeGB(bytes int64) int {
	const gib = 1 << 30
	return int((bytes*3/2+gib-1)/gib) + 4
}
