package guard

import (
	"fmt"
	"strings"
	"testing"

	"infra/internal/fault"
)

func TestApproved(t *testing.T) {
	t.Parallel()
	intent := func(effects ...Effect) Intent { return Intent{Effects: effects} }
	create, update := Effect{"a.x", Create, "1"}, Effect{"a.y", Update, "2"}
	for name, c := range map[string]struct {
		approved, fresh Intent
		says            string // empty: it is the same
	}{
		"nothing":                {intent(), intent(), ""},
		"the same":               {intent(create, update), intent(create, update), ""},
		"in another order":       {intent(update, create), intent(create, update), ""},
		"another value":          {intent(create, update), intent(create, Effect{"a.y", Update, "3"}), "s/e: a.y would update with other values than were approved"},
		"another action":         {intent(update), intent(Effect{"a.y", Replace, "2"}), "s/e: a.y was approved to update, and would replace"},
		"more":                   {intent(create), intent(create, update), "s/e: a.y would update, which nobody approved"},
		"less":                   {intent(create, update), intent(create), "s/e: a.y was approved to update, and would stay as it is"},
		"nothing was approved":   {intent(), intent(Effect{"output.z", Create, "1"}), "s/e: output.z would create, which nobody approved"},
		"twice the same address": {intent(create, Effect{"a.x", Delete, "9"}), intent(Effect{"a.x", Delete, "9"}, create), ""},
		"an object more":         {intent(create), intent(create, Effect{"a.x", Delete, "9"}), "s/e: a.x was approved to create, and would create and delete"},
		"neither was planned":    {Intent{Unplanned: "waits"}, Intent{Unplanned: "waits"}, ""},
		"it was not planned":     {Intent{Unplanned: "it waits"}, intent(create), "s/e: nobody has approved a plan of it: it waits"},
		"it cannot be planned":   {intent(create), Intent{Unplanned: "it waits"}, "s/e: it can no longer be planned: it waits"},
		"a name that colours":    {intent(Effect{"a.\x1b[31m", Create, "1"}), intent(), `a.\u001b[31m was approved`},
	} {
		err := Approved([]Approval{{"s/same", intent(create), intent(create)}, {"s/e", c.approved, c.fresh}})
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says != "" && (fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "s/same")):
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	var many []Effect
	for i := range 13 {
		many = append(many, Effect{fmt.Sprintf("a.n%02d", i), Create, "1"})
	}
	if err := Approved([]Approval{{"s/e", intent(), intent(many...)}}); err == nil || !strings.Contains(err.Error(), "a.n09") || strings.Contains(err.Error(), "a.n10") || !strings.Contains(err.Error(), "and 3 more") {
		t.Errorf("of many: %v", err)
	}
}
