package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sleeper is a child of this test that does nothing.
func sleeper(t *testing.T) (*exec.Cmd, Identity) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	id, err := Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, id
}

func TestAlive(t *testing.T) {
	self, err := Self()
	if err != nil || !self.Alive() || self.PID != os.Getpid() {
		t.Fatalf("this process is %+v, %v", self, err)
	}
	cmd, child := sleeper(t)
	for name, other := range map[string]Identity{
		"a later process with the same id": {PID: child.PID, Start: child.Start + 1, Boot: child.Boot},
		"one of another boot":              {PID: child.PID, Start: child.Start, Boot: "another"},
	} {
		if other.Alive() {
			t.Errorf("%s counts as alive", name)
		}
		if err := other.Signal(unix.SIGKILL); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !child.Alive() {
		t.Fatal("the child is gone")
	}
	if err := child.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); child.Alive(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a child that was killed and not waited for counts as alive")
		}
	}
	_ = cmd.Wait() // killed
	if child.Alive() {
		t.Error("a child that is gone counts as alive")
	}
	if err := child.Signal(unix.SIGKILL); err != nil {
		t.Errorf("a signal to a process that has ended: %v", err)
	}
	if _, err := Of(child.PID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestRecords(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "children")
	if none, err := Recorded(dir); err != nil || len(none) != 0 {
		t.Fatalf("a folder that does not exist names %v, %v", none, err)
	}
	_, child := sleeper(t)
	child.Program, child.Supervisor = "terraform", os.Getpid()
	remove, err := child.Record(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Recorded(dir); err != nil || len(got) != 1 || got[0] != child || !got[0].Alive() {
		t.Errorf("recorded are %+v, %v, want %+v", got, err, child)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "1.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Recorded(dir); err == nil {
		t.Error("a record that cannot be read was taken for none")
	}
}

func TestDescendants(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "sleep 600 & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	has := func(all []Identity, pid int) bool {
		return slices.ContainsFunc(all, func(i Identity) bool { return i.PID == pid })
	}
	var deep []Identity
	for deadline := time.Now().Add(time.Minute); len(deep) < 2; time.Sleep(time.Millisecond) {
		var err error
		if deep, err = Descendants(); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("descendants are %+v", deep)
		}
	}
	children, err := Children()
	if err != nil || !has(children, cmd.Process.Pid) || len(children) >= len(deep) {
		t.Errorf("children are %+v, %v; descendants %+v", children, err, deep)
	}
	for _, one := range deep {
		if err := one.Signal(unix.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	_ = cmd.Wait() // killed
}
