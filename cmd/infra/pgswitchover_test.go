//go:build endtoend

package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pgStatusDocument is the part of infra/pg-status/v1 that the tests read.
type pgStatusDocument struct {
	Schema   string   `json:"schema"`
	State    string   `json:"state"`
	Problems []string `json:"problems"`
	Endpoint struct {
		Address string `json:"address"`
		Holder  string `json:"holder"`
	} `json:"endpoint"`
	Nodes []struct {
		Name     string `json:"name"`
		Role     string `json:"role"`
		Writable bool   `json:"writable"`
		Timeline int    `json:"timeline"`
		Follows  string `json:"follows"`
		Fenced   string `json:"fenced"`
	} `json:"nodes"`
}

// primary is the one node that takes writes.
func (d pgStatusDocument) primary(t *testing.T) (name string, timeline int) {
	t.Helper()
	for _, n := range d.Nodes {
		if n.Writable && name != "" {
			t.Fatalf("two nodes take writes: %s and %s", name, n.Name)
		}
		if n.Writable {
			name, timeline = n.Name, n.Timeline
		}
	}
	if name == "" {
		t.Fatalf("no node takes writes: %+v", d)
	}
	return name, timeline
}

// healthyDatabase waits until `infra pg status` has nothing to complain of.
func healthyDatabase(t *testing.T, p *platform) pgStatusDocument {
	t.Helper()
	var d pgStatusDocument
	eventually(t, "the database is healthy", func() (bool, string) {
		cmd := exec.CommandContext(t.Context(), p.infra, "-C", p.project, "pg", "status", "e2e", "--output", "json")
		out, err := cmd.Output() // exit code 1 while it is not
		d = pgStatusDocument{}
		if json.Unmarshal(out, &d) != nil {
			return false, fmt.Sprint(err)
		}
		return err == nil && d.Schema == "infra/pg-status/v1" && d.State == "healthy", strings.Join(d.Problems, "; ")
	})
	return d
}

// databaseStatus looks at what the people's text and the document say of a
// database that is well.
func databaseStatus(t *testing.T, p *platform) {
	d := healthyDatabase(t, p)
	primary, _ := d.primary(t)
	if d.Endpoint.Holder != primary {
		t.Errorf("the address is at %s, the primary is %s", d.Endpoint.Holder, primary)
	}
	for _, n := range d.Nodes {
		if n.Name != primary && n.Follows != primary {
			t.Errorf("%s (%s) follows %q", n.Name, n.Role, n.Follows)
		}
	}
	out, _ := p.run(t, 0, "pg", "status", "e2e")
	for line := range strings.Lines(out) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
}

// failoverOfTheHealthy is refused, whatever may be lost, and changes nothing.
func failoverOfTheHealthy(t *testing.T, p *platform) {
	before, timeline := healthyDatabase(t, p).primary(t)
	_, stderr := p.run(t, 3, "pg", "failover", "e2e", "--accept-loss", "--auto-approve")
	if !strings.Contains(stderr, before+" takes writes") || !strings.Contains(stderr, "infra pg switchover e2e") {
		t.Errorf("the refusal says neither why nor what to do:\n%s", stderr)
	}
	if after, now := healthyDatabase(t, p).primary(t); after != before || now != timeline {
		t.Errorf("%s on timeline %d became %s on %d", before, timeline, after, now)
	}
}

// switchoverThereAndBack changes the primary twice while pgbench works and a
// client writes numbered rows: none that was acknowledged is lost.
func switchoverThereAndBack(t *testing.T, p *platform) {
	d := healthyDatabase(t, p)
	first, timeline := d.primary(t)
	sql := func(node, statement string) string {
		return p.on(t, node, "-u", "postgres", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", statement)
	}
	sql(first, "CREATE ROLE numbering LOGIN PASSWORD 'of-the-sandbox'")
	sql(first, "CREATE DATABASE numbering OWNER numbering")
	p.on(t, "postgresql-witness", "systemd-run", "--quiet", "--collect", "--unit=e2e-numbering", "python3", "-c", numberingClient, d.Endpoint.Address)
	eventually(t, "rows are written", func() (bool, string) {
		rows := p.on(t, "postgresql-witness", "sh", "-c", "wc -l < /tmp/e2e-numbering || true")
		n, err := strconv.Atoi(rows)
		return err == nil && n > 10, rows
	})
	type done struct {
		From, To string
		Timeline int
		Gap      float64 `json:"gap_seconds"`
	}
	there := data[done](t, p, "pg", "switchover", "e2e", "--auto-approve")
	if there.From != first || there.To == first || there.Timeline != timeline+1 {
		t.Errorf("there: %+v", there)
	}
	healthyDatabase(t, p)
	back := data[done](t, p, "pg", "switchover", "e2e", "--to", first, "--auto-approve")
	if back.From != there.To || back.To != first || back.Timeline != timeline+2 {
		t.Errorf("back: %+v", back)
	}
	healthyDatabase(t, p)
	p.on(t, "postgresql-witness", "systemctl", "stop", "e2e-numbering")
	gap := acknowledged(t, p.on(t, "postgresql-witness", "cat", "/tmp/e2e-numbering"),
		p.on(t, first, "-u", "postgres", "psql", "-XAtq", "-d", "numbering", "-c", "SELECT n FROM numbered"))
	t.Logf("the longest write gap was %s at the client, %.1f s and %.1f s by the servers", gap.Round(10*time.Millisecond), there.Gap, back.Gap)
	sql(first, "DROP DATABASE numbering WITH (FORCE)")
	sql(first, "DROP ROLE numbering")
}

// acknowledged compares the client's record with the table: no row that it
// was told of may be missing. It returns the longest time between two.
func acknowledged(t *testing.T, record, table string) (gap time.Duration) {
	t.Helper()
	rows := map[string]bool{}
	for line := range strings.Lines(table) {
		rows[strings.TrimSpace(line)] = true
	}
	var last float64
	count := 0
	for line := range strings.Lines(record) {
		var n int
		var at float64
		if _, err := fmt.Sscanf(line, "%d %f", &n, &at); err != nil {
			continue // an attempt that failed
		}
		count++
		if !rows[strconv.Itoa(n)] {
			t.Errorf("row %d was acknowledged and is lost", n)
		}
		if last > 0 {
			gap = max(gap, time.Duration((at-last)*float64(time.Second)))
		}
		last = at
	}
	if count < 20 {
		t.Errorf("only %d rows were acknowledged", count)
	}
	return gap
}

// numberingClient writes numbered rows through the address it is given, keeps
// pgbench at work beside, and notes each acknowledgement with its time.
const numberingClient = `
import os, subprocess, sys, time
import psycopg2
os.environ["PGPASSWORD"] = "of-the-sandbox"
dsn = "host=%s user=numbering dbname=numbering connect_timeout=2 tcp_user_timeout=2000 sslmode=require" % sys.argv[1]
program = "/usr/lib/postgresql/15/bin/pgbench"
subprocess.run([program, "-i", "-q", "-s", "1", dsn], check=True)
connection, number, bench, out = None, 0, None, open("/tmp/e2e-numbering", "w")
while True:
    if bench is None or bench.poll() is not None:
        bench = subprocess.Popen([program, "-n", "-c", "1", "-R", "20", "-T", "3600", dsn], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    number += 1
    try:
        if connection is None:
            connection = psycopg2.connect(dsn)
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute("SET statement_timeout = '2s'")
            cursor.execute("CREATE TABLE IF NOT EXISTS numbered (n bigint PRIMARY KEY)")
        cursor.execute("INSERT INTO numbered VALUES (%s)", (number,))
        print(number, "%.4f" % time.time(), file=out, flush=True)
        time.sleep(0.02)
    except psycopg2.Error as error:
        print("#", str(error).strip().splitlines()[0], file=out, flush=True)
        if connection is not None:
            connection.close()
        connection = None
        time.sleep(0.05)
`
