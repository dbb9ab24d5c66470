package terraform

import (
	"encoding/json"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"

	"infra/internal/guard"
)

// planOf reads a plan as Terraform prints it.
func planOf(t *testing.T, changes, outputs string) []guard.Effect {
	t.Helper()
	var plan tfjson.Plan
	plan.UseJSONNumber(true)
	if err := json.Unmarshal([]byte(`{"format_version":"1.2","resource_changes":[`+changes+`],"output_changes":{`+outputs+`}}`), &plan); err != nil {
		t.Fatal(err)
	}
	found, err := effects(&plan)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// grown is one resource of such a plan, an update of its key in the shape that
// a database has: one value changes, one is secret, one is known later.
const grown = `{"address":"a.b","mode":"managed","type":"a","name":"b","provider_name":"p","change":{"actions":["update"],` +
	`"before":{"size":20,"password":"old","restorable":"10:00","tags":{"x":"1"}},"after":{"size":30,"password":"new","restorable":"10:00","tags":{"x":"1"}},` +
	`"after_unknown":{"arn":true,"tags":{}},"before_sensitive":{"password":true},"after_sensitive":{"password":true}}}`

func TestEffectsDiffer(t *testing.T) {
	t.Parallel()
	const output = `"o":{"actions":["update"],"before":"a","after":"b","after_unknown":false,"before_sensitive":false,"after_sensitive":false}`
	approval := func(fresh []guard.Effect) error {
		return guard.Approved([]guard.Approval{{Stack: "s/e", Approved: guard.Intent{Effects: planOf(t, grown, output)}, Fresh: guard.Intent{Effects: fresh}}})
	}
	for _, c := range []struct{ name, old, now, says string }{
		{"nothing", "", "", ""},
		{"a value that stays is another", `10:00`, `10:05`, ""},
		{"the order of keys", `"size":30,"password":"new"`, `"password":"new","size":30`, ""},
		{"a value", `"size":30`, `"size":31`, "a.b would update with other values"},
		{"a number beyond what a fraction holds", `"size":30`, `"size":30.00000000000000000001`, "a.b would update"},
		{"where it comes from", `"size":20`, `"size":21`, "a.b would update with other values"},
		{"a secret", `"new"`, `"evil"`, "a.b would update with other values"},
		{"a value more", `"after":{`, `"after":{"public":true,`, "a.b would update"},
		{"what is known", `"arn":true`, `"arn":false`, "a.b would update"},
		{"what is secret", `"after_sensitive":{"password":true}`, `"after_sensitive":{}`, "a.b would update"},
		{"the action", `"actions":["update"]`, `"actions":["delete","create"]`, "a.b was approved to update, and would replace"},
		{"the address", `"address":"a.b"`, `"address":"a.c"`, "a.c would update, which nobody approved"},
		{"a move", `"address":"a.b"`, `"address":"a.b","previous_address":"a.x"`, "a.b would update with other"},
		{"the provider", `"provider_name":"p"`, `"provider_name":"q"`, "a.b would update"},
		{"why it is replaced", `"after_unknown"`, `"replace_paths":[["size"]],"after_unknown"`, "a.b would update"},
		{"an import", `"after_unknown"`, `"importing":{"id":"i-1"},"after_unknown"`, "a.b would update"},
		{"an object to delete", `"address":"a.b"`, `"address":"a.b","deposed":"1234"`, "a.b would update"},
	} {
		if !strings.Contains(grown, c.old) {
			t.Fatalf("%s: there is no %s", c.name, c.old)
		}
		err := approval(planOf(t, strings.ReplaceAll(grown, c.old, c.now), output))
		if (c.says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "evil") || strings.Contains(err.Error(), "new\"")) {
			t.Errorf("%s: a secret is told: %v", c.name, err)
		}
	}
	if err := approval(planOf(t, grown, strings.Replace(output, `"b"`, `"c"`, 1))); err == nil || !strings.Contains(err.Error(), "output.o would update") {
		t.Errorf("an output: %v", err)
	}
	if err := approval(planOf(t, grown, "")); err == nil || !strings.Contains(err.Error(), "output.o was approved to update") {
		t.Errorf("an output less: %v", err)
	}
}

func TestEffectsLeaveOutWhatDoesNothing(t *testing.T) {
	t.Parallel()
	still := strings.Replace(grown, `["update"]`, `["no-op"]`, 1)
	if got := planOf(t, still, `"o":{"actions":["no-op"],"before":1,"after":1}`); len(got) != 0 {
		t.Errorf("of what does nothing: %+v", got)
	}
	got := planOf(t, strings.Join([]string{
		strings.Replace(still, `"address":"a.b"`, `"address":"a.moved","previous_address":"a.b"`, 1),
		strings.Replace(still, `"after_unknown"`, `"importing":{"id":"i-1"},"after_unknown"`, 1),
		strings.Replace(grown, `["update"]`, `["create","delete"]`, 1),
		strings.Replace(grown, `["update"]`, `["read"]`, 1),
		strings.Replace(grown, `["update"]`, `["forget"]`, 1),
	}, ","), "")
	var actions []string
	for _, e := range got {
		actions = append(actions, string(e.Action))
	}
	if want := "move import replace read forget"; strings.Join(actions, " ") != want {
		t.Errorf("the actions are %v, want %s", actions, want)
	}
	if _, err := effects(&tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{{Address: "a.b"}}}); err == nil {
		t.Error("a resource without a change was taken")
	}
}
