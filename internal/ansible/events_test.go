package ansible

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// testdata/events.jsonl was captured from ansible-core 2.19 with the
// ansible.posix.jsonl callback: four hosts, one of them out of reach, a loop
// that fails on another.
func replay(t *testing.T) (*Result, *listener) {
	t.Helper()
	data, err := os.ReadFile("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	res := &Result{}
	l := &listener{result: res, progress: func(Progress) {}, begun: map[string]bool{}}
	if err := l.read(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	res.settle(l.inFlight(nil))
	return res, l
}

func TestEvents(t *testing.T) {
	res, _ := replay(t)
	if len(res.Recaps) != 4 {
		t.Fatalf("recaps of %d hosts, want 4", len(res.Recaps))
	}
	if got := res.Recaps["i-001"]; got.OK != 2 || got.Changed != 1 || got.Skipped != 2 {
		t.Errorf("recap of i-001 is %+v", got)
	}
	if got := res.Changed(); got != 3 {
		t.Errorf("%d changed tasks, want 3", got)
	}
	if len(res.Changes) != 3 || res.Changes[0].Task != "Change something" {
		t.Errorf("changes are %+v", res.Changes)
	}
	if len(res.Failures) != 2 {
		t.Fatalf("failures are %+v", res.Failures)
	}
}

func TestProblemNamesHostTaskAndMessage(t *testing.T) {
	res, _ := replay(t)
	names := map[string]string{"i-002": "zookeeper-2", "i-003": "zookeeper-3", "i-009": "postgresql-1"}
	err := res.problem([]string{"i-001", "i-009"}, func(id string) string { return names[id] })
	if err == nil {
		t.Fatal("no problem was found")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{
		`postgresql-1: was never reached by the playbook`,
		`zookeeper-2: task "Loop" failed: non-zero return code`,
		`zookeeper-3: is unreachable: Task failed: Data could not be sent to remote host`,
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d is not %q in:\n%s", i, want, err)
		}
	}
}

func TestRescuedFailuresDoNotCount(t *testing.T) {
	res := &Result{
		Recaps:   map[string]Recap{"i-1": {OK: 3}, "i-2": {Failed: 1}},
		Failures: []Failure{{Host: "i-1", Task: "tried"}, {Host: "i-2", Task: "broke"}},
	}
	res.settle(nil)
	if len(res.Failures) != 1 || res.Failures[0].Host != "i-2" {
		t.Errorf("kept %+v", res.Failures)
	}
}

func TestReasonOnStandardOutput(t *testing.T) {
	for _, test := range []struct {
		result hostResult
		want   string
	}{
		{hostResult{Message: []byte(`"non-zero return code"`), Stdout: "Starting\nLock could not be acquired\n"}, "non-zero return code: Lock could not be acquired"},
		{hostResult{Message: []byte(`"non-zero return code"`), Stdout: "Starting\n", Stderr: "no such file"}, "non-zero return code: no such file"},
		{hostResult{Message: []byte(`"non-zero return code"`)}, "non-zero return code"},
	} {
		if got := test.result.text(); got != test.want {
			t.Errorf("%+v says %q, want %q", test.result, got, test.want)
		}
	}
}

func TestHiddenOutputStaysHidden(t *testing.T) {
	r := hostResult{Censored: "the output has been hidden", Message: []byte(`"password=hunter2"`)}
	if got := r.text(); strings.Contains(got, "hunter2") {
		t.Errorf("a censored result says %q", got)
	}
}

func TestComplaintLeavesWarningsOut(t *testing.T) {
	got := complaint([]string{"[WARNING]: old", "ERROR! no such playbook"})
	if got != "ERROR! no such playbook" {
		t.Errorf("complaint is %q", got)
	}
	if complaint(nil) == "" {
		t.Error("no complaint at all")
	}
}
