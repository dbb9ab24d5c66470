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

func TestConfirmed(t *testing.T) {
	for _, c := range []struct {
		name                     string
		protected, auto, destroy bool
		confirm                  string
		want                     guard.Need
		says                     []string
	}{
		{name: "apply", want: guard.NeedYes},
		{name: "apply --auto-approve", auto: true, want: guard.NeedNothing},
		{name: "apply --confirm prod", confirm: "prod", want: guard.NeedNothing},
		{name: "apply --confirm staging", confirm: "staging", says: []string{"staging was typed, not the environment's name"}},
		{name: "apply --auto-approve --confirm staging", auto: true, confirm: "staging", says: []string{"staging was typed"}},
		{name: "protected apply", protected: true, want: guard.NeedName},
		{name: "protected apply --auto-approve", protected: true, auto: true, want: guard.NeedName},
		{name: "protected apply --confirm prod", protected: true, confirm: "prod", want: guard.NeedNothing},
		{name: "protected apply --auto-approve --confirm prod", protected: true, auto: true, confirm: "prod", want: guard.NeedNothing},
		{name: "protected apply --confirm Prod", protected: true, confirm: "Prod", says: []string{"Prod was typed"}},
		{name: "destroy", destroy: true, want: guard.NeedName},
		{name: "destroy --auto-approve", destroy: true, auto: true, want: guard.NeedName},
		{name: "destroy --confirm prod", destroy: true, confirm: "prod", want: guard.NeedNothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guard.Confirmed("prod", c.protected, c.auto, c.confirm, c.destroy)
			check(t, err, c.says, "type prod")
			if err == nil && got != c.want {
				t.Errorf("needs %d, want %d", got, c.want)
			}
		})
	}
}
