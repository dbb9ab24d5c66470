package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/run"
)

// held is a product whose apply, once begun, is held up by a server of the
// test: Terraform reads from it and waits for the answer, whatever signal it
// gets meanwhile.
type held struct {
	*cloud
	begun chan struct{} // an apply waits
	free  chan struct{} // lets one go on
}

func newHeld(t *testing.T) *held {
	t.Helper()
	h := &held{cloud: newCloud(t), begun: make(chan struct{}, 8), free: make(chan struct{}, 8)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.begun <- struct{}{}
		select {
		case <-h.free:
		case <-r.Context().Done():
		}
		_, _ = fmt.Fprint(w, `{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"other","outputs":{},"resources":[]}`)
	}))
	t.Cleanup(server.Close)
	h.tiny(t, fmt.Sprintf(`resource "terraform_data" "first" {
  triggers_replace = timestamp()
}

data "terraform_remote_state" "held" {
  backend    = "http"
  config     = { address = %q }
  depends_on = [terraform_data.first]
}

resource "terraform_data" "second" {
  input = try(data.terraform_remote_state.held.outputs.none, "")
}
`, server.URL))
	h.run(t, 0, "bootstrap", "cloud")
	return h
}

// start begins an apply and returns when it is held up.
func (h *held) start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.held(t)
}

func (h *held) held(t *testing.T) {
	t.Helper()
	select {
	case <-h.begun:
	case <-time.After(cloudLimit):
		t.Fatal("the apply was never held up")
	}
}

// ended waits for infra's end and wants an exit code, a result in the ledger,
// and the environment ready for the next run unless the outcome is unknown.
func (h *held) ended(t *testing.T, cmd *exec.Cmd, code int, result run.Result) run.Record {
	t.Helper()
	if got := exitCode(t, cmd.Wait()); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	records, err := h.store(t).Runs(t.Context(), 1)
	if err != nil || len(records) != 1 {
		t.Fatalf("the ledger has %v, %v", records, err)
	}
	if records[0].Result != result {
		t.Errorf("the ledger says %q, want %q: %s", records[0].Result, result, records[0].Error)
	}
	lease, head, err := h.store(t).Look(t.Context())
	if err != nil || !lease.Free() || (head.Open != "") != (result == run.Unknown) {
		t.Errorf("the lease is %+v, the head %+v, %v", lease, head, err)
	}
	return records[0]
}

// apply is infra with its output in a buffer.
func (h *held) apply(ctx context.Context) (*exec.Cmd, *bytes.Buffer) {
	cmd := h.command(ctx, applyTiny()...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	return cmd, &said
}

func TestRow02Row03Row04Row05Row06Row07Row08Interrupts(t *testing.T) {
	h := newHeld(t)
	for _, c := range []struct {
		name    string
		signals []syscall.Signal
	}{
		{"Row05 one Ctrl-C", []syscall.Signal{unix.SIGINT}},
		{"Row07 a pipeline is cancelled", []syscall.Signal{unix.SIGINT, unix.SIGTERM}},
		{"Row08 SIGTERM", []syscall.Signal{unix.SIGTERM}},
		{"Row04 the terminal is closed", []syscall.Signal{unix.SIGHUP}},
		{"Row06 Ctrl-C twice without a terminal", []syscall.Signal{unix.SIGINT, unix.SIGINT}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd, said := h.apply(t.Context())
			h.start(t, cmd)
			for _, one := range c.signals {
				if err := cmd.Process.Signal(one); err != nil {
					t.Fatal(err)
				}
				time.Sleep(300 * time.Millisecond) // two at once are one
			}
			h.free <- struct{}{}
			h.ended(t, cmd, 130, run.Interrupted)
			if !strings.Contains(said.String(), "stopping: what is in flight") || strings.Contains(said.String(), "goroutine ") {
				t.Errorf("infra says\n%s", said)
			}
		})
	}
	t.Run("Row04 nohup", func(t *testing.T) {
		signal.Ignore(unix.SIGHUP) // children inherit it
		cmd, _ := h.apply(t.Context())
		h.start(t, cmd)
		signal.Reset(unix.SIGHUP)
		if err := cmd.Process.Signal(unix.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		h.free <- struct{}{}
		h.ended(t, cmd, 0, run.Done)
	})
	t.Run("Row03 nobody reads", func(t *testing.T) {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := h.command(t.Context(), applyTiny("--verbose", "--output", "json")...)
		cmd.Stdout, cmd.Stderr = write, write
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = write.Close()
		_ = read.Close()
		h.held(t)
		h.free <- struct{}{}
		h.ended(t, cmd, 0, run.Done)
	})
	t.Run("Row02 infra is killed", func(t *testing.T) {
		cmd, _ := h.apply(t.Context())
		h.start(t, cmd)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		time.Sleep(2 * time.Second)
		if lease, _, err := h.store(t).Look(t.Context()); err != nil || lease.Free() {
			t.Errorf("Terraform works, and the lease is %+v, %v", lease, err)
		}
		h.free <- struct{}{}
		within(t, "the supervisor gives the lease back", func() bool {
			lease, head, err := h.store(t).Look(t.Context())
			return err == nil && lease.Free() && head.Open != ""
		})
		_, stderr := h.run(t, 4, applyTiny()...)
		if !strings.Contains(stderr, "infra recover cloud") {
			t.Errorf("what to type is not said:\n%s", stderr)
		}
		h.free <- struct{}{} // its refresh reads from the server, too
		h.run(t, 0, "recover", "cloud", "--auto-approve")
	})
}

// within waits for what must come, on however slow a machine.
func within(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !there(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
