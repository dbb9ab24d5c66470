//go:build endtoend

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// started is infra running beside the test.
type started struct {
	cmd    *exec.Cmd
	stderr *os.File
	ended  chan error
}

// start runs infra in a process group of its own, as a terminal would.
func (p *platform) start(t *testing.T, args ...string) *started {
	t.Helper()
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), p.infra, append([]string{"-C", p.project, "--verbose"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &started{cmd: cmd, stderr: stderr, ended: make(chan error, 1)}
	go func() { s.ended <- cmd.Wait() }()
	return s
}

// said waits until infra has said something.
func (s *started) said(t *testing.T, text string) {
	t.Helper()
	eventually(t, "infra says "+strconv.Quote(text), func() (bool, string) {
		data, err := os.ReadFile(s.stderr.Name())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(data), text), tail(string(data))
	})
}

// exit waits for the end and gives the exit code and what was said; -1 is
// the code of a killed process.
func (s *started) exit(t *testing.T) (code int, stderr string) {
	t.Helper()
	select {
	case err := <-s.ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatalf("infra has not ended after %s", patience)
	}
	data, err := os.ReadFile(s.stderr.Name())
	if err != nil {
		t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode(), string(data)
}

// playing are the processes of ansible-playbook that work on this project.
func (p *platform) playing(t *testing.T) []string {
	t.Helper()
	entries, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		data, err := os.ReadFile(entry)
		if err != nil {
			continue // it has ended meanwhile
		}
		if bytes.Contains(data, []byte("ansible-playbook")) && bytes.Contains(data, []byte(p.project)) {
			found = append(found, strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return found
}

// interruptedAnsible: an interrupt reaches every process of Ansible; hosts in flight
// are recorded as unknown, and the same command puts them right.
func interruptedAnsible(t *testing.T, p *platform) {
	infra := p.start(t, "configure", "e2e")
	infra.said(t, "hosts: ")
	if err := infra.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	code, stderr := infra.exit(t)
	if code != 130 {
		t.Errorf("exit code %d after an interrupt:\n%s", code, tail(stderr))
	}
	if left := p.playing(t); len(left) > 0 {
		t.Errorf("Ansible goes on managing hosts: %q", left)
	}
	last := lastRun(t, p)
	if last.Result != "interrupted" || len(last.Hosts) == 0 {
		t.Errorf("the ledger says %+v", last)
	}
	p.run(t, 0, "configure", "e2e")
}

// killedInfra kills infra while Ansible works: Ansible ends, the next run is
// refused and names recover, and recover opens the way.
func killedInfra(t *testing.T, p *platform) {
	infra := p.start(t, "configure", "e2e")
	infra.said(t, "hosts: ")
	if err := infra.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	infra.exit(t)
	eventually(t, "Ansible has ended after infra was killed", func() (bool, string) {
		left := p.playing(t)
		return len(left) == 0, strings.Join(left, "\n")
	})
	_, stderr := p.run(t, 4, "apply", "e2e", "--auto-approve", "--lock-timeout", "5m")
	if !strings.Contains(stderr, "infra recover e2e") {
		t.Errorf("the refusal does not say what to type:\n%s", stderr)
	}
	if last := lastRun(t, p); last.Result != "unknown" {
		t.Errorf("the ledger calls the killed run %q", last.Result)
	}
	p.run(t, 0, "recover", "e2e", "--auto-approve")
	p.run(t, 0, "configure", "e2e")
}

// runRecord is what the ledger says of a run, as far as the tests look.
type runRecord struct {
	Run    string `json:"run"`
	Verb   string `json:"verb"`
	Result string `json:"result"`
	Hosts  []struct {
		Name   string `json:"name"`
		Result string `json:"result"`
	} `json:"hosts"`
	Stacks []struct {
		Stack string `json:"stack"`
		Plan  string `json:"plan"`
	} `json:"stacks"`
}

func lastRun(t *testing.T, p *platform) runRecord {
	t.Helper()
	doc := data[struct {
		Runs []runRecord `json:"runs"`
	}](t, p, "runs", "e2e")
	if len(doc.Runs) == 0 {
		t.Fatal("the ledger is empty")
	}
	return doc.Runs[0]
}

// approvedPlan keeps a plan, applies exactly it, and is refused when it was
// touched or has become stale.
func approvedPlan(t *testing.T, p *platform) {
	file := filepath.Join(p.project, "environments", "e2e.yaml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "environments/e2e.yaml", string(was)+"  baseline:\n    alert_emails: [ops@example.com]\n")
	kept := filepath.Join(p.project, "approved.bundle")
	p.run(t, 2, "plan", "e2e", "--out", kept)
	data, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	touched := bytes.Clone(data)
	touched[len(touched)/2] ^= 1
	p.write(t, "touched.bundle", string(touched))
	p.run(t, 3, "apply", "e2e", "--auto-approve", "--plan", filepath.Join(p.project, "touched.bundle"))
	p.run(t, 0, "apply", "e2e", "--auto-approve", "--plan", kept)
	var doc runRecord
	out, _ := p.run(t, 0, "runs", "e2e", lastRun(t, p).Run, "--output", "json")
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Stacks) == 0 || doc.Stacks[0].Plan == "" {
		t.Errorf("the ledger does not name the plan: %v\n%s", err, out)
	}
	_, stderr := p.run(t, 3, "apply", "e2e", "--auto-approve", "--plan", kept)
	if !strings.Contains(stderr, "infra plan e2e") {
		t.Errorf("the refusal of a stale plan does not say what to type:\n%s", stderr)
	}
	p.write(t, "environments/e2e.yaml", string(was))
	p.run(t, 0, "apply", "e2e", "--auto-approve", "--product", "baseline")
}
