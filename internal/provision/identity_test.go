package provision

import (
	"testing"

	"infra/internal/guard"
	"infra/internal/stack"
	"infra/internal/terraform"
)

func TestPlansHosts(t *testing.T) {
	t.Parallel()
	change := func(kind string, action guard.Action) guard.Change { return guard.Change{Type: kind, Action: action} }
	for name, c := range map[string]struct {
		product string
		now     int
		changes []guard.Change
		want    int
	}{
		"as they are":       {platformProduct, 3, nil, 3},
		"none":              {platformProduct, 0, nil, 0},
		"the first":         {platformProduct, 0, []guard.Change{change("aws_instance", guard.Create), change("aws_vpc", guard.Create)}, 1},
		"replaced":          {platformProduct, 1, []guard.Change{change("aws_instance", guard.Replace)}, 1},
		"the last":          {platformProduct, 1, []guard.Change{change("aws_instance", guard.Delete), change("aws_vpc", guard.Delete)}, 0},
		"forgotten":         {platformProduct, 2, []guard.Change{change("aws_instance", guard.Forget)}, 1},
		"another product's": {"baseline", 3, nil, 0},
	} {
		plans := &Plans{Stacks: []*StackPlan{{Stack: stack.Stack{Product: c.product}, Plan: terraform.Plan{Changes: c.changes}}}}
		if got := plans.hosts(c.now); got != c.want {
			t.Errorf("%s: %d hosts, want %d", name, got, c.want)
		}
	}
}
