package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/fleet"
)

// FleetDocument is what infra fleet apply, resume and status print as JSON.
type FleetDocument struct {
	*fleet.Rollout
	Stopped string         `json:"stopped,omitempty"` // why nothing more begins
	Counts  map[string]int `json:"counts"`            // state -> environments
	Exit    fault.Code     `json:"exit"`
}

// Fleet makes the document of a roll-out.
func Fleet(r *fleet.Rollout, now time.Time) FleetDocument {
	doc := FleetDocument{Rollout: r, Stopped: r.Stopped(), Counts: map[string]int{}, Exit: r.Code()}
	for _, e := range r.Environments {
		doc.Counts[r.Word(e, now)]++
	}
	return doc
}

// FleetTable is a roll-out as a table, a row an environment, with the summary
// as its last line. doing says what an environment is at. With live, what runs
// and what failed stands first, since a terminal may have no room for all.
func FleetTable(r *fleet.Rollout, now time.Time, doing func(name string) string, live bool) string {
	all := slices.Clone(r.Environments)
	if live {
		slices.SortStableFunc(all, func(a, b fleet.Environment) int { return cmp.Compare(urgency(a), urgency(b)) })
	}
	rows := [][]string{{"ENVIRONMENT", "WAVE", "STATE", "TIME", "NOTE"}}
	for _, e := range all {
		rows = append(rows, []string{e.Name, FleetWave(e.Wave), r.Word(e, now), fleetTime(e, now), fleetNote(r, e, now, doing)})
	}
	var b strings.Builder
	console.Table(&b, "  ", rows...)
	return b.String() + FleetSummary(r, now)
}

func urgency(e fleet.Environment) int {
	return slices.Index([]fleet.State{fleet.Running, fleet.Failed, fleet.Interrupted, fleet.Waiting, fleet.Done}, e.State)
}

// FleetWave names a wave.
func FleetWave(number int) string {
	if number == 0 {
		return "canary"
	}
	return fmt.Sprint(number)
}

func fleetTime(e fleet.Environment, now time.Time) string {
	switch {
	case e.State == fleet.Running:
		return console.Elapsed(now.Sub(e.Begun))
	case e.Ended.IsZero() || e.Begun.IsZero():
		return ""
	default:
		return console.Elapsed(e.Ended.Sub(e.Begun))
	}
}

// fleetNote is what is worth knowing of an environment in its state.
func fleetNote(r *fleet.Rollout, e fleet.Environment, now time.Time, doing func(string) string) string {
	switch e.State {
	case fleet.Running:
		return doing(e.Name)
	case fleet.Done:
		return console.Count(e.Applied, "resource") + " applied"
	case fleet.Failed:
		return firstLine(e.Error)
	case fleet.Waiting:
		if opens := r.Opens(e, now); opens.After(now) {
			return "window opens " + opens.UTC().Format("Mon 2006-01-02 15:04") + " UTC"
		}
	}
	return ""
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// FleetEnd says how an environment has ended, in a line.
func FleetEnd(e fleet.Environment) string {
	text := fmt.Sprintf("%s: %s after %s", e.Name, e.State, console.Elapsed(e.Ended.Sub(e.Begun)))
	switch e.State {
	case fleet.Done:
		return text + ", " + console.Count(e.Applied, "resource") + " applied"
	case fleet.Failed:
		return text + fmt.Sprintf(" (exit %d): ", e.Exit) + firstLine(e.Error)
	default:
		return text
	}
}

// FleetSummary is a roll-out in a line.
func FleetSummary(r *fleet.Rollout, now time.Time) string {
	counts := Fleet(r, now).Counts
	var parts []string
	for _, word := range []string{"done", "running", "failed", "interrupted", "waiting", "paused", "deferred", "not begun"} {
		if n := counts[word]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	end := now
	if !r.Ended.IsZero() {
		end = r.Ended
	}
	text := fmt.Sprintf("roll-out %s: %s of %d, %s", r.ID, strings.Join(parts, ", "), len(r.Environments), console.Elapsed(end.Sub(r.Started)))
	if why := r.Stopped(); why != "" {
		text += "; stopped: " + why
	} else if r.Paused {
		text += "; paused"
	}
	return text
}

// FleetFailures lists what went wrong, each with what to type.
func FleetFailures(r *fleet.Rollout) string {
	var b strings.Builder
	for _, e := range r.Environments {
		if e.State != fleet.Failed {
			continue
		}
		fmt.Fprintf(&b, "  %s: %s\n", e.Name, strings.ReplaceAll(cmp.Or(e.Error, fmt.Sprintf("exit %d", e.Exit)), "\n", "\n    "))
		if e.Hint != "" {
			fmt.Fprintf(&b, "    next: %s\n", strings.ReplaceAll(e.Hint, "\n", "\n          "))
		}
	}
	return b.String()
}
