package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/inventory"
	"infra/internal/postgresql"
)

// Repository is what there is to restore from.
type Repository struct {
	Backups []postgresql.Backup // the oldest first, at least one
	Archive Archive
}

// Look asks pgBackRest on a host that can read the repository.
func Look(ctx context.Context, run postgresql.Run, host inventory.Host) (Repository, error) {
	known, err := postgresql.ReadBackups(ctx, run, host)
	if err != nil {
		return Repository{}, err
	}
	if len(known.Backups) == 0 {
		return Repository{}, fmt.Errorf("there is no backup: pgBackRest says %q", known.Message)
	}
	slices.SortFunc(known.Backups, func(a, b postgresql.Backup) int { return a.Stopped.Compare(b.Stopped) })
	files, err := run(ctx, host, nil, "sudo", "-n", "-u", "postgres", "pgbackrest", "--stanza="+postgresql.Stanza, "--repo=1", "--output=json", "--recurse",
		"repo-ls", "archive/"+postgresql.Stanza)
	if err != nil {
		return Repository{}, err
	}
	archive, err := ParseArchive(files)
	return Repository{Backups: known.Backups, Archive: archive}, err
}

// Last is the youngest backup.
func (r Repository) Last() postgresql.Backup { return r.Backups[len(r.Backups)-1] }

// Window is a span of moments that can be restored.
type Window struct{ From, To time.Time }

// Windows are the spans of moments that can be restored: from the end of each
// backup to the last WAL that can be reached from it. Without gaps it is one.
func (r Repository) Windows() ([]Window, error) {
	var windows []Window
	for _, b := range r.Backups {
		last, _, err := r.Archive.walk(b.FirstWAL)
		if err != nil {
			return nil, err
		}
		need, err := parseSegment(b.LastWAL)
		if err != nil {
			return nil, err
		}
		if last.number < need.number {
			continue // its own WAL is missing
		}
		w := Window{From: b.Stopped, To: r.Archive.segments[last]}
		if n := len(windows); n > 0 && !w.From.After(windows[n-1].To) {
			if w.To.After(windows[n-1].To) {
				windows[n-1].To = w.To
			}
			continue
		}
		windows = append(windows, w)
	}
	return windows, nil
}

// Allow refuses a moment that cannot be restored and says which can.
func Allow(windows []Window, to time.Time) error {
	var texts []string
	for _, w := range windows {
		if !to.Before(w.From) && !to.After(w.To) {
			return nil
		}
		texts = append(texts, fmt.Sprintf("from %s to %s", Moment(w.From), Moment(w.To)))
	}
	if len(texts) == 0 {
		return fmt.Errorf("%s cannot be restored: no backup has the WAL that it needs", Moment(to))
	}
	why := "it is in a gap of the WAL archive"
	switch {
	case to.Before(windows[0].From):
		why = "it is before the end of the oldest backup"
	case to.After(windows[len(windows)-1].To):
		why = "it is after the last WAL that was archived"
	}
	return fmt.Errorf("%s cannot be restored: %s; possible is %s", Moment(to), why, strings.Join(texts, " and "))
}

// Moment is a time for people, in the form that --to takes.
func Moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// ParseMoment reads what people give to --to: RFC 3339, or without a zone in
// UTC.
func ParseMoment(text string) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2026-11-22T14:30:00Z", text)
}
