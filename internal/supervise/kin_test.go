package supervise

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// Where no process is a subreaper: a worker that leads a session of its own is
// known after its tool was killed, as is one that stayed in the tool's group
// and that nobody has seen before.
func TestKinOfAKilledTool(t *testing.T) {
	for _, worker := range []string{"worker", "provider"} {
		t.Run(worker, func(t *testing.T) {
			s := &scene{dir: t.TempDir()}
			seen := worker == "worker"
			tool := exec.CommandContext(t.Context(), os.Args[0], s.dir, worker)
			tool.Env = append(os.Environ(), role+"=tool")
			tool.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			if err := tool.Start(); err != nil {
				t.Fatal(err)
			}
			k, ended := newKin(tool.Process.Pid), make(chan struct{})
			defer close(ended)
			if seen {
				go k.follow(ended)
			}
			pid, err := strconv.Atoi(s.wait(t, worker))
			if err != nil {
				t.Fatal(err)
			}
			left, err := process.Of(pid)
			if err != nil {
				t.Fatal(err)
			}
			if seen {
				eventually(t, "the worker is known", func() bool {
					k.mu.Lock()
					defer k.mu.Unlock()
					return len(k.known) == 2
				})
			}
			if err := tool.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = tool.Wait() // killed
			got, err := k.left()
			if err != nil || len(got) != 1 || got[0] != left {
				t.Errorf("left are %+v, %v, want %+v", got, err, left)
			}
			if err := left.Signal(unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "nothing is left", func() bool {
				got, err := k.left()
				return err == nil && len(got) == 0
			})
			if _, err := os.Stat(filepath.Join(s.dir, "saved")); err == nil {
				t.Error("the tool was not killed")
			}
		})
	}
}
