package ansible

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/fault"
	"infra/internal/process"
	"infra/internal/supervise"
)

func TestMain(m *testing.M) {
	if code, supervised := supervise.Main(os.Args[1:]); supervised {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// shell is a playbook run whose ansible-playbook is a script.
func shell(t *testing.T, script string) Playbook {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return Playbook{
		Bin: dir, Project: dir, Dir: dir, File: filepath.Join(dir, "site.yml"), Inventory: filepath.Join(dir, "inventory.yml"),
		Environment: []string{"PATH=" + os.Getenv("PATH")}, Expected: []string{"i-1", "i-2"},
		Name:      func(host string) string { return strings.Replace(host, "i-", "zookeeper-", 1) },
		Supervise: supervise.Run{Children: filepath.Join(dir, "children")},
	}
}

const (
	playStart = `{"_event":"v2_playbook_on_play_start","play":{"name":"p"}}`
	taskStart = `{"_event":"v2_playbook_on_task_start","task":{"name":"t"},"hosts":{}}`
	okFirst   = `{"_event":"v2_runner_on_ok","task":{"name":"t"},"hosts":{"i-1":{"changed":true}}}`
)

// A cancelled playbook: workers in sessions of their own are gone, the hosts
// in flight are named, and nothing of the library's is on standard output.
func TestRow09InterruptedPlaybook(t *testing.T) {
	for name, c := range map[string]struct {
		events  []string
		unknown []string
	}{
		"before the first task":    {[]string{playStart}, []string{}},
		"in the first task":        {[]string{playStart, taskStart}, []string{"i-1", "i-2"}},
		"in the second task":       {[]string{playStart, taskStart, okFirst, taskStart}, []string{"i-1"}},
		"in the next play's first": {[]string{playStart, taskStart, okFirst, playStart, taskStart}, []string{"i-1", "i-2"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := shell(t, "echo '"+strings.Join(c.events, "'\necho '")+"'\nsetsid sleep 600 &\necho $! > worker.new; mv worker.new worker; wait\n")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var worker process.Identity
			seen := 0
			p.Progress = func(Progress) { seen++ }
			go func() {
				defer cancel()
				for ctx.Err() == nil {
					data, err := os.ReadFile(filepath.Join(p.Dir, "worker"))
					if err != nil {
						time.Sleep(10 * time.Millisecond)
						continue
					}
					pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
					if err == nil {
						worker, err = process.Of(pid)
					}
					if err != nil {
						t.Error(err)
					}
					return
				}
			}()
			res, err := p.Run(ctx)
			if fault.CodeOf(err) != fault.Interrupted || !slices.Equal(res.Unknown, c.unknown) {
				t.Errorf("code %d, unknown %v: %v", fault.CodeOf(err), res.Unknown, err)
			}
			for _, host := range c.unknown {
				if err == nil || !strings.Contains(err.Error(), p.Name(host)) {
					t.Errorf("%s is not in %v", p.Name(host), err)
				}
			}
			if worker.PID == 0 || worker.Alive() {
				t.Errorf("the worker %d goes on managing hosts", worker.PID)
			}
			if left, err := process.Recorded(p.Supervise.Children); err != nil || len(left) != 0 {
				t.Errorf("recorded are %v, %v", left, err)
			}
		})
	}
}

// The real Ansible: infra is interrupted while a host is being worked on, and
// what Ansible has started for it ends.
func TestRow09RealAnsible(t *testing.T) {
	bin, err := filepath.Glob(filepath.Join("..", "..", ".infra", "python", "ansible-[0-9a-f]*", "bin"))
	if err != nil || len(bin) == 0 {
		t.Skip("Ansible is not installed: infra doctor --install")
	}
	absolute, err := filepath.Abs(bin[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := Playbook{
		Bin: absolute, Project: dir, Dir: dir, File: filepath.Join(dir, "site.yml"), Inventory: filepath.Join(dir, "inventory.yml"),
		SSHConfig: os.DevNull, Environment: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir},
		Expected: []string{"i-1"}, Name: func(string) string { return "zookeeper-1" },
	}
	started := filepath.Join(dir, "started")
	for file, text := range map[string]string{
		p.Inventory: "all: {hosts: {i-1: {ansible_connection: local, ansible_become: false, ansible_python_interpreter: " + filepath.Join(absolute, "python3") + "}}}\n",
		p.File: fmt.Sprintf("- hosts: all\n  become: false\n  gather_facts: false\n  tasks:\n    - ansible.builtin.command: {argv: [touch, %s]}\n"+
			"    - ansible.builtin.command: {argv: [sleep, '61.25']}\n    - ansible.builtin.command: {argv: [touch, %s]}\n", started, filepath.Join(dir, "too-far")),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		defer cancel()
		for ctx.Err() == nil && !sleeping(t) {
			time.Sleep(50 * time.Millisecond)
		}
	}()
	res, err := p.Run(ctx)
	if fault.CodeOf(err) != fault.Interrupted || !slices.Equal(res.Unknown, []string{"i-1"}) {
		t.Errorf("code %d, unknown %v: %v", fault.CodeOf(err), res.Unknown, err)
	}
	if sleeping(t) {
		t.Error("the host is still being worked on")
	}
	if _, err := os.Stat(filepath.Join(dir, "too-far")); err == nil {
		t.Error("the next task was begun")
	}
}

// sleeping tells whether this test's task runs on this machine.
func sleeping(t *testing.T) bool {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		data, err := os.ReadFile(path)
		return err == nil && string(data) == "sleep\x0061.25\x00"
	})
}

// An event beyond every limit costs that event and nothing else: Ansible is
// read, and waited for, to its end.
func TestLongLinesAreLeftOut(t *testing.T) {
	p := shell(t, fmt.Sprintf("head -c %d /dev/zero | tr '\\0' x\necho\necho '%s'\n", lineLimit+1, okFirst)+
		`echo '{"_event":"v2_playbook_on_stats","stats":{"i-1":{"ok":1,"changed":1},"i-2":{"ok":1}}}'`+"\n")
	res, err := p.Run(t.Context())
	if err != nil || res.Changed() != 1 || len(res.Changes) != 1 {
		t.Errorf("got %+v, %v", res, err)
	}
	info, err := os.Stat(filepath.Join(p.Dir, "ansible.jsonl"))
	if err != nil || info.Size() < lineLimit || info.Mode().Perm() != 0o600 {
		t.Errorf("the log is %v, %v", info, err)
	}
}

// TestWaitReportsAnExit guards go-ansible's unchecked type assertion.
func TestWaitReportsAnExit(t *testing.T) {
	cmd := (&starter{dir: t.TempDir()}).Command("/bin/sh", "-c", "exit 4")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 4 {
		t.Errorf("got %v, want exit code 4", err)
	}
}

// A process that the library has left alone is waited for.
func TestFinish(t *testing.T) {
	s := &starter{dir: t.TempDir()}
	if err := s.finish(); err != nil {
		t.Errorf("without a process: %v", err)
	}
	if err := s.Command("/bin/true").Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.finish(); err != nil || s.cmd.ProcessState == nil {
		t.Errorf("the process was not waited for: %v", err)
	}
	if err := unix.Kill(s.cmd.Process.Pid, 0); err == nil {
		t.Error("it is still there")
	}
}
