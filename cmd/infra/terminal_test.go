package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"infra/internal/run"
	"infra/internal/supervise"
)

// terminal is a pseudo-terminal with infra on it.
type terminal struct {
	master *os.File
	cmd    *exec.Cmd

	mu   sync.Mutex
	said bytes.Buffer
}

func (c *cloud) terminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	return c.terminalWith(t, nil, args...)
}

// terminalWith is terminal with more in the environment.
func (c *cloud) terminalWith(t *testing.T, env []string, args ...string) *terminal {
	t.Helper()
	master, slave := openTerminal(t)
	v := &terminal{master: master, cmd: c.command(t.Context(), args...)}
	v.cmd.Env = append(v.cmd.Env, env...)
	v.cmd.Stdin, v.cmd.Stdout, v.cmd.Stderr = slave, slave, slave
	v.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close() // the child has its own
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			v.mu.Lock()
			v.said.Write(buffer[:n])
			v.mu.Unlock()
			if err != nil {
				return // nobody is on the terminal any more
			}
		}
	}()
	return v
}

func (v *terminal) text() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.said.String()
}

func (v *terminal) says(t *testing.T, text string) {
	t.Helper()
	within(t, fmt.Sprintf("%q", text), func() bool { return strings.Contains(v.text(), text) })
}

func (v *terminal) types(t *testing.T, text string) {
	t.Helper()
	if _, err := v.master.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

const ctrlC = "\x03"

// At a terminal, the second Ctrl-C asks; only the word makes Terraform give
// up, and then the ledger says so.
func TestRow06SecondControlC(t *testing.T) {
	h := newHeld(t)
	t.Run("another word", func(t *testing.T) {
		v := h.terminal(t, applyTiny()...)
		h.held(t)
		v.types(t, ctrlC)
		v.says(t, "Ctrl-C again")
		v.types(t, ctrlC)
		v.says(t, `Type "cancel"`)
		v.types(t, "no\n")
		v.says(t, "waiting for what is in flight")
		h.free <- struct{}{}
		if record := h.ended(t, v.cmd, 130, run.Interrupted); record.HardCancel {
			t.Error("the ledger says that it was cancelled hard")
		}
	})
	t.Run("cancel", func(t *testing.T) {
		v := h.terminal(t, applyTiny()...)
		h.held(t)
		v.types(t, ctrlC)
		v.says(t, "Ctrl-C again")
		v.types(t, ctrlC)
		v.says(t, `Type "cancel"`)
		v.types(t, "cancel\n")
		record := h.ended(t, v.cmd, 1, run.Unknown)
		if !record.HardCancel || !supervise.CancelledHard(run.Children(filepath.Join(h.project, ".infra", "runs", "cloud", record.Run))) {
			t.Errorf("the ledger says %+v", record)
		}
		v.says(t, "infra recover cloud")
	})
}

// Ctrl-C at a question is an answer: nothing has begun, nothing is changed.
func TestRow05ControlCAtAQuestion(t *testing.T) {
	h := newHeld(t)
	v := h.terminal(t, "apply", "cloud", "--product", "baseline")
	v.says(t, `Type "yes"`)
	v.types(t, ctrlC)
	h.ended(t, v.cmd, 130, run.Interrupted)
	if strings.Contains(v.text(), "\x1b[31mpanic") {
		t.Error(v.text())
	}
}

// What somebody asks for by a flag or in the environment holds at a terminal:
// nothing drawn over and nothing coloured, or nothing coloured alone.
func TestTerminalAsAsked(t *testing.T) {
	h := newHeld(t)
	colour := regexp.MustCompile(`\x1b\[[0-9;]*m`)
	for name, c := range map[string]struct {
		env, flags      []string
		drawn, coloured bool
	}{
		"nothing asked": {drawn: true, coloured: true},
		"--plain":       {flags: []string{"--plain"}},
		"INFRA_PLAIN":   {env: []string{"INFRA_PLAIN=1"}},
		"TERM=dumb":     {env: []string{"TERM=dumb"}},
		"--no-color":    {flags: []string{"--no-color"}, drawn: true},
		"NO_COLOR":      {env: []string{"NO_COLOR=1"}, drawn: true},
	} {
		t.Run(name, func(t *testing.T) {
			env := append([]string{"TERM=xterm"}, c.env...)
			v := h.terminalWith(t, env, append(applyTiny(), c.flags...)...)
			h.held(t)
			over := func() bool { return strings.Contains(colour.ReplaceAllString(v.text(), ""), "\x1b") }
			if c.drawn {
				within(t, "the table", over)
			} else {
				time.Sleep(1500 * time.Millisecond) // a table would be drawn every second
			}
			h.free <- struct{}{}
			h.ended(t, v.cmd, 0, run.Done)
			failed := h.terminalWith(t, env, append([]string{"plan", "nosuch"}, c.flags...)...)
			_ = failed.cmd.Wait() // its code is of other tests
			text := v.text() + failed.text()
			if got := colour.MatchString(text); got != c.coloured {
				t.Errorf("coloured: %v, want %v\n%q", got, c.coloured, text)
			}
			if got := strings.Contains(colour.ReplaceAllString(text, ""), "\x1b"); got != c.drawn {
				t.Errorf("drawn over: %v, want %v\n%q", got, c.drawn, text)
			}
		})
	}
}
