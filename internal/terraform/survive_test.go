package terraform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/fault"
	"infra/internal/process"
	"infra/internal/supervise"
)

// slow is a plan whose second resource takes as long as the test wants: until
// it is let go, or interrupted. begun waits for that resource.
type slow struct {
	w       *Workspace
	plan    Plan
	started string
	done    string
}

func newSlow(t *testing.T) *slow {
	t.Helper()
	dir := t.TempDir()
	s := &slow{started: filepath.Join(dir, "started"), done: filepath.Join(dir, "done")}
	s.w = workspace(t, fmt.Sprintf(`{"size": 3, "command": "touch %[1]s; while test -e %[1]s && ! test -e %[2]s; do sleep 0.05; done"}`, s.started, s.done))
	s.w.Supervise = supervise.Run{Children: filepath.Join(s.w.Logs, "children")}
	s.plan = plan(t, s.w)
	return s
}

func (s *slow) begun(t *testing.T) {
	t.Helper()
	eventually(t, "the second resource is in flight", func() bool {
		_, err := os.Stat(s.started)
		return err == nil
	})
}

func (s *slow) letGo(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(s.done, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// infra is a process that applies the plan.
func (s *slow) infra(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	input, err := json.Marshal(struct {
		Name, Binary, Root, DataDir, Logs, Variables, Backend string
		Environment                                           map[string]string
		Supervise                                             supervise.Run
	}{s.w.Name, s.w.Binary, s.w.Root, s.w.DataDir, s.w.Logs, s.w.Variables, s.w.Backend, s.w.Environment, s.w.Supervise})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), applying+"="+s.plan.File), env...)
	cmd.Stdin = bytes.NewReader(input)
	return cmd
}

// child is the supervisor or the Terraform of this run.
func (s *slow) child(t *testing.T, program string) process.Identity {
	t.Helper()
	all, err := process.Recorded(s.w.Supervise.Children)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		if one.Program == program {
			return one
		}
	}
	t.Fatalf("no %s among %+v", program, all)
	return process.Identity{}
}

// over waits until nothing of the run is left, and wants the state to name
// exactly these resources, and its lock to be free.
func (s *slow) over(t *testing.T, resources ...string) {
	t.Helper()
	eventually(t, "Terraform and its supervisor have ended", func() bool {
		all, err := process.Recorded(s.w.Supervise.Children)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			if one.Alive() {
				return false
			}
		}
		return true
	})
	data, err := os.ReadFile(filepath.Join(s.w.Logs, "state"))
	if err != nil {
		t.Fatalf("no state was saved: %v", err)
	}
	var state struct {
		Resources []struct {
			Name string `json:"name"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(data, &state); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range state.Resources {
		names = append(names, r.Name)
	}
	if strings.Join(names, " ") != strings.Join(resources, " ") {
		t.Errorf("the state holds %v, want %v", names, resources)
	}
	if _, err := os.Stat(filepath.Join(s.w.Logs, ".state.lock.info")); err == nil {
		t.Error("the state is still locked")
	}
}

func eventually(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !there(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// infra is killed in the middle of an apply: Terraform is interrupted, ends
// what is in flight, and saves the state.
func TestRow02KilledInfraLeavesACompleteState(t *testing.T) {
	s := newSlow(t)
	infra := s.infra(t)
	if err := infra.Start(); err != nil {
		t.Fatal(err)
	}
	s.begun(t)
	if err := infra.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = infra.Wait() // killed
	s.over(t, "first", "second")
	log, err := os.ReadFile(filepath.Join(s.w.Logs, "test-e-apply.jsonl"))
	if err != nil || !bytes.Contains(log, []byte("Interrupt received")) || bytes.Contains(log, []byte(fatalInterrupt)) {
		t.Errorf("the log has %d bytes, %v", len(log), err)
	}
}

// The supervisor is killed as well, or alone: Terraform runs to its end.
func TestRow02KilledSupervisorLeavesACompleteState(t *testing.T) {
	s := newSlow(t)
	go func() {
		s.begun(t)
		if err := s.child(t, "infra").Signal(unix.SIGKILL); err != nil {
			t.Error(err)
		}
		s.letGo(t)
	}()
	_, err := s.w.Apply(t.Context(), s.plan.File)
	if !errors.Is(err, ErrUnknown) || fault.HintOf(err) != "infra recover e" {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err))
	}
	s.over(t, "first", "second") // before Apply returns
}

// Terraform itself is killed: nobody can know what it made.
func TestRow01KilledTerraformIsUnknown(t *testing.T) {
	s := newSlow(t)
	go func() {
		s.begun(t)
		if err := s.child(t, "terraform").Signal(unix.SIGKILL); err != nil {
			t.Error(err)
		}
		s.letGo(t)
	}()
	_, err := s.w.Apply(t.Context(), s.plan.File)
	if !errors.Is(err, ErrUnknown) || fault.HintOf(err) != "infra recover e" || !strings.Contains(err.Error(), "signal 9") {
		t.Errorf("got %v, hint %q", err, fault.HintOf(err))
	}
}

// Nobody reads what infra writes: the apply runs to its end. infra's own
// output is not Terraform's.
func TestRow03ReaderGone(t *testing.T) {
	s := newSlow(t)
	infra := s.infra(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	infra.Stdout, infra.Stderr = write, write
	if err := infra.Start(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write.Close(), read.Close()); err != nil {
		t.Fatal(err)
	}
	s.begun(t)
	s.letGo(t)
	if err := infra.Wait(); err != nil {
		t.Error(err)
	}
	s.over(t, "first", "second")
}

// The terminal is closed: infra dies of SIGHUP when nothing else stops it, and
// Terraform saves all the same.
func TestRow04Hangup(t *testing.T) {
	s := newSlow(t)
	infra := s.infra(t)
	if err := infra.Start(); err != nil {
		t.Fatal(err)
	}
	s.begun(t)
	for _, one := range []process.Identity{s.child(t, "infra"), s.child(t, "terraform")} {
		if sid, err := unix.Getsid(one.PID); err != nil || (one.Program == "terraform") != (sid == one.PID) {
			t.Errorf("%s is in session %d, %v", one.Program, sid, err)
		}
	}
	if err := infra.Process.Signal(unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	_ = infra.Wait() // killed
	s.over(t, "first", "second")
}

// Started with SIGINT ignored: Terraform hears the one interrupt all the same.
func TestRow10StartedInTheBackground(t *testing.T) {
	s := newSlow(t)
	infra := s.infra(t, "INFRA_TEST_IGNORE=1")
	if err := infra.Start(); err != nil {
		t.Fatal(err)
	}
	s.begun(t)
	if err := infra.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = infra.Wait() // interrupted
	s.over(t, "first", "second")
}
