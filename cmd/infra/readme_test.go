package main

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"infra/internal/cli"
	"infra/internal/fault"
)

// TestReadmeNamesRealCommands asks the program for the help of every command
// that the README shows, with every flag that stands there.
func TestReadmeNamesRealCommands(t *testing.T) {
	readme := read(t)
	seen := map[string]bool{}
	for _, found := range regexp.MustCompile("(?m)(?:^|`)(?:bin/)?infra ([a-z][^`#\n]*)").FindAllStringSubmatch(readme, -1) {
		words := strings.Fields(found[1])
		verb := words[0]
		if verb == "help" {
			continue
		}
		if slices.Contains([]string{"ci", "emr", "env", "fleet", "image", "pg", "sandbox", "snapshot", "state", "zk"}, verb) && len(words) > 1 {
			verb += " " + words[1]
		}
		help := cli.Help(strings.Fields(verb)...)
		if help == "" {
			t.Errorf("the README shows `infra %s`, which does not exist", verb)
			continue
		}
		seen[words[0]] = true
		for _, word := range words {
			if strings.HasPrefix(word, "--") && !strings.Contains(help, word) {
				t.Errorf("the README shows `infra %s` with %s, which its help does not know", verb, word)
			}
		}
	}
	if len(seen) < 8 {
		t.Errorf("only %d commands were found in the README", len(seen))
	}
}

func TestReadmeHasTheExitCodes(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (.+) \|$`).FindAllStringSubmatch(read(t), -1)
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

func read(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
