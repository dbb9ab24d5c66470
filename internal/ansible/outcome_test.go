package ansible

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

func TestOutcomes(t *testing.T) {
	data, err := os.ReadFile("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var took time.Duration
	l := &listener{result: &Result{}, begun: map[string]bool{}, progress: func(p Progress) {
		if o := p.Outcome; o != nil {
			got = append(got, fmt.Sprintf("%s %s %s %v", o.Host, o.Task, o.Word, o.Message != ""))
			took = max(took, o.Took)
		}
	}}
	if err := l.read(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	t.Log(got)
	for _, want := range []string{"i-001 Change something changed false", "i-002 Loop failed true"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if !slices.ContainsFunc(got, func(o string) bool { return o[:5] == "i-003" && bytes.HasSuffix([]byte(o), []byte("unreachable true")) }) {
		t.Errorf("i-003 was out of reach: %q", got)
	}
	if took <= 0 || took > time.Hour {
		t.Errorf("the longest took %s", took)
	}
}
