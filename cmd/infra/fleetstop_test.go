package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"infra/internal/fleet"
)

// TestFleetStopped stops a roll-out in the middle in every way that there is:
// interrupted, killed, paused. Nothing is lost, and nothing is applied twice.
func TestFleetStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an emulator")
	}
	c := newCustomers(t, "c01", "c02", "c03", "c04")
	for _, name := range c.names {
		c.customer(t, name, "slow: \"yes\"")
	}
	c.closed(t, "c04")

	// Ctrl-C while the first two are at work: they save, and nothing else begins.
	c.stopped(t, 130, syscall.SIGINT, []string{"c01", "c02"}, fleetApply("--parallel", "2")...)
	interrupted := c.fleet(t, 0, "status")
	if got := states(interrupted); got != "c01:interrupted c02:interrupted c03:not begun c04:deferred" {
		t.Errorf("interrupted: %s", got)
	}

	// It goes on and is killed; what it has started lives on, and ends.
	c.stopped(t, -1, syscall.SIGKILL, []string{"c03"}, "resume", interrupted.ID)
	killed := c.fleet(t, 0, "status")
	if killed.Count(fleet.Running) == 0 || killed.ID != interrupted.ID {
		t.Errorf("killed: %s", states(killed))
	}

	// The next one finds in the ledgers what was done. Paused, it waits for
	// another process to let it go on.
	resumed := c.begin(t, "resume", killed.ID)
	for !strings.Contains(resumed.said.String(), "logs in") {
		resumed.alive(t)
	}
	c.cloud.run(t, 0, "fleet", "pause", killed.ID)
	for !strings.Contains(resumed.said.String(), "paused: nothing new begins") {
		resumed.alive(t)
	}
	c.cloud.run(t, 0, "fleet", "resume", killed.ID)
	if code := resumed.wait(t); code != 3 { // c04 is deferred
		t.Fatalf("resumed: exit %d\n%s", code, resumed.said)
	}
	resumedAs := c.fleet(t, 0, "status")
	if got := states(resumedAs); got != "c01:done c02:done c03:done c04:deferred" {
		t.Errorf("resumed: %s", got)
	}

	done := c.fleet(t, 0, "resume", "--windows", "ignore")
	if got := states(done); got != "c01:done c02:done c03:done c04:done" {
		t.Errorf("at the end: %s", got)
	}
	c.once(t, done)
}

// closed gives an environment a window that does not open within the next
// hours.
func (c *customers) closed(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join(c.project, "environments", "customers", name+".yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	day := strings.ToLower(time.Now().UTC().Add(48 * time.Hour).Weekday().String()[:3])
	c.write(t, "environments/customers/"+name+".yaml", string(text)+"maintenance: [\""+day+" 12:00-12:30 UTC\"]\n")
}

// begun is an infra that a test has begun and looks after.
type begun struct {
	cmd   *exec.Cmd
	said  *transcript
	ended chan error
}

// begin starts infra fleet.
func (c *customers) begin(t *testing.T, args ...string) *begun {
	t.Helper()
	return beginProcess(t, c.command(t.Context(), append([]string{"fleet"}, args...)...))
}

func beginProcess(t *testing.T, cmd *exec.Cmd) *begun {
	t.Helper()
	b := &begun{cmd: cmd, said: &transcript{}, ended: make(chan error, 1)}
	b.cmd.Stdout, b.cmd.Stderr = b.said, b.said
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { b.ended <- b.cmd.Wait() }()
	return b
}

// alive waits a moment and wants infra to go on.
func (b *begun) alive(t *testing.T) {
	t.Helper()
	select {
	case err := <-b.ended:
		t.Fatalf("it ended (%v) before it came to that\n%s", err, b.said)
	case <-time.After(50 * time.Millisecond):
	}
}

// wait waits for the end and gives the exit code.
func (b *begun) wait(t *testing.T) int {
	t.Helper()
	select {
	case err := <-b.ended:
		return exitCode(t, err)
	case <-time.After(cloudLimit):
		t.Fatalf("it never ends\n%s", b.said)
		return 0
	}
}

// stopped begins infra fleet, sends it a signal when Terraform is at work in
// the named environments, and wants an exit code.
func (c *customers) stopped(t *testing.T, code int, signal syscall.Signal, names []string, args ...string) {
	t.Helper()
	c.slow.Clear()
	b := c.begin(t, args...)
	for _, name := range names {
		for waits := false; !waits; _, waits = c.slow.Load(name) {
			b.alive(t)
		}
	}
	if err := b.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if got := b.wait(t); got != code {
		t.Fatalf("%s: exit %d, want %d\n%s", signal, got, code, b.said)
	}
}
