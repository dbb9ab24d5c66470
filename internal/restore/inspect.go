package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// judgeRestored looks into the restored server: rows, indexes, every table,
// and, once it is stopped, every page.
func (v *verification) judgeRestored(ctx context.Context) {
	h := v.host(v.guest)
	for _, c := range []struct {
		name string
		look func(context.Context, host) (string, error)
	}{
		{"indexes and tables", amcheck},
		{"dump of everything", dump},
	} {
		started := time.Now()
		detail, err := c.look(ctx, h)
		v.add(ctx, outcome(c.name, detail, err), started)
		if c.name == "indexes and tables" {
			v.judgeCanaries(ctx, h)
		}
	}
	started := time.Now()
	detail, err := stop(ctx, h)
	v.add(ctx, outcome("clean stop", detail, err), started)
	if err != nil {
		return
	}
	started = time.Now()
	detail, err = checksums(ctx, h)
	v.add(ctx, outcome("checksums", detail, err), started)
}

func outcome(name, detail string, err error) Check {
	if err != nil {
		return Check{Name: name, Detail: err.Error()}
	}
	return Check{Name: name, Passed: true, Detail: detail}
}

func (v *verification) judgeCanaries(ctx context.Context, h host) {
	started := time.Now()
	answer, err := h.query(ctx, "repmgr", canarySQL)
	c := judgeCanaries(answer)
	if err != nil {
		c.Detail = err.Error()
	}
	v.add(ctx, c, started)
}

// amcheck compares every index with its table and every table with itself.
func amcheck(ctx context.Context, h host) (string, error) {
	out, err := h.job(ctx, "amcheck", nil, h.program("pg_amcheck"), "--all", "--install-missing", "--heapallindexed")
	if err != nil {
		return "", err
	}
	if out = strings.TrimSpace(out); out != "" {
		return "", fmt.Errorf("pg_amcheck says: %s", lastLines(out, 3))
	}
	return "every index has every row", nil
}

// dump reads every row of every table, to nowhere.
func dump(ctx context.Context, h host) (string, error) {
	if _, err := h.job(ctx, "dump", nil, h.program("pg_dumpall"), "--no-sync", "--file=/dev/null"); err != nil {
		return "", err
	}
	return "every row can be read", nil
}

// stop ends the server, which must leave nothing to recover.
func stop(ctx context.Context, h host) (string, error) {
	if _, err := h.root(ctx, "systemctl", "stop", h.unit()); err != nil {
		return "", err
	}
	out, err := h.postgres(ctx, nil, "env", "LC_ALL=C", h.program("pg_controldata"), h.data())
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if state, found := strings.CutPrefix(line, "Database cluster state:"); found {
			if state = strings.TrimSpace(state); state != "shut down" {
				return "", fmt.Errorf("the server was stopped and left itself %q", state)
			}
			return "nothing is left to recover", nil
		}
	}
	return "", errors.New("pg_controldata does not say how the server was left")
}

// checksums reads every page.
func checksums(ctx context.Context, h host) (string, error) {
	out, err := h.job(ctx, "checksums", nil, h.program("pg_checksums"), "--check", "-D", h.data())
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if blocks, found := strings.CutPrefix(line, "Blocks scanned:"); found {
			return strings.TrimSpace(blocks) + " pages are whole", nil
		}
	}
	return "every page is whole", nil
}

// judgeFiles lets pgBackRest read everything that the repository holds.
func (v *verification) judgeFiles(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	started := time.Now()
	out, err := v.host(v.guest).job(ctx, "repository", nil,
		"pgbackrest", "--stanza=main", "--output=text", "--verbose", "--log-level-console=off", "--log-level-stderr=error", "verify")
	c := judgeIntegrity(out)
	if err != nil {
		c.Passed, c.Detail = false, err.Error()
	}
	v.add(ctx, c, started)
	v.report.phase("checks", started)
}
