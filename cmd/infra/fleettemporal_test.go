//go:build endtoend

package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"infra/internal/fleet"
	"infra/internal/report"
	"infra/internal/run"
)

// temporalVersion is the release of the Temporal CLI whose development server
// the test runs: https://github.com/temporalio/cli/releases/tag/v1.5.1
const temporalVersion = "v1.5.1"

// slowOne is the environment in whose apply a worker is killed.
const slowOne = "d05"

// devServer is a Temporal server that keeps what it knows in a file.
type devServer struct {
	program string
	address string
	file    string
	process *begun
}

// newDevServer builds the server, where it was not built before, and starts it.
func newDevServer(t *testing.T) *devServer {
	t.Helper()
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(checkout, ".infra", "temporal-"+temporalVersion)
	s := &devServer{program: filepath.Join(bin, "temporal"), address: fmt.Sprintf("127.0.0.1:%d", cloudPort(t)), file: filepath.Join(t.TempDir(), "temporal.db")}
	if _, err := os.Stat(s.program); err != nil {
		began := time.Now()
		build := exec.CommandContext(t.Context(), "go", "install", "github.com/temporalio/cli/cmd/temporal@"+temporalVersion)
		build.Env = append(os.Environ(), "GOBIN="+bin)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build the Temporal CLI: %v\n%s", err, out)
		}
		t.Logf("built the Temporal CLI in %s", time.Since(began).Round(time.Second))
	}
	s.start(t)
	t.Cleanup(func() { s.kill(t) })
	return s
}

// start starts the server and waits until it answers.
func (s *devServer) start(t *testing.T) {
	t.Helper()
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(s.program, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", port, "--db-filename", s.file, "--log-level", "error") //nolint:noctx // it outlives the test's context and is killed at its end
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.process = beginProcess(t, cmd)
	for {
		s.process.alive(t)
		ask := exec.CommandContext(t.Context(), s.program, "operator", "cluster", "health", "--address", s.address)
		if out, err := ask.CombinedOutput(); err == nil && strings.Contains(string(out), "SERVING") {
			return
		}
	}
}

func (s *devServer) kill(t *testing.T) {
	t.Helper()
	if err := s.process.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	s.process.wait(t)
}

// onTemporal applies the second fifty by three workers, and lets happen what
// must do no harm.
func onTemporal(t *testing.T, c *customers) report.FleetDocument {
	t.Helper()
	server := newDevServer(t)
	place := []string{"--on", "temporal", "--address", server.address}
	workers := map[*cloud]*begun{}
	for range 3 {
		checkout := c.clone(t)
		workers[checkout] = beginProcess(t, checkout.command(t.Context(), "worker", "--address", server.address, "--parallel", "1"))
		t.Cleanup(func() {
			checkout.kill(t, "")
			checkout.quiet(t)
		})
	}
	began := time.Now()
	starter := c.begin(t, largeFleet("d", append(place, "--parallel", "3")...)...)
	killed := killWorker(t, c, starter, workers)

	// The starter is gone, the server comes back with what is in its file.
	id := rolloutID(t, starter)
	if err := starter.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	starter.wait(t)
	server.kill(t)
	server.start(t)
	t.Logf("fleet: killed a worker in the middle of %s, the starter and the server after %s", slowOne, time.Since(began).Round(time.Second))

	// Paused, nothing begins; another starter lets it go on and follows it.
	c.cloud.run(t, 0, append([]string{"fleet", "pause", id}, place...)...)
	if doc := c.fleet(t, 0, append([]string{"status", id}, place...)...); !doc.Paused || doc.Count(fleet.Waiting) == 0 {
		t.Errorf("paused: %v, %v", doc.Paused, doc.Counts)
	}
	doc := c.fleet(t, 1, append([]string{"resume", id}, place...)...)
	t.Logf("fleet: apply of %d environments by two workers, and a third for a while: %s; %v", fifty, time.Since(began).Round(time.Second), doc.Counts)
	c.asWanted(t, doc)
	if !c.hasRun(t, slowOne, id, string(run.Recovered)) {
		t.Errorf("the killed run of %s was not recovered: %+v", slowOne, c.applied(t, slowOne, id))
	}
	delete(workers, killed)
	for _, w := range workers {
		if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if code := w.wait(t); code != 0 {
			t.Errorf("a worker ends with %d\n%s", code, w.said)
		}
	}
	keepHistory(t, server, id)
	return doc
}

// killWorker waits until one of the workers is in the middle of applying the
// slow environment, and kills it with everything that it has started, as a
// machine that loses its power.
func killWorker(t *testing.T, c *customers, starter *begun, workers map[*cloud]*begun) *cloud {
	t.Helper()
	for waits := false; !waits; _, waits = c.slow.Load(slowOne) {
		starter.alive(t)
	}
	for checkout, w := range workers {
		if worked(checkout, slowOne) {
			checkout.kill(t, "")
			if code := w.wait(t); code != -1 {
				t.Fatalf("the worker ends with %d\n%s", code, w.said)
			}
			return checkout
		}
	}
	t.Fatal("no worker has begun it")
	return nil
}

// rolloutID reads what the starter says of the roll-out.
func rolloutID(t *testing.T, starter *begun) string {
	t.Helper()
	_, after, found := strings.Cut(starter.said.String(), "roll-out ")
	if !found {
		t.Fatalf("no id:\n%s", starter.said)
	}
	return strings.Fields(after)[0]
}

// keepHistory writes the workflow's history to where INFRA_FLEET_HISTORY says:
// a test of package temporal plays it again.
func keepHistory(t *testing.T, server *devServer, id string) {
	t.Helper()
	to := os.Getenv("INFRA_FLEET_HISTORY")
	if to == "" {
		return
	}
	out, err := exec.CommandContext(t.Context(), server.program, "workflow", "show", "--workflow-id", "infra-fleet-"+id, "--output", "json", "--address", server.address).Output()
	if err != nil || !json.Valid(out) {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(to, out, 0o600); err != nil {
		t.Fatal(err)
	}
}
