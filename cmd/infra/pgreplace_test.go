//go:build endtoend

package main

import (
	"strings"
	"testing"
)

// replacedNode has the standby's instance and volume made anew, after the
// primary was refused. What it held comes back from the primary.
func replacedNode(t *testing.T, p *platform) {
	if _, stderr := p.run(t, 3, "pg", "rejoin", "e2e", "postgresql-1", "--replace", "--auto-approve"); !strings.Contains(stderr, "it is the primary") {
		t.Errorf("the primary is refused for another reason:\n%s", stderr)
	}
	p.run(t, 64, "pg", "rejoin", "e2e")
	if _, stderr := p.run(t, 0, "pg", "rejoin", "e2e", "--wanted", "--auto-approve"); !strings.Contains(stderr, "no node of e2e asks") {
		t.Errorf("nobody asks, and it says:\n%s", stderr)
	}
	before := p.hostID(t, "postgresql-2")
	p.onPostgres(t, "CREATE TABLE public.kept AS SELECT 1 AS n")
	// As the agent says it after its last try.
	p.on(t, "postgresql-2", "sudo", "-u", "postgres", "sh", "-c", "echo '{\"at\": \"2026-11-28T12:00:00.000Z\", \"event\": \"replacement_wanted\", \"node\": \"postgresql-2\"}' >> /var/lib/infra-postgresql/journal.jsonl")
	p.run(t, 1, "pg", "status", "e2e")
	p.run(t, 0, "pg", "rejoin", "e2e", "--wanted", "--auto-approve")
	after := p.hostID(t, "postgresql-2")
	if before == after {
		t.Errorf("it is still instance %s", after)
	}
	if got := p.on(t, "postgresql-2", "sudo", "-u", "postgres", "psql", "-XAtq", "-d", "repmgr", "-c", "SELECT pg_is_in_recovery() || ' ' || n FROM public.kept"); got != "true 1" {
		t.Errorf("the new node holds %q", got)
	}
	p.onPostgres(t, "DROP TABLE public.kept")
	emptyPlan(t, p)
	healthy(t, p)
}
