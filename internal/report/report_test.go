package report

import (
	"strings"
	"testing"
	"time"

	"infra/internal/ansible"
	"infra/internal/guard"
	"infra/internal/provision"
	"infra/internal/stack"
	"infra/internal/terraform"
)

func plans() *provision.Plans {
	create := make([]guard.Change, 0, createsShown+3)
	for range createsShown + 3 {
		create = append(create, guard.Change{Address: "aws_vpc.new", Action: guard.Create})
	}
	return &provision.Plans{Stacks: []*provision.StackPlan{
		{Stack: stack.Stack{Product: "baseline", Environment: "prod"}, Plan: terraform.Plan{
			File: "x", Drift: []guard.Change{{Address: "aws_sns_topic.a", Action: guard.Update}},
			Changes: append(create, guard.Change{Address: "aws_ebs_volume.data", Type: "aws_ebs_volume", Action: guard.Replace, Reason: "cannot_update"},
				guard.Change{Address: "aws_eip.old", Action: guard.Delete}),
		}},
		{Stack: stack.Stack{Product: "pipeline", Environment: "prod"}, Deferred: "it reads the outputs of baseline/prod"},
	}}
}

func TestPlanTextShowsDestroysFirst(t *testing.T) {
	text := PlanText(plans(), false)
	order := []string{"baseline/prod: 15 to create, 1 to replace, 1 to delete", "- aws_eip.old", "± aws_ebs_volume.data (cannot update)", "+ aws_vpc.new", "and 3 more to create", "pipeline/prod: deferred: it reads"}
	at := 0
	for _, want := range order {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("%q is missing, or out of order, in\n%s", want, text)
		}
		at += i
	}
	if strings.Contains(text, "aws_sns_topic.a") {
		t.Error("drift is shown without being asked for")
	}
	if all := PlanText(plans(), true); strings.Count(all, "+ aws_vpc.new") != createsShown+3 || !strings.Contains(all, "! aws_sns_topic.a") {
		t.Errorf("not all is shown:\n%s", all)
	}
}

func TestPlanDocument(t *testing.T) {
	doc := Plan("prod", plans(), provision.Kept{})
	if doc.Schema != "infra/plan/v1" || !doc.Differences || len(doc.Stacks) != 2 || len(doc.Stacks[0].Changes) != createsShown+5 || doc.Stacks[1].Changes == nil {
		t.Errorf("document is %+v", doc)
	}
}

func TestRun(t *testing.T) {
	started := time.Now().Add(-75 * time.Second)
	nothing := Run("apply", "prod", "id", started, []provision.StackResult{{}}, ansible.Result{Recaps: map[string]ansible.Recap{"i-1": {OK: 3}}})
	if nothing.Changed || RunText(nothing) != "apply of prod: nothing changed (1m15s).\n" {
		t.Errorf("an unchanged run says %q", RunText(nothing))
	}
	some := Run("apply", "prod", "id", started, []provision.StackResult{{Applied: 2}}, ansible.Result{
		Recaps:  map[string]ansible.Recap{"i-2": {Changed: 1}, "i-1": {}},
		Changes: []ansible.Change{{Host: "i-2", Task: "write"}, {Host: "i-1", Task: "write"}},
	})
	if want := "apply of prod: done in 1m15s, 2 resources, 1 changes on 2 hosts.\n  changed on hosts: write\n"; RunText(some) != want {
		t.Errorf("a run says %q, want %q", RunText(some), want)
	}
	if some.Hosts[0].ID != "i-1" {
		t.Error("hosts are not in order")
	}
}
