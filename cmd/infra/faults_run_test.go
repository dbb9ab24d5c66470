package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// fuzzTime is how long each fuzz target looks for an input that breaks it.
	fuzzTime = "30s"
	// manyKills is how often a run is killed in earnest; `make test` does it a
	// few times only.
	manyKills = "50"
)

// outcomes is how the tests of the table went: by their full names, in
// go test's words (pass, fail, skip) and seconds.
type outcomes map[string]outcome

type outcome struct {
	word    string
	seconds float64
}

// TestFaults runs every test that the table of faults names, package by
// package, and prints the table row by row: `make faults`. INFRA_FAULTS is
// "all", or the numbers of some rows.
func TestFaults(t *testing.T) {
	wanted := strings.Fields(os.Getenv("INFRA_FAULTS"))
	if len(wanted) == 0 {
		t.Skip("run by `make faults` only")
	}
	started := time.Now()
	rows, err := readFaults()
	if err != nil {
		t.Fatal(err)
	}
	rows = slices.DeleteFunc(rows, func(row faultRow) bool {
		return wanted[0] != "all" && !slices.Contains(wanted, strconv.Itoa(row.number))
	})
	if len(rows) == 0 {
		t.Fatalf("there are no rows %v", wanted)
	}
	logs, err := filepath.Abs("../../.infra/faults")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	packages := map[string][]string{}
	fuzzed := map[string]faultTest{}
	for _, row := range rows {
		for _, test := range row.tests {
			packages[test.folder] = append(packages[test.folder], test.name)
			if strings.HasPrefix(test.name, "Fuzz") {
				fuzzed[test.folder+" "+test.name] = test
			}
		}
	}
	results := outcomes{}
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		names := slices.Compact(slices.Sorted(slices.Values(packages[folder])))
		results.run(t, logs, folder, "-run", "^("+strings.Join(names, "|")+")$")
	}
	for _, name := range slices.Sorted(maps.Keys(fuzzed)) {
		test := fuzzed[name]
		before := results[test.String()]
		results.run(t, logs, test.folder, "-run", "^$", "-fuzz", "^"+test.name+"$", "-fuzztime", fuzzTime, "-fuzzminimizetime", "20x")
		if before.word != "pass" { // its seeds alone have failed
			results[test.String()] = before
		}
	}
	failed := results.print(os.Stdout, rows, len(fuzzed), time.Since(started))
	if failed > 0 {
		t.Fatalf("%d rows failed; the logs are in .infra/faults", failed)
	}
}

// event is one line of `go test -json`.
type testEvent struct {
	Action  string
	Test    string
	Output  string
	Elapsed float64
}

// run runs tests of one package and takes over how each went. What they print
// goes to a log; the lines of the kill suite are shown as they come.
func (o outcomes) run(t *testing.T, logs, folder string, args ...string) {
	t.Helper()
	_, _ = fmt.Fprintf(os.Stdout, "== %s %s\n", folder, strings.Join(args[max(0, len(args)-6):], " "))
	log, err := os.OpenFile(filepath.Join(logs, strings.ReplaceAll(folder, "/", "-")+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"test", "-json", "-count=1", "-timeout", "6h"}, args...), "./"+folder)...)
	cmd.Dir = "../.."
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "INFRA_FAULTS=") }), "KILLS="+cmp.Or(os.Getenv("KILLS"), manyKills))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o.read(t, folder, stdout, log)
	// What failed is among the outcomes; a package that does not build has none.
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func (o outcomes) read(t *testing.T, folder string, stdout io.Reader, log io.Writer) {
	t.Helper()
	var said []string
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e testEvent
		if json.Unmarshal(bytes.TrimSpace(lines.Bytes()), &e) != nil {
			continue
		}
		switch e.Action {
		case "output":
			_, _ = io.WriteString(log, e.Output)
			if said = append(said, e.Output); len(said) > 60 {
				said = said[1:]
			}
			if strings.HasPrefix(e.Output, "kill ") {
				_, _ = os.Stdout.WriteString("   " + e.Output)
			}
		case "pass", "fail", "skip":
			if e.Test == "" {
				if e.Action == "fail" {
					_, _ = fmt.Fprintf(os.Stdout, "%s\n%s: FAILED\n", strings.Join(said, ""), folder)
				}
				continue
			}
			o[folder+" "+e.Test] = outcome{word: e.Action, seconds: e.Elapsed}
		}
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}

// of is how a test went; of subtests that begin alike, the worst. A test that
// is in no outcome did not run.
func (o outcomes) of(test faultTest) outcome {
	if test.subtest == "" {
		if one, ran := o[test.String()]; ran {
			return one
		}
		return outcome{word: "did not run"}
	}
	all := outcome{word: "did not run"}
	for name, one := range o {
		if !strings.HasPrefix(name, test.String()) {
			continue
		}
		all.seconds += one.seconds
		if all.word == "did not run" || one.word != "pass" {
			all.word = one.word
		}
	}
	return all
}

// print writes the table and tells how many rows failed. A test that was
// skipped or did not run at all proves nothing.
func (o outcomes) print(w io.Writer, rows []faultRow, fuzzed int, took time.Duration) (failed int) {
	tests := map[string]bool{}
	_, _ = fmt.Fprintln(w)
	for _, row := range rows {
		word, seconds := "PASS", 0.0
		var broken []string
		for _, test := range row.tests {
			name := test.String()
			tests[name] = true
			one := o.of(test)
			seconds += one.seconds
			if one.word != "pass" {
				word = "FAIL"
				broken = append(broken, fmt.Sprintf("          %s: %s", name, one.word))
			}
		}
		_, _ = fmt.Fprintf(w, "%3d  %s %8.1f s  %s\n", row.number, word, seconds, row.text)
		if word == "FAIL" {
			failed++
			_, _ = fmt.Fprintln(w, strings.Join(broken, "\n"))
		}
	}
	_, _ = fmt.Fprintf(w, "%d rows, %d tests, %d fuzz targets of %s, %d rows failed, %s\n", len(rows), len(tests), fuzzed, fuzzTime, failed, took.Round(time.Second))
	return failed
}
