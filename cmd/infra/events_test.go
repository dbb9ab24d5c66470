package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"infra/internal/progress"
	"infra/internal/run"
)

// tinyThings are two, one after the other.
const tinyThings = `resource "terraform_data" "first" {
  input = "one"
}

resource "terraform_data" "second" {
  input = terraform_data.first.output
}
`

// An apply streams its events and ends with its document; the same events are
// its journal, beside the ledger, for any other machine.
func TestEvents(t *testing.T) {
	c := newCloud(t)
	c.tiny(t, tinyThings)
	stdout, stderr := c.run(t, 0, applyTiny("--output", "json")...)
	lines := strings.SplitAfter(strings.TrimSuffix(stdout, "\n"), "\n")
	var doc struct{ Schema, Run string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &doc); err != nil || doc.Schema != "infra/run/v1" {
		t.Fatalf("the last line is no document of a run: %v\n%s", err, stdout)
	}
	streamed, err := progress.Parse([]byte(strings.Join(lines[:len(lines)-1], "")))
	if err != nil || len(streamed) != len(lines)-1 {
		t.Fatalf("%d of %d lines are events: %v", len(streamed), len(lines)-1, err)
	}
	if strings.ContainsAny(stderr, "\x1b\r") {
		t.Errorf("what is no terminal is told to move a cursor:\n%q", stderr)
	}
	var kinds []string
	for _, e := range streamed {
		if e.Kind != progress.ResourceRead {
			kinds = append(kinds, strings.TrimSpace(string(e.Kind)+" "+e.Step+e.Address+e.Result))
		}
	}
	want := []string{
		"run-began", "step-began plan", "planned", "step-ended planok", "step-began approve", "step-ended approveok", "step-began apply",
		"resource-began terraform_data.first", "resource-ended terraform_data.firstok",
		"resource-began terraform_data.second", "resource-ended terraform_data.secondok", "step-ended applyok", "run-ended done",
	}
	if got := strings.Join(kinds, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("told was\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	journal, err := c.store(t).JournalOf(t.Context(), doc.Run)
	if err != nil {
		t.Fatal(err)
	}
	local, err := run.Kept(c.project + "/.infra/runs/cloud/" + doc.Run)
	if err != nil || !bytes.Equal(local, journal) || len(journal) == 0 {
		t.Errorf("the journal here has %d bytes and beside the ledger %d, %v", len(local), len(journal), err)
	}
	if kept, err := progress.Parse(journal); err != nil || len(kept) != len(streamed) {
		t.Errorf("%d events were told and %d kept, %v", len(streamed), len(kept), err)
	}
	records, err := c.store(t).Runs(t.Context(), 5)
	if err != nil || len(records) != 1 {
		t.Errorf("beside journals the ledger has %d runs, %v", len(records), err)
	}
}
