//go:build endtoend

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"infra/internal/sandbox/emulator"
)

// rebuilt is the part of infra/rebuild/v1 that the tests read.
type rebuilt struct {
	Accepted  bool     `json:"accepted"`
	Rehearsal bool     `json:"rehearsal"`
	RTO       float64  `json:"rto_seconds"`
	RPO       *float64 `json:"rpo_seconds"`
	Phases    []struct {
		Phase    string  `json:"phase"`
		Seconds  float64 `json:"seconds"`
		Attempts int     `json:"attempts"`
	} `json:"phases"`
	Data *struct {
		Backup    string    `json:"backup"`
		Heartbeat time.Time `json:"heartbeat"`
	} `json:"data"`
	Checks []struct {
		Check string `json:"check"`
		OK    bool   `json:"ok"`
	} `json:"checks"`
}

// told shows the figures.
func (r rebuilt) told(t *testing.T) {
	t.Helper()
	for _, p := range r.Phases {
		t.Logf("%-10s %6.1f s, attempt %d", p.Phase, p.Seconds, p.Attempts)
	}
	if r.RPO != nil {
		t.Logf("RTO %.0f s, RPO %.1f s, backup %s", r.RTO, *r.RPO, r.Data.Backup)
	}
}

// secondRegion is where the second copy is.
const secondRegion = "eu-central-1"

// TestRebuild loses a region under a client that writes numbered rows, builds
// the whole environment again in another one, and counts the rows:
// `make rebuild`. It is rehearsed before, while the original lives.
func TestRebuild(t *testing.T) {
	p := newPlatform(t)
	file := filepath.Join(p.project, "environments", "e2e.yaml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "environments/e2e.yaml", string(was)+"recovery:\n  region: "+secondRegion+"\n")
	rebuild := []string{"rebuild", "e2e", "--region", secondRegion}
	p.run(t, 2, append(rebuild, "--check")...)
	p.run(t, 0, "apply", "e2e", "--auto-approve")
	p.run(t, 0, "pg", "backup", "e2e", "--type", "full") // into both repositories
	p.run(t, 0, append(rebuild, "--check")...)
	if doc := data[runDocument](t, p, "apply", "e2e", "--auto-approve"); doc.Changed {
		t.Errorf("a second apply with a second copy changes something: %+v", doc)
	}

	t.Run("a rehearsal leaves nothing", func(t *testing.T) {
		doc := data[rebuilt](t, p, append(rebuild, "--to", "rehearsal", "--rehearse", "--auto-approve")...)
		doc.told(t)
		if !doc.Accepted || !doc.Rehearsal || doc.RPO == nil || *doc.RPO > 180 {
			t.Errorf("%+v", doc)
		}
		for _, left := range []string{".infra/environments/rehearsal.yaml", "environments/rehearsal.yaml"} {
			if _, err := os.Stat(filepath.Join(p.project, left)); err == nil {
				t.Errorf("%s is left", left)
			}
		}
		seen, err := emulator.NewClient(p.endpoint).Snapshot(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range seen.Instances {
			if i.Region == secondRegion && i.State != emulator.Terminated {
				t.Errorf("a host is left: %+v", i)
			}
		}
		healthy(t, p)
	})

	rows := p.numberRows(t)
	eventually(t, "rows have reached the second copy", func() (bool, string) {
		archived := p.onPostgres(t, "SELECT coalesce(max(last_archived_time), 'epoch') > (SELECT min(at) + interval '90 s' FROM public.numbered) FROM pg_stat_archiver")
		return archived == "t", archived
	})
	lost := time.Now().UTC()
	if err := emulator.NewClient(p.endpoint).LoseRegion(t.Context(), "eu-west-1"); err != nil {
		t.Fatal(err)
	}
	acknowledged := rows.stop()
	t.Logf("%d rows were acknowledged before the region was lost", len(acknowledged))
	p.run(t, 1, "status", "e2e")

	again := append(slices.Clone(rebuild), "--to", "e2e2", "--auto-approve", "--lost-at", lost.Format(time.RFC3339Nano))
	p.killedIn(t, "phase 4 of 6", again...)                                  // while the data is brought
	p.killedIn(t, "phase 4 of 6", again...)                                  // it has gone on by itself
	p.run(t, 0, "recover", "e2e2", "--auto-approve", "--lock-timeout", "5m") // what it had begun may hold the lease a while
	if _, stderr := p.run(t, 3, "configure", "e2e2"); !strings.Contains(stderr, "the data of e2e has not come back yet") {
		t.Errorf("hosts without the data may be configured:\n%s", stderr)
	}
	doc := data[rebuilt](t, p, again...)
	doc.told(t)
	if !doc.Accepted || doc.Rehearsal || doc.RPO == nil || *doc.RPO > 180 {
		t.Fatalf("%+v", doc)
	}
	for _, page := range []string{"html", "json"} {
		if _, err := os.Stat(filepath.Join(p.project, ".infra", "rebuild", "e2e2."+page)); err != nil {
			t.Errorf("no report: %v", err)
		}
	}

	t.Run("every row up to the last heartbeat is back", func(t *testing.T) {
		on := func(host, sql string) string {
			out, _ := p.run(t, 0, "ssh", "e2e2", host, "--", "sudo", "-n", "-u", "postgres", "psql", "-XAtq", "-d", "repmgr", "-c", sql)
			return strings.TrimSpace(out)
		}
		count := func(sql string) int {
			n, err := strconv.Atoi(on("postgresql-1", sql))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		back, last := count("SELECT count(*) FROM public.numbered"), count("SELECT max(n) FROM public.numbered")
		before := 0
		for n, at := range acknowledged {
			if at.Before(doc.Data.Heartbeat) {
				before = max(before, n)
			}
		}
		t.Logf("%d rows came back, the last is %d; %d were acknowledged before the last heartbeat, %d in all", back, last, before, len(acknowledged))
		if back != last || back < before || before == 0 {
			t.Errorf("rows are missing among those that came back: %d rows, the last is %d, acknowledged before the last heartbeat were %d", back, last, before)
		}
		on("postgresql-1", fmt.Sprintf("INSERT INTO public.numbered VALUES (%d)", last+1))
		eventually(t, "a row written now is on the standby", func() (bool, string) {
			seen := on("postgresql-2", "SELECT max(n) FROM public.numbered")
			return seen == strconv.Itoa(last+1), seen
		})
		if mode := on("postgresql-1", "SELECT current_setting('archive_mode')"); mode != "on" {
			t.Errorf("the new cluster archives nothing: archive_mode is %s", mode)
		}
	})
	t.Run("the same command again only looks", func(t *testing.T) {
		if doc := data[rebuilt](t, p, again...); !doc.Accepted {
			t.Errorf("%+v", doc)
		}
		p.run(t, 0, "plan", "e2e2")
		p.run(t, 0, "status", "e2e2")
	})
}

// numbering is a client that writes numbered rows, one after the other.
type numbering struct {
	cmd  *exec.Cmd
	done sync.WaitGroup

	mu   sync.Mutex
	rows map[int]time.Time // that were acknowledged: when they were written, by the server's clock
}

// numberRows begins to write. Each row is a transaction of its own.
func (p *platform) numberRows(t *testing.T) *numbering {
	t.Helper()
	p.onPostgres(t, "CREATE TABLE public.numbered (n bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())")
	n := &numbering{rows: map[int]time.Time{}}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	n.cmd = exec.CommandContext(ctx, p.infra, "-C", p.project, "ssh", "e2e", "postgresql-1", "--", "sudo", "-n", "-u", "postgres", "psql", "-XAtq", "-d", "repmgr", "-f", "-")
	n.cmd.Stdin = strings.NewReader(`INSERT INTO public.numbered SELECT coalesce(max(n), 0) + 1 FROM public.numbered
RETURNING n, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') \watch 0.2
`)
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.done.Go(func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			number, at, two := strings.Cut(lines.Text(), "|")
			k, err := strconv.Atoi(number)
			when, parseErr := time.Parse(time.RFC3339Nano, at)
			if !two || err != nil || parseErr != nil {
				continue // the heading that \watch writes each time
			}
			n.mu.Lock()
			n.rows[k] = when
			n.mu.Unlock()
		}
	})
	eventually(t, "the first rows are written", func() (bool, string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		return len(n.rows) > 5, fmt.Sprint(len(n.rows))
	})
	return n
}

// stop ends the client, whose server is gone, and returns what was
// acknowledged.
func (n *numbering) stop() map[int]time.Time {
	time.Sleep(2 * time.Second)
	_ = syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL)
	n.done.Wait()
	_ = n.cmd.Wait() // it was killed
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rows
}

// killedIn begins a command and kills it when it says that a phase begins, and
// everything that it has started with it.
func (p *platform) killedIn(t *testing.T, says string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.infra, append([]string{"-C", p.project}, args...)...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed, seen := false, ""
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		seen = lines.Text()
		if !killed && strings.Contains(seen, says) {
			time.Sleep(5 * time.Second) // into its middle
			killed = cmd.Process.Kill() == nil
		}
	}
	_ = cmd.Wait()
	if !killed {
		t.Fatalf("it never said %q; the last line was %q", says, seen)
	}
}
