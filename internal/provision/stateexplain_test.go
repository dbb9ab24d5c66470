package provision

import (
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/state"
	"infra/internal/terraform"
)

func plan(changes ...guard.Change) terraform.Plan { return terraform.Plan{Changes: changes} }

func change(action guard.Action, address string) guard.Change {
	kind, _, _ := strings.Cut(address[strings.LastIndex(address, "aws_"):], ".")
	return guard.Change{Address: address, Type: kind, Action: action}
}

func TestExplanations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		explain explainer
		change  StateChange
		want    []string // each in one of the sentences, in order
		not     string
	}{
		"an edit that changes nothing": {
			explainEdit, StateChange{Known: true}, []string{"The next apply would change nothing"}, "",
		},
		"an edit that leaves the plan as it was": {
			explainEdit,
			StateChange{Known: true, Before: plan(change(guard.Update, "aws_eip.a")), After: plan(change(guard.Update, "aws_eip.a"))},
			[]string{"the same as with the state as it is"},
			"aws_eip.a",
		},
		"an edit that loses a bucket": {
			explainEdit,
			StateChange{Known: true, After: plan(change(guard.Create, "aws_s3_bucket.a"), change(guard.Delete, "aws_s3_bucket.b"))},
			[]string{"aws_s3_bucket.b: would now be destroyed", "aws_s3_bucket.a: would now be created", "--allow-destroy"},
			"",
		},
		"an edit that mends": {
			explainEdit,
			StateChange{Known: true, Before: plan(change(guard.Replace, "aws_eip.a"))},
			[]string{"aws_eip.a: would no longer be replaced", "would change nothing"},
			"",
		},
		"a move that the code does not follow": {
			explainMove("aws_eip.a", "aws_eip.b"),
			StateChange{Known: true, After: plan(change(guard.Create, "aws_eip.a[0]"), change(guard.Delete, "aws_eip.b[0]"))},
			[]string{"aws_eip.b[0]: would now be destroyed", "aws_eip.a[0]: would now be created", "The code still has aws_eip.a and not aws_eip.b"},
			"",
		},
		"a move that the code follows": {
			explainMove("aws_eip.a", "aws_eip.b"),
			StateChange{Known: true, Before: plan(change(guard.Delete, "aws_eip.a"), change(guard.Create, "aws_eip.b"))},
			[]string{"aws_eip.a: would no longer be destroyed", "aws_eip.b: would no longer be created", "would change nothing"},
			"The code still has",
		},
		"something forgotten that the code has": {
			explainRemove("prod"),
			StateChange{Known: true, After: plan(change(guard.Create, `aws_eip.a["x"]`)), Differences: []state.Difference{{Address: `aws_eip.a["x"]`, Action: "removed"}}},
			[]string{"stays in the cloud", `infra state import prod 'aws_eip.a["x"]' ID`, "would now be created"},
			"",
		},
		"something forgotten that the code no longer has": {
			explainRemove("prod"),
			StateChange{Known: true, Before: plan(change(guard.Delete, "aws_eip.a")), Differences: []state.Difference{{Address: "aws_eip.a", Action: "removed"}}},
			[]string{"stays in the cloud", "would no longer be destroyed", "would change nothing"},
			"infra state import",
		},
		"an import that would be destroyed": {
			explainImport("aws_eip.a"),
			StateChange{Known: true, Before: plan(change(guard.Create, "aws_eip.a")), After: plan(change(guard.Replace, "aws_eip.a"))},
			[]string{"Is it the right one?", "would now be destroyed and made anew", "no longer be created"},
			"",
		},
		"an import that differs": {
			explainImport("aws_eip.a"),
			StateChange{Known: true, Before: plan(change(guard.Create, "aws_eip.a")), After: plan(change(guard.Update, "aws_eip.a"))},
			[]string{"differs from the code"},
			"",
		},
		"an import that fits": {
			explainImport("aws_eip.a"),
			StateChange{Known: true, Before: plan(change(guard.Create, "aws_eip.a"))},
			[]string{"as the code says", "would change nothing"},
			"",
		},
		"a restore over nothing": {
			explainRestore,
			StateChange{After: plan(change(guard.Update, "aws_eip.a"))},
			[]string{"no state that could be read", "aws_eip.a: would now be changed"},
			"",
		},
		"a restore that forgets": {
			explainRestore,
			StateChange{Known: true, Differences: []state.Difference{{Address: "aws_eip.a", Action: "removed"}, {Address: "aws_eip.b", Action: "changed"}}},
			[]string{"lacks 1 resource of the state as it is"},
			"",
		},
		"many": {
			explainEdit,
			StateChange{Known: true, After: plan(
				change(guard.Create, "aws_eip.a"), change(guard.Create, "aws_eip.b"), change(guard.Create, "aws_eip.c"),
				change(guard.Create, "aws_eip.d"), change(guard.Create, "aws_eip.e"), change(guard.Create, "aws_eip.f"), change(guard.Create, "aws_eip.g"))},
			[]string{"aws_eip.e and 2 more: would now be created"},
			"aws_eip.f",
		},
	} {
		text := strings.Join(c.explain(c.change), "\n")
		rest := text
		for _, want := range c.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s: no %q, in its place, in\n%s", name, want, text)
			}
			rest = after
		}
		if c.not != "" && strings.Contains(text, c.not) {
			t.Errorf("%s: %q in\n%s", name, c.not, text)
		}
	}
}

func TestImporter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		products []string
		address  string
		want     string
		code     fault.Code
	}{
		{nil, "module.vpc.aws_vpc.this", "pipeline", fault.OK},
		{nil, `module.emr["blue"].aws_emr_cluster.this`, "pipeline", fault.OK},
		{[]string{"baseline"}, "aws_sns_topic.alerts", "baseline", fault.OK},
		{nil, "aws_sns_topic.alerts", "", fault.Usage},
		{nil, "module.none.aws_vpc.this", "", fault.Usage},
		{[]string{"baselin"}, "aws_sns_topic.alerts", "", fault.Usage},
	} {
		got, err := Importer(c.products, c.address)
		if got != c.want || fault.CodeOf(err) != c.code || (err != nil && fault.HintOf(err) == "") {
			t.Errorf("%v %s: %q, %v", c.products, c.address, got, err)
		}
	}
}
