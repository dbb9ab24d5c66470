package restore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"infra/internal/postgresql"
)

// order says what is restored.
type order struct {
	set string     // label of the backup; empty: the one that fits
	to  *time.Time // nil: as far as the WAL goes
}

// arguments are those of pgBackRest. Tablespaces come to lie beside the data,
// whatever other disk they were on.
func (o order) arguments(h host) []string {
	argv := []string{
		"pgbackrest", "--stanza=" + postgresql.Stanza, "--log-level-console=detail", "--archive-mode=off",
		"--tablespace-map-all=/var/lib/postgresql/" + h.version + "/tablespaces",
	}
	if o.set != "" {
		argv = append(argv, "--set="+o.set)
	}
	if o.to != nil {
		argv = append(argv, "--type=time", "--target="+o.to.UTC().Format("2006-01-02 15:04:05.999999+00"), "--target-action=promote")
	}
	return append(argv, "restore")
}

// fetch brings the files of the backup and returns the label of the one that
// pgBackRest took.
func (h host) fetch(ctx context.Context, o order, say func(format string, args ...any)) (string, error) {
	told := ""
	out, err := h.job(ctx, "restore", func(lines string) {
		if done := progressOf(lines); done != "" && done != told {
			told = done
			say("%s: %s%% of the files are there", h.Name, done)
		}
	}, o.arguments(h)...)
	if err != nil {
		return "", fmt.Errorf("the backup cannot be restored: %w", err)
	}
	// It stands near the log's begin, of which a large database's has more than out is.
	if begin, err := h.root(ctx, "head", "-c", "4000", jobLog("restore")); err == nil {
		out = begin
	}
	if taken := regexp.MustCompile(`restore backup set (\S+?),`).FindStringSubmatch(out); taken != nil {
		return taken[1], nil
	}
	return o.set, nil
}

// restored is what came out.
type restored struct {
	answered time.Time  // the first query
	upTo     *time.Time // the last transaction that was replayed; nil: none was
}

// recover starts the server and waits until it has replayed the WAL and
// answers as a primary of its own.
func (h host) recover(ctx context.Context, say func(format string, args ...any)) (restored, error) {
	if _, err := h.root(ctx, "systemctl", "start", "--no-block", h.unit()); err != nil {
		return restored{}, err
	}
	if err := h.replay(ctx, say); err != nil {
		return restored{}, err
	}
	r := restored{answered: time.Now()}
	last, err := h.query(ctx, "postgres", "SELECT to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
	if err != nil {
		return r, err
	}
	if at, err := time.Parse(time.RFC3339Nano, last); err == nil {
		r.upTo = &at
	}
	return r, nil
}

// progressOf is the percentage in the last line of pgBackRest's log that has
// one, "" when none has.
func progressOf(lines string) string {
	found := regexp.MustCompile(`, (\d+(?:\.\d+)?)%\)`).FindAllStringSubmatch(lines, -1)
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1][1]
}

// replay waits until the server has recovered and takes writes.
func (h host) replay(ctx context.Context, say func(format string, args ...any)) error {
	log := "/var/log/postgresql/postgresql-" + h.version + "-main.log"
	ready, told := false, ""
	state, err := h.await(ctx, h.unit(), func() bool {
		answer, err := h.query(ctx, "postgres", "SELECT NOT pg_is_in_recovery()")
		if ready = err == nil && answer == "t"; ready {
			return true
		}
		if lines, err := h.root(ctx, "tail", "-c", "2000", log); err == nil {
			if segment := replaying(lines); segment != "" && segment != told {
				told = segment
				say("%s: replaying WAL, at %s", h.Name, segment)
			}
		}
		return false
	}, func(s unitState) bool { return s.active == "failed" || s.active == "inactive" && s.result != "success" })
	if err != nil {
		return err
	}
	if ready {
		return nil
	}
	lines, err := h.root(ctx, "tail", "-c", "20000", log)
	if err != nil {
		return err
	}
	return fmt.Errorf("the restored server does not come up (%s): %w", state.result, whyDown(lines))
}

// replaying is the last WAL segment that a server's log says it has fetched.
func replaying(lines string) string {
	found := regexp.MustCompile(`restored log file "([0-9A-F]{24})" from archive`).FindAllStringSubmatch(lines, -1)
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1][1]
}

// whyDown explains the end of a server's log.
func whyDown(lines string) error {
	if strings.Contains(lines, "recovery ended before configured recovery target was reached") {
		last := regexp.MustCompile(`last completed transaction was at log time (\S+ \S+)`).FindAllStringSubmatch(lines, -1)
		if len(last) > 0 {
			return fmt.Errorf("the archived WAL ends with a transaction of %s UTC, before the moment that was asked for", strings.TrimSuffix(last[len(last)-1][1], "+00"))
		}
		return errors.New("the archived WAL ends before the moment that was asked for")
	}
	var fatal []string
	for line := range strings.Lines(lines) {
		if _, text, found := strings.Cut(line, "FATAL:"); found {
			fatal = append(fatal, strings.TrimSpace(text))
		}
	}
	if len(fatal) > 0 {
		return errors.New(fatal[len(fatal)-1])
	}
	return errors.New(lastLines(lines, 2))
}
