package postgresql

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/inventory"
)

func TestPlanReplace(t *testing.T) {
	healthy := []string{"primary", "standby", "witness"}
	tests := []struct {
		name, node string
		files      []string
		change     func(nodes []Node)
		want       string
	}{
		{"a standby that is well", "postgresql-2", healthy, nil, ""},
		{"a standby whose host is silent", "postgresql-2", []string{"primary", "", "witness"}, nil, ""},
		{"a standby whose instance is gone", "postgresql-2", []string{"primary", "", "witness"}, func(n []Node) { n[1].Instance = "gone" }, ""},
		{"the primary", "postgresql-1", healthy, nil, "it is the primary"},
		{"the witness", "postgresql-witness", healthy, nil, "holds no data"},
		{"nobody to copy from", "postgresql-2", []string{"", "standby-alone", "witness"}, nil, "no one primary"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n, err := PlanReplace(overviewOf(t, test.change, test.files...), test.node)
			wantRefusal(t, err, test.want)
			if n.Name != test.node {
				t.Errorf("it is %q", n.Name)
			}
		})
	}
	if _, err := PlanReplace(overviewOf(t, nil, healthy...), "elsewhere"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an unknown node: %v", err)
	}
}

// TestJudgeReplacements wants the command to type for a node that has given
// up, until it is a standby again.
func TestJudgeReplacements(t *testing.T) {
	for _, test := range []struct {
		events []string
		want   bool
	}{
		{[]string{"agent_started"}, false},
		{[]string{"rejoin_failed", "replacement_wanted", "rejoin_view"}, true},
		{[]string{"replacement_wanted", "rejoined"}, false},
		{[]string{"replacement_wanted", "rejoin_finished"}, false},
		{[]string{"rejoined", "rejoin_finished", "replacement_wanted"}, true},
	} {
		o := overviewOf(t, func(n []Node) {
			n[1].Agent = &Agent{Running: true}
			for _, name := range test.events {
				n[1].Agent.Events = append(n[1].Agent.Events, Event{Name: name, Fields: json.RawMessage(`{}`)})
			}
		}, "primary", "standby", "witness")
		o.judgeReplacements()
		found := slices.ContainsFunc(o.Problems, func(p string) bool {
			return strings.Contains(p, "infra pg rejoin test postgresql-2 --replace")
		})
		if found != test.want {
			t.Errorf("%v: %q", test.events, o.Problems)
		}
	}
}

// TestReplaceWaits replaces a node that streams at the third look only, and
// one whose machine cannot be made.
func TestReplaceWaits(t *testing.T) {
	o := overviewOf(t, nil, "primary", "standby", "witness")
	n := o.Nodes[1]
	w := Work{Tell: func(Step) {}, Touched: func(inventory.Host, string) {}}
	looks := 0
	done, err := Replace(t.Context(), w, n, func(context.Context) error { return nil }, func(context.Context) (Status, error) {
		looks++
		s := Status{Nodes: slices.Clone(o.Nodes)}
		s.Nodes[1].Role, s.Nodes[1].Streaming, s.Nodes[1].Timeline, s.Nodes[1].Follows = Standby, looks == 3, s.Nodes[0].Timeline, "postgresql-1"
		return s, nil
	})
	if err != nil || looks != 3 || done.To != "postgresql-2" || len(done.Steps) != 3 {
		t.Errorf("%+v after %d looks: %v", done, looks, err)
	}
	broken := errors.New("no capacity")
	_, err = Replace(t.Context(), w, n, func(context.Context) error { return broken }, nil)
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
