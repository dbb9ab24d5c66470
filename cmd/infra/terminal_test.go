package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

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
	master, slave := openTerminal(t)
	v := &terminal{master: master, cmd: c.command(t.Context(), args...)}
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
