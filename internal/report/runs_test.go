package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"infra/internal/orphan"
	"infra/internal/provision"
	"infra/internal/run"
	"infra/internal/state"
)

func record() run.Record {
	started := time.Date(2026, 11, 22, 8, 30, 15, 0, time.UTC)
	return run.Record{
		Schema: run.RecordSchema, Run: "20261122T083015Z-1f2e3d", Verb: "apply", Environment: "prod", Who: "ada", Host: "build-7", Caller: "arn:aws:iam::1:user/ada",
		Commit: "0123456", Dirty: true, Started: started, Ended: started.Add(75 * time.Second), Tools: map[string]string{"terraform": "1.11.4", "ansible": "2.19"},
		Stacks: []run.StackRecord{{Stack: "baseline/prod", Before: &run.Version{Lineage: "l", Serial: 3}, After: &run.Version{Lineage: "l", Serial: 4, VersionID: "v4"}, Plan: strings.Repeat("a", 64), Applied: 2, Result: "done"}},
		Hosts:  []run.HostRecord{{ID: "i-1", Name: "zookeeper-1", Result: "ok"}}, Result: run.Failed, Error: "one\ntwo",
	}
}

func TestRunsText(t *testing.T) {
	open := run.Record{Run: "20261122T083016Z-000000", Verb: "destroy", Result: run.Unknown, Started: time.Now()}
	text := RunsText("prod", []run.Record{open, record()})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], "outcome unknown") {
		t.Errorf("the table is\n%s", text)
	}
	for _, want := range []string{"20261122T083015Z-1f2e3d", "apply", "ada@build-7", "2026-11-22 08:30:15Z", "1m15s", "failed", "2 resources, 1 host"} {
		if !strings.Contains(lines[2], want) {
			t.Errorf("no %q in %q", want, lines[2])
		}
	}
	if text := RunsText("prod", nil); text != "nothing was done to prod yet\n" {
		t.Errorf("an empty ledger says %q", text)
	}
	doc, err := json.Marshal(Runs("prod", nil))
	if err != nil || string(doc) != `{"schema":"infra/runs/v1","environment":"prod","runs":[]}` {
		t.Errorf("%s, %v", doc, err)
	}
}

func TestRecordText(t *testing.T) {
	r := record()
	r.Orphans, r.HardCancel = []string{"arn:lost"}, true
	text := RecordText(r)
	for _, want := range []string{
		"0123456 with uncommitted changes", "ansible 2.19, terraform 1.11.4", "error\n  one\n  two\n", "cancelled hard", "3 > 4", "v4", "aaaaaaaaaaaa ",
		"zookeeper-1  i-1", "in no state when it was recovered\n  arn:lost",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text := RecordText(run.Record{Run: "r", Result: run.Unknown}); strings.Contains(text, "commit") || !strings.Contains(text, "outcome unknown") {
		t.Errorf("an unknown run is\n%s", text)
	}
}

func TestRecovery(t *testing.T) {
	key := orphan.FromARN("arn:aws:kms:eu-west-1:123456789012:key/12", "")
	group := orphan.FromARN("arn:aws:logs:eu-west-1:123456789012:log-group:/infra/it's", "")
	group.Product, group.Address = "baseline", `aws_cloudwatch_log_group.this["a"]`
	doc := Recovery("prod", "eu-west-1", "", "now", &provision.Recovery{
		Record: run.Record{Run: "then"}, Locks: []state.Lock{{ID: "lock"}}, Refreshed: []string{"baseline/prod", "pipeline/prod"},
		Orphans: []orphan.Resource{group, key, {Type: "aws_route", Product: "pipeline", Address: "aws_route.r", Uncertain: true}}, Unsure: []string{"logs"},
	})
	text := RecoveryText(doc)
	for _, want := range []string{
		"run then of prod is closed: 2 states refreshed, 1 lock removed",
		`  arn:aws:logs:eu-west-1:123456789012:log-group:/infra/it's (aws_cloudwatch_log_group), in the code aws_cloudwatch_log_group.this["a"]`,
		`    keep it:   infra state import prod 'aws_cloudwatch_log_group.this["a"]' '/infra/it'\''s' --product baseline`,
		"    keep it:   infra state import prod ADDRESS 12\n    delete it: aws kms schedule-key-deletion --key-id 12 --region eu-west-1\n",
		"  aws_route.r: its creation was begun", "    keep it:   infra state import prod aws_route.r ID --product pipeline\nADDRESS is the one",
		"note: logs\nnext: infra plan prod\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text := RecoveryText(Recovery("prod", "eu-west-1", "", "now", &provision.Recovery{})); !strings.Contains(text, "nothing to do") {
		t.Errorf("without an open run: %q", text)
	}
	emulated := Recovery("prod", "eu-west-1", "http://127.0.0.1:1", "now", &provision.Recovery{Record: run.Record{Run: "then"}, Orphans: []orphan.Resource{key}})
	if got := emulated.Orphans[0].Delete; !strings.HasSuffix(got, "--endpoint-url http://127.0.0.1:1") {
		t.Errorf("on an emulator: %s", got)
	}
}
