package report

import (
	"fmt"
	"strings"
	"testing"

	"infra/internal/guard"
	"infra/internal/provision"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
)

func TestStateChangeText(t *testing.T) {
	t.Parallel()
	c := provision.StateChange{
		Stack: stack.Stack{Product: "pipeline", Environment: "prod"}, Verb: "rm", Known: true, From: 7, To: 8,
		Differences: []state.Difference{
			{Address: "aws_eip.a", Action: "removed"},
			{Address: "aws_eip.b", Action: "changed", Path: state.Dependencies, Before: `["aws_eip.a"]`},
		},
		After:       terraform.Plan{Changes: []guard.Change{{Address: "aws_eip.a", Type: "aws_eip", Action: guard.Create}}},
		Explanation: []string{"aws_eip.a: stays in the cloud."},
	}
	want := `
pipeline/prod: state rm, serial 7 -> 8
  - aws_eip.a
  and 1 more (--verbose lists them)

plan with the state as it is: no changes

plan with the new state: 1 to create
  + aws_eip.a

what that means:
  - aws_eip.a: stays in the cloud.
`
	if got := StateChangeText(c, false); got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
	if got := StateChangeText(c, true); !strings.Contains(got, "aws_eip.b (dependencies)") {
		t.Errorf("with everything it is\n%s", got)
	}
	c.Known, c.Differences = false, nil
	for i := range 50 {
		c.Differences = append(c.Differences, state.Difference{Address: fmt.Sprintf("aws_eip.n%d", i), Action: "added"})
	}
	got := StateChangeText(c, false)
	if strings.Contains(got, "as it is") || !strings.Contains(got, "and 10 more") || !strings.Contains(got, "in place of what cannot be read") {
		t.Errorf("without a state that can be read it is\n%s", got)
	}
}

func TestStateChanged(t *testing.T) {
	t.Parallel()
	doc := StateChanged("run-1", &provision.StateResult{
		Change: provision.StateChange{Stack: stack.Stack{Product: "pipeline", Environment: "prod"}, Verb: "edit"},
		Now:    &state.State{Serial: 8, VersionID: "v"},
	})
	if doc.Schema != "infra/state-change/v1" || doc.Was != nil || doc.Now.Serial != 8 || doc.Differences == nil || doc.Before == nil || doc.After == nil {
		t.Errorf("the document is %+v", doc)
	}
}
