package process

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// starting makes the test binary a tool that starts a shell in a group of its
// own, which starts one more process.
const starting = "INFRA_TEST_STARTING"

func TestMain(m *testing.M) {
	if os.Getenv(starting) != "" {
		cmd := exec.CommandContext(context.Background(), "sh", "-c", "sleep 600 & wait")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Run(); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// What a tool has started is known after the tool has ended, and after those
// between have: whoever was seen once, and who is in a group that one of them
// led.
func TestKin(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), starting+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tool, err := Of(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	known := []Identity{tool}
	until := func(what string, there func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			if known, err = Kin(known); err != nil {
				t.Fatal(err)
			}
			if there() {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: kin are %+v", what, known)
			}
		}
	}
	var inner, sleep Identity
	until("all three run", func() bool {
		for _, one := range known {
			now, err := look(one.PID)
			if err != nil {
				return false
			}
			switch {
			case now.parent == tool.PID && now.group == one.PID:
				inner = one
			case now.parent == inner.PID && inner.PID != 0:
				sleep = one
			}
		}
		return len(known) == 3 && sleep.PID != 0
	})
	kill := func(one Identity) {
		t.Helper()
		if err := one.Signal(unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	kill(tool)
	_ = cmd.Wait() // killed
	if alone, err := Kin([]Identity{tool}); err != nil || len(alone) != 0 {
		t.Errorf("of a tool that was not watched %+v is left, %v: then this test shows nothing", alone, err)
	}
	until("the tool is gone, what it has started is not", func() bool { return slices.Equal(known, sorted(inner, sleep)) })
	kill(inner)
	until("its group is known although its leader has ended", func() bool { return !inner.Alive() })
	if again, err := Kin([]Identity{inner}); err != nil || !slices.Equal(again, sorted(inner, sleep)) {
		t.Errorf("of the ended leader's group %+v is left, %v", again, err)
	}
	kill(sleep)
	until("nothing is left", func() bool { return len(known) == 0 })
}

func sorted(all ...Identity) []Identity {
	slices.SortFunc(all, func(a, b Identity) int { return a.PID - b.PID })
	return all
}

// A process that has got the id of one that was known is none of them.
func TestKinOfAnIDUsedAgain(t *testing.T) {
	_, child := sleeper(t)
	before := child
	before.Start--
	if got, err := Kin([]Identity{before}); err != nil || len(got) != 0 {
		t.Errorf("kin are %+v, %v", got, err)
	}
}
