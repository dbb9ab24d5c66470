package packer

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/supervise"
)

// TestMain is the supervisor, or a program that behaves as Packer does, when it
// is called so.
func TestMain(m *testing.M) {
	if code, supervised := supervise.Main(os.Args[1:]); supervised {
		os.Exit(code)
	}
	if filepath.Base(os.Args[0]) == "packer" {
		os.Exit(fake(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// second is what the first process of the fake calls the second one with.
const second = "second"

// fake is Packer's way with signals: its first process waits for a second one
// and pays no attention to an interrupt; the second one removes its host then.
func fake(args []string) int {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, unix.SIGINT)
	switch args[0] {
	case "plugins":
		return 0
	case "build":
		if err := exec.Command(os.Args[0], second).Run(); err != nil { //nolint:noctx // it is interrupted
			return 1
		}
		return 0
	case second:
		if err := os.WriteFile("host", nil, 0o600); err != nil {
			return 2
		}
		select {
		case <-interrupts:
			time.Sleep(100 * time.Millisecond) // it takes its time
			if err := os.Remove("host"); err != nil {
				return 2
			}
			return 1
		case <-time.After(time.Minute):
			return 0
		}
	default:
		return 2
	}
}
