package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"infra/internal/cli"
	"infra/internal/fault"
)

func TestReadmeHasTheExitCodes(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (.+) \|$`).FindAllStringSubmatch(content(t, "../../README.md"), -1)
	if len(rows) != 9 {
		t.Fatalf("%d exit codes in the README, want 9", len(rows))
	}
	for _, row := range rows {
		code, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		want := strings.SplitN(fault.Code(code).Meaning(), ":", 2)[0]
		if got := strings.TrimPrefix(row[2], "`plan`, `drift` and `diff`: "); !strings.HasPrefix(got, want) {
			t.Errorf("exit code %d is %q in the README, %q in the program", code, got, want)
		}
	}
}

// TestHelpIsWhole wants an example and exit codes in the help of every
// command.
func TestHelpIsWhole(t *testing.T) {
	for _, command := range cli.Commands() {
		help := cli.Help(strings.Fields(command)...)
		for _, want := range []string{"Examples:", "Exit codes:"} {
			if !strings.Contains(help, want) {
				t.Errorf("the help of `infra %s` has no %q", command, want)
			}
		}
	}
}
