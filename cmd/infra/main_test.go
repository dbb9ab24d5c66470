package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"infra/internal/cli"
)

// TestMain lets the test binary be infra as well: for the cloud's commands,
// and as the supervisor that infra starts in place of a tool, whose
// environment names nothing but its task.
func TestMain(m *testing.M) {
	if os.Getenv(testMain) != "" || os.Getenv("INFRA_SUPERVISE") != "" {
		os.Exit(cli.Main())
	}
	// What the tests start must not inherit that a hangup is ignored, as it is under nohup.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	testscript.Main(m, map[string]func(){"infra": func() { os.Exit(cli.Main()) }})
}

// TestScript runs the command line as its users do. Scripts find the
// shipped environments and code in $PROJECT.
func TestScript(t *testing.T) {
	project, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PROJECT", project)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits CODE COMMAND... runs a command and wants exactly that exit code:
// `! exec` accepts any failure.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		if _, scanErr := fmt.Sscanf(err.Error(), "exit status %d", &got); scanErr != nil {
			ts.Fatalf("%v", err)
		}
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
