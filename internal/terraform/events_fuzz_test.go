package terraform

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"infra/internal/fault"
	"infra/internal/guard"
)

// decode feeds a decoder in two pieces.
func decode(t *testing.T, stream []byte, cut int) (*decoder, []Progress) {
	t.Helper()
	var progress []Progress
	d := &decoder{progress: func(p Progress) { progress = append(progress, p) }}
	for _, piece := range [][]byte{stream[:cut], stream[cut:]} {
		if n, err := d.Write(piece); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	return d, progress
}

// FuzzEvents holds for anything that Terraform, a provider or a broken pipe
// puts into the event stream: no panic; where the stream was torn makes no
// difference; a plan whose events are complete has shown the guard every
// deletion that Terraform counts; and no string in a deletion talks the guard
// out of refusing it. testdata holds streams of Terraform 1.11.4.
// `go test -fuzz FuzzEvents ./internal/terraform`
func FuzzEvents(f *testing.F) {
	streams, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(streams) < 4 {
		f.Fatalf("streams: %v, %v", streams, err)
	}
	for _, path := range streams {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, uint16(len(text)/2), "aws_ebs_volume.data", "delete", "")
	}
	for _, text := range []string{
		stream,
		"{}\n[]\nnull\n\n{\"type\":5}\n{\"type\":\"diagnostic\"}\n{\"type\":\"planned_change\"}\n",
		`{"type":"change_summary","changes":null}` + "\n" + `{"type":"outputs","outputs":{"a":null}}` + "\n",
		`{"type":"planned_change","change":{"action":"delete","resource":{"addr":7}}}` + "\n" + `{"type":"change_summary","changes":{"remove":1,"operation":"plan"}}` + "\n",
		"{\"type\":\"diagnostic\",\"diagnostic\":{\"severity\":\"error\",\"summary\":\"\\u001b[2J\xff\"}}\n",
	} {
		f.Add([]byte(text), uint16(7), "module.postgresql.aws_instance.this[\"a.b\"]", "replace", "cannot_update")
	}
	for _, address := range []string{"", "data", "data.", "aws_kms_key.x[\"\\\"]\"]", "module.a[\"module.b\"].aws_s3_bucket.c", "module.data.aws_db_instance.x", "$(id)", "x y"} {
		f.Add([]byte(nil), uint16(0), address, "delete", "delete_because_no_resource_config")
	}
	f.Fuzz(func(t *testing.T, text []byte, cut uint16, address, action, reason string) {
		d, progress := decode(t, text, int(cut)%(len(text)+1))
		whole, wholeProgress := decode(t, text, len(text))
		if !reflect.DeepEqual(d.changes, whole.changes) || !reflect.DeepEqual(d.errors, whole.errors) ||
			!reflect.DeepEqual(progress, wholeProgress) || d.done != whole.done || d.outputs != whole.outputs {
			t.Error("where a stream is torn makes a difference")
		}
		for _, diag := range append(d.errors, d.warnings...) {
			if !utf8.ValidString(diag.String()) || len(diag.String()) > 2*detailLimit+len(diag.Summary)+len(diag.Address)+rangeLength(diag) {
				t.Errorf("%q", diag.String())
			}
		}
		if d.complete() == nil {
			counted(t, d)
		}
		judged(t, address, action, reason)
	})
}

func rangeLength(diag diagnostic) int {
	if diag.Range == nil {
		return 20
	}
	return len(diag.Range.Filename) + 40
}

// counted wants the guard to see what Terraform counts.
func counted(t *testing.T, d *decoder) {
	t.Helper()
	gone := 0
	for _, c := range acting(d.changes) {
		if c.Action == guard.Delete || c.Action == guard.Replace {
			gone++
		}
	}
	if gone != d.summary.Remove {
		t.Errorf("Terraform destroys %d, the guard sees %d", d.summary.Remove, gone)
	}
}

// judged plants strings in the event of a change to a volume and asks the
// guard: what may destroy it is refused, unless exactly this address is
// allowed.
func judged(t *testing.T, address, action, reason string) {
	t.Helper()
	line, err := json.Marshal(map[string]any{"type": "planned_change", "change": map[string]any{
		"action": action, "reason": reason,
		"resource": map[string]string{"addr": address, "resource_type": "aws_ebs_volume"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := decode(t, fmt.Appendf(line, "\n"), 0)
	if len(d.changes) != 1 {
		t.Fatalf("%d changes in %s", len(d.changes), line)
	}
	changes := acting(d.changes)
	refusal := guard.Destroys(changes, nil)
	switch action {
	case "noop", "read", "create", "update", "move", "import", "forget", "remove":
		if refusal != nil {
			t.Errorf("%s of %q: %v", action, address, refusal)
		}
		return
	}
	if strings.HasPrefix(address, "data.") || strings.Contains(address, ".data.") {
		return // a data source holds nothing
	}
	if fault.CodeOf(refusal) != fault.Refused || fault.HintOf(refusal) == "" {
		t.Errorf("%q of the volume %q was not refused: %v", action, address, refusal)
	}
	if err := guard.Destroys(changes, []string{d.changes[0].Address}); err != nil {
		t.Errorf("%q of %q although it is allowed: %v", action, address, err)
	}
	if err := guard.Destroys(changes, []string{d.changes[0].Address + "x", "*", ""}); err == nil && address != "" && address != "*" {
		t.Errorf("%q of %q although another is allowed", action, address)
	}
}
