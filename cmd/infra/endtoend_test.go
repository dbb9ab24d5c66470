//go:build endtoend

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait: this machine may be several times slower than
// the one that a test was written on.
const patience = 15 * time.Minute

// platform is one project of its own with an environment `e2e` in a sandbox
// of its own: another port and another range than the shipped sandbox, so
// that both can run at once.
type platform struct {
	infra    string // the program
	project  string
	endpoint string // of the AWS API
}

// newPlatform has infra make the project, as it does for somebody who begins
// with an empty folder, and starts the sandbox. The sandbox goes down at the
// end, also on an interrupt.
func newPlatform(t *testing.T) *platform {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the end-to-end tests start a sandbox, which needs root")
	}
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	project, err := os.MkdirTemp("", "infra-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{infra: filepath.Join(checkout, "bin", "infra"), project: project}
	p.endpoint = "http://127.0.0.1:" + freePort(t)
	p.run(t, 0, "init", "--sandbox", "--name", "e2e", "--endpoint", p.endpoint, "--cidr", "10.77.0.0/16")
	if err := os.MkdirAll(filepath.Join(project, ".infra"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"python", "terraform"} { // what `doctor --install` put there
		from := filepath.Join(checkout, ".infra", dir)
		if _, err := os.Stat(from); err != nil {
			continue // a suitable one is on PATH
		}
		if err := os.Symlink(from, filepath.Join(project, ".infra", dir)); err != nil {
			t.Fatal(err)
		}
	}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGINT, syscall.SIGTERM)
	down := func() {
		out, err := exec.CommandContext(context.Background(), p.infra, "-C", p.project, "sandbox", "down", "--environment", "e2e").CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "sandbox down: %v\n%s\n", err, out)
		}
	}
	go func() {
		<-stopped
		down()
		_ = os.RemoveAll(p.project)
		os.Exit(130)
	}()
	t.Cleanup(func() {
		signal.Stop(stopped)
		if t.Failed() {
			p.keepEvidence(t)
		}
		down()
		if err := os.RemoveAll(p.project); err != nil {
			t.Error(err)
		}
	})
	p.run(t, 0, "sandbox", "up", "--environment", "e2e")
	return p
}

// keepEvidence shows the end of the sandbox's log when something failed.
func (p *platform) keepEvidence(t *testing.T) {
	for _, name := range []string{"daemon.log", "emulator/emulator.log"} {
		log := filepath.Join(p.project, ".infra", "sandbox", name)
		data, err := os.ReadFile(log)
		if err != nil {
			continue
		}
		if len(data) > 4000 {
			data = data[len(data)-4000:]
		}
		t.Logf("the end of %s:\n%s", filepath.Base(log), data)
	}
}

func (p *platform) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.project, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run calls infra and wants an exit code.
func (p *platform) run(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.infra, append([]string{"-C", p.project}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 3 * time.Minute
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	started := time.Now()
	err := cmd.Run()
	t.Logf("infra %s: %s\n%s", strings.Join(args, " "), time.Since(started).Round(100*time.Millisecond), tail(errw.String()))
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if code != want {
		t.Fatalf("infra %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), code, want, out.String(), errw.String())
	}
	return out.String(), errw.String()
}

// data runs infra with --output json and decodes the document that it prints,
// which is the last where events go before it.
func data[T any](t *testing.T, p *platform, args ...string) T {
	t.Helper()
	out, _ := p.run(t, 0, append(args, "--output", "json")...)
	documents := json.NewDecoder(strings.NewReader(out))
	for {
		var raw json.RawMessage
		if err := documents.Decode(&raw); err != nil {
			t.Fatalf("infra %s printed no JSON: %v\n%s", strings.Join(args, " "), err, out)
		}
		if documents.More() {
			continue
		}
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatalf("infra %s printed another document: %v\n%s", strings.Join(args, " "), err, out)
		}
		return v
	}
}

// on runs a command on a host as root and returns what it printed.
func (p *platform) on(t *testing.T, host string, command ...string) string {
	t.Helper()
	out, _ := p.run(t, 0, append([]string{"ssh", "e2e", host, "--", "sudo", "-n"}, command...)...)
	return strings.TrimSpace(out)
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() (bool, string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ok, seen := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still not so after %s; last seen: %s", what, patience, seen)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > 15 {
		lines = lines[len(lines)-15:]
	}
	return strings.Join(lines, "\n")
}
