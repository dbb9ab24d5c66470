package main

import (
	"bytes"
	"encoding/json"
	"os"
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
	c.reported(t, doc.Run)
	records, err := c.store(t).Runs(t.Context(), 5)
	if err != nil || len(records) != 1 {
		t.Errorf("beside journals the ledger has %d runs, %v", len(records), err)
	}
}

// reported makes the report on a machine that never saw the run.
func (c *cloud) reported(t *testing.T, id string) {
	t.Helper()
	if err := os.RemoveAll(c.project + "/.infra/runs"); err != nil {
		t.Fatal(err)
	}
	stdout, _ := c.run(t, 0, "report", "cloud")
	if !strings.Contains(stdout, "apply of cloud, run "+id+": Done: 2 resources created, in ") {
		t.Errorf("the report says\n%s", stdout)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	path := lines[len(lines)-1]
	page, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(path, "/.infra/reports/cloud-"+id+".html") {
		t.Fatalf("the page is not at %s: %v", path, err)
	}
	for _, want := range []string{"terraform_data.second", "<svg", "Critical path", "Resources, what was destroyed or replaced first."} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if shown := c.opened(t, "report", "cloud", "--open"); shown != path {
		t.Errorf("the browser is shown %q, not %s", shown, path)
	}
	html := t.TempDir() + "/run.html"
	stdout, _ = c.run(t, 0, "report", "cloud", id, "--html", html, "--output", "json")
	var doc struct {
		Schema  string
		Changes []struct{ Address, Action, Result string }
	}
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil || doc.Schema != "infra/run-report/v1" || len(doc.Changes) != 2 || doc.Changes[0].Result != "ok" {
		t.Errorf("the document is %+v, %v", doc, err)
	}
	if _, err := os.Stat(html); err != nil {
		t.Error(err)
	}
	if _, stderr := c.run(t, 64, "report", "cloud", "20200101T000000Z-aaaaaa"); !strings.Contains(stderr, "infra runs cloud") {
		t.Errorf("a run that never was:\n%s", stderr)
	}
}

// opened runs a command, and returns what it gives to the program that opens
// files on a desktop.
func (c *cloud) opened(t *testing.T, args ...string) string {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(bin+"/xdg-open", []byte("#!/bin/sh\nprintf %s \"$1\" > \"$(dirname \"$0\")/shown\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := c.command(t.Context(), args...)
	cmd.Env = append(cmd.Env, "PATH="+bin+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return content(t, bin+"/shown")
}
