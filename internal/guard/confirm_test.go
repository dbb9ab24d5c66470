package guard_test

import (
	"testing"

	"infra/internal/guard"
)

func TestTyped(t *testing.T) {
	for _, c := range []struct {
		typed string
		says  []string
	}{
		{"prod", nil},
		{" prod\n", nil},
		{"", []string{"nothing was typed, not the environment's name"}},
		{"yes", []string{"yes was typed, not the environment's name"}},
		{"Prod", []string{"Prod was typed"}},
		{"prod prod", []string{"prod prod was typed"}},
		{"\x1b[A", []string{`\u001b[A was typed`}},
	} {
		check(t, guard.Typed("prod", c.typed), c.says, "type prod")
	}
	check(t, guard.Typed("", ""), []string{"nothing was typed"}, "")
}

func TestNeedsName(t *testing.T) {
	destroys := []guard.Change{{Address: "aws_iam_role.x", Action: guard.Create}, {Address: "aws_iam_role.y", Action: guard.Delete}}
	for _, c := range []struct {
		protected bool
		changes   []guard.Change
		want      bool
	}{
		{false, destroys, false},
		{true, destroys, true},
		{true, destroys[:1], false},
		{true, nil, false},
	} {
		if got := guard.NeedsName(c.protected, c.changes); got != c.want {
			t.Errorf("protected %v, %d changes: %v", c.protected, len(c.changes), got)
		}
	}
}
