package ansible

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCancelReachesTheWholeGroup starts a parent with a child, cancels, and
// wants both gone: a real ansible-playbook has workers of its own.
func TestCancelReachesTheWholeGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cmd := starter{dir: t.TempDir(), env: []string{"PATH=" + os.Getenv("PATH")}}.CommandContext(ctx, "sh", "-c", "sleep 600 & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 32)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("a cancelled process ended without an error")
	}
	deadline := time.Now().Add(time.Minute)
	for !errors.Is(unix.Kill(child, 0), unix.ESRCH) && !zombie(child) {
		if time.Now().After(deadline) {
			t.Fatalf("the child %d is still there", child)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func zombie(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(data), ") Z ")
}

// TestWaitReportsAnExit guards go-ansible's unchecked type assertion.
func TestWaitReportsAnExit(t *testing.T) {
	cmd := starter{dir: t.TempDir()}.Command("/bin/sh", "-c", "exit 4")
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
