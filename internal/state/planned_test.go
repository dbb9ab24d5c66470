package state

import "testing"

// What a plan calls sensitive is masked, and so is what looks like a secret;
// that it differs is said all the same.
func TestPlanned(t *testing.T) {
	t.Parallel()
	before := map[string]any{"name": "a", "size": 1.0, "password": "old", "tags": map[string]any{"x": "1"}, "key": "k1", "list": []any{"a"}}
	after := map[string]any{"name": "a", "size": 2.0, "password": "new", "tags": map[string]any{}, "key": "k2", "list": []any{"a", "b"}}
	want := map[string]Difference{
		"size":     {Before: "1", After: "2"},
		"password": {Before: Masked, After: Masked, Sensitive: true},
		"tags":     {After: "{}"},
		"tags.x":   {Before: `"1"`},
		"key":      {Before: Masked, After: Masked, Sensitive: true},
		"list[1]":  {After: `"b"`},
	}
	got := Planned(before, after, map[string]any{"key": true}, false)
	for _, d := range got {
		w, ok := want[d.Path]
		if !ok || d.Before != w.Before || d.After != w.After || d.Sensitive != w.Sensitive {
			t.Errorf("%s: %+v, want %+v", d.Path, d, w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d differences, want %d", len(got), len(want))
	}
	if all := Planned(before, after, true); len(all) != len(want) || all[0].Before != "" && all[0].Before != Masked {
		t.Errorf("all is secret: %+v", all)
	}
	if same := Planned(before, before); len(same) > 0 {
		t.Errorf("it differs from itself: %+v", same)
	}
}
