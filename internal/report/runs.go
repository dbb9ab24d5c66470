package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/run"
)

// RunsDocument is `infra runs ENV --output json`. That of one run is the
// ledger's record itself (infra/run-record/v1).
type RunsDocument struct {
	Schema      string       `json:"schema"` // infra/runs/v1
	Environment string       `json:"environment"`
	Runs        []run.Record `json:"runs"` // newest first
}

// Runs makes the document of an environment's runs.
func Runs(environment string, runs []run.Record) RunsDocument {
	if runs == nil {
		runs = []run.Record{}
	}
	return RunsDocument{Schema: "infra/runs/v1", Environment: environment, Runs: runs}
}

// RunsText is a table of runs.
func RunsText(environment string, runs []run.Record) string {
	if len(runs) == 0 {
		return "nothing was done to " + environment + " yet\n"
	}
	rows := [][]string{{"RUN", "VERB", "BY", "STARTED", "TOOK", "RESULT", "CHANGED"}}
	for _, r := range runs {
		rows = append(rows, []string{r.Run, r.Verb, by(r), stamp(r.Started), took(r), outcome(r), changed(r)})
	}
	return console.Columns(rows)
}

// RecordText is everything that the ledger knows of a run.
func RecordText(r run.Record) string {
	rows := [][]string{
		{"run", r.Run},
		{"verb", r.Verb},
		{"result", outcome(r)},
		{"by", by(r)},
		{"caller", r.Caller},
		{"commit", commit(r)},
		{"started", stamp(r.Started)},
		{"took", took(r)},
		{"bundle", r.Bundle},
		{"recovered by", r.RecoveredBy},
		{"recovers", r.Recovers},
	}
	if len(r.Tools) > 0 {
		var tools []string
		for _, name := range sortedKeys(r.Tools) {
			tools = append(tools, name+" "+r.Tools[name])
		}
		rows = append(rows, []string{"tools", strings.Join(tools, ", ")})
	}
	var b strings.Builder
	var kept [][]string
	for _, row := range rows {
		if row[1] != "" {
			kept = append(kept, row)
		}
	}
	b.WriteString(console.Columns(kept))
	if r.Error != "" {
		b.WriteString("error\n  " + strings.ReplaceAll(strings.TrimSpace(r.Error), "\n", "\n  ") + "\n")
	}
	if r.HardCancel {
		b.WriteString("cancelled hard: a person gave up waiting for what was in flight\n")
	}
	if len(r.Stacks) > 0 {
		rows := [][]string{{"STACK", "APPLIED", "SERIAL", "LINEAGE", "S3 VERSION", "PLAN SHA-256", "RESULT"}}
		for _, s := range r.Stacks {
			after := run.Version{}
			if last := cmp.Or(s.After, s.Before); last != nil {
				after = *last
			}
			rows = append(rows, []string{s.Stack, fmt.Sprint(s.Applied), serials(s), after.Lineage, after.VersionID, short(s.Plan), s.Result})
		}
		b.WriteString("\n" + console.Columns(rows))
	}
	if len(r.Hosts) > 0 {
		rows := [][]string{{"HOST", "INSTANCE", "RESULT"}}
		for _, h := range r.Hosts {
			rows = append(rows, []string{h.Name, h.ID, h.Result})
		}
		b.WriteString("\n" + console.Columns(rows))
	}
	if len(r.Orphans) > 0 {
		b.WriteString("\nin no state when it was recovered\n  " + strings.Join(r.Orphans, "\n  ") + "\n")
	}
	return b.String()
}

// outcome is a result for people.
func outcome(r run.Record) string {
	switch r.Result {
	case run.Unknown:
		return "outcome unknown"
	case run.StateNotSaved:
		return "state not saved"
	case run.Running:
		return "running"
	default:
		return string(r.Result)
	}
}

func by(r run.Record) string {
	if r.Who == "" {
		return ""
	}
	return r.Who + "@" + r.Host
}

func commit(r run.Record) string {
	if r.Commit != "" && r.Dirty {
		return r.Commit + " with uncommitted changes"
	}
	return r.Commit
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05") + "Z"
}

func took(r run.Record) string {
	if r.Ended.IsZero() || r.Started.IsZero() {
		return ""
	}
	return console.Elapsed(r.Ended.Sub(r.Started))
}

// changed counts what a run did.
func changed(r run.Record) string {
	var parts []string
	resources := 0
	for _, s := range r.Stacks {
		resources += s.Applied
	}
	if resources > 0 {
		parts = append(parts, console.Count(resources, "resource"))
	}
	if len(r.Hosts) > 0 {
		parts = append(parts, console.Count(len(r.Hosts), "host"))
	}
	if len(r.Orphans) > 0 {
		parts = append(parts, console.Count(len(r.Orphans), "orphan"))
	}
	return strings.Join(parts, ", ")
}

// serials is how a run moved a state.
func serials(s run.StackRecord) string {
	switch {
	case s.Before == nil && s.After == nil:
		return ""
	case s.Before == nil:
		return fmt.Sprintf("- > %d", s.After.Serial)
	case s.After == nil:
		return fmt.Sprintf("%d > ?", s.Before.Serial)
	default:
		return fmt.Sprintf("%d > %d", s.Before.Serial, s.After.Serial)
	}
}

// short is enough of a digest to compare by eye.
func short(digest string) string { return digest[:min(len(digest), 12)] }
