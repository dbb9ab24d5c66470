package terraform

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/supervise"
)

// applying makes the test binary an infra that applies a plan: its value is
// that plan's file, and the workspace stands on standard input.
const applying = "INFRA_TEST_APPLY"

// TestMain is a supervisor or an infra when it is asked to be.
func TestMain(m *testing.M) {
	if file := os.Getenv(dawdling); file != "" && os.Getenv(supervise.Variable) != "" && os.Args[1] == "apply" {
		dawdle(file)
	}
	if code, supervised := supervise.Main(os.Args[1:]); supervised {
		os.Exit(code)
	}
	if plan := os.Getenv(applying); plan != "" {
		os.Exit(apply(plan))
	}
	if part := os.Getenv(playing); part != "" {
		os.Exit(play(part, os.Args[1:]))
	}
	// What the tests start must not inherit that a hangup is ignored, as it is under nohup.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	os.Exit(m.Run())
}

// dawdling makes a supervisor slow to begin: its value is the file by which it
// says that it has not begun yet.
const dawdling = "INFRA_TEST_DAWDLE"

func dawdle(file string) {
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		panic(err)
	}
	time.Sleep(time.Minute)
}

func apply(plan string) int {
	if os.Getenv("INFRA_TEST_IGNORE") != "" {
		signal.Ignore(unix.SIGINT, unix.SIGHUP) // the children inherit that
	}
	var w Workspace
	if err := json.NewDecoder(os.Stdin).Decode(&w); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	if _, err := w.Apply(ctx, plan); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
