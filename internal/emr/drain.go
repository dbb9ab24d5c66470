package emr

import (
	"fmt"
	"strings"
	"time"

	"infra/internal/console"
)

// Load is what a cluster still works on.
type Load struct {
	Steps   []string // pending and running ones, by name and id
	Running *Reading // applications of YARN
	Pending *Reading
}

// Drained decides whether nothing is left on a colour that jobs are no longer
// sent to: neither steps nor, as measured after since, applications. since is
// when clients that had asked for the pointer before it moved have submitted
// what they were about to. waits says what is waited for.
func Drained(l Load, since, now time.Time) (drained bool, waits string) {
	var parts []string
	if now.Before(since) {
		parts = append(parts, fmt.Sprintf("%s for clients that know the old pointer", since.Sub(now).Round(time.Second)))
	}
	if n := len(l.Steps); n > 0 {
		parts = append(parts, fmt.Sprintf("%s (%s)", console.Count(n, "step"), strings.Join(l.Steps[:min(n, 3)], ", ")))
	}
	for _, apps := range []struct {
		what    string
		reading *Reading
	}{{"running", l.Running}, {"pending", l.Pending}} {
		switch {
		case apps.reading == nil || apps.reading.At.Before(since):
			parts = append(parts, fmt.Sprintf("CloudWatch to say how many applications are %s", apps.what))
		case apps.reading.Last > 0:
			parts = append(parts, fmt.Sprintf("%s %s", console.Count(int(apps.reading.Last), "application"), apps.what))
		}
	}
	return len(parts) == 0, strings.Join(parts, ", ")
}
