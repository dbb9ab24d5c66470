package report

import (
	"strings"
	"testing"
	"time"

	"infra/internal/progress"
	"infra/internal/run"
)

// ranAt is when the run of these tests began.
var ranAt = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant, were there such times

// ran is a run that replaced a volume, made a record, failed at another and
// changed a host.
func ran() (run.Record, []progress.Event) {
	at := func(s int) time.Time { return ranAt.Add(time.Duration(s) * time.Second) }
	const stack = "pipeline/prod"
	record := run.Record{
		Run: "20261129T080000Z-aaaaaa", Verb: "apply", Environment: "prod", Who: "ada", Host: "desk", Caller: "arn:aws:iam::1:user/ada", Commit: "abc", Dirty: true,
		Started: at(0), Ended: at(100), Tools: map[string]string{"terraform": "1.11.4"}, Result: run.Failed, Error: "it failed " + hostile,
		Stacks: []run.StackRecord{{Stack: stack, Applied: 2, Result: "failed", Plan: "0123", Before: &run.Version{Serial: 1}, After: &run.Version{Serial: 3, VersionID: "v3"}}},
		Hosts:  []run.HostRecord{{ID: "i-2", Name: "zookeeper-2", Result: "failed"}, {ID: "i-1", Name: "zookeeper-1", Result: "1 changed"}},
	}
	return record, []progress.Event{
		{At: at(0), Kind: progress.RunBegan, Run: record.Run, Verb: "apply", Environment: "prod"},
		{At: at(1), Kind: progress.StepBegan, Stack: stack, Step: progress.Planning},
		{
			At: at(9), Kind: progress.Planned, Stack: stack, Drift: []progress.Change{{Address: "aws_vpc.drifted", Action: "update"}},
			Changes: []progress.Change{
				{Address: "aws_route53_record.a", Action: "create"},
				{Address: "aws_route53_record.b", Action: "create"},
				{Address: "aws_ebs_volume.data", Action: "replace", Reason: "cannot_update"},
				{Address: "aws_kms_key.old", Action: "delete"},
			},
		},
		{At: at(9), Kind: progress.StepEnded, Stack: stack, Step: progress.Planning, Result: progress.OK, Seconds: 8},
		{At: at(10), Kind: progress.StepBegan, Stack: stack, Step: progress.Applying},
		{At: at(10), Kind: progress.ResourceBegan, Stack: stack, Address: "aws_ebs_volume.data", Action: "delete"},
		{At: at(15), Kind: progress.ResourceEnded, Stack: stack, Address: "aws_ebs_volume.data", Action: "delete", Result: progress.OK, Seconds: 5},
		{At: at(15), Kind: progress.ResourceBegan, Stack: stack, Address: "aws_ebs_volume.data", Action: "create"},
		{At: at(25), Kind: progress.ResourceEnded, Stack: stack, Address: "aws_ebs_volume.data", Action: "create", Result: progress.OK, Seconds: 10},
		{At: at(25), Kind: progress.ResourceBegan, Stack: stack, Address: "aws_route53_record.a", Action: "create"},
		{At: at(26), Kind: progress.ResourceBegan, Stack: stack, Address: "aws_route53_record.b", Action: "create"},
		{At: at(30), Kind: progress.ResourceEnded, Stack: stack, Address: "aws_route53_record.b", Action: "create", Result: progress.Failed, Seconds: 4},
		{At: at(31), Kind: progress.StepEnded, Stack: stack, Step: progress.Applying, Result: progress.Failed, Seconds: 21},
		{At: at(40), Kind: progress.StepBegan, Step: progress.Configuring, Hosts: []progress.Host{{Name: "zookeeper-1"}, {Name: "zookeeper-2"}}},
		{At: at(50), Kind: progress.TaskEnded, Host: "zookeeper-1", Task: "Write the configuration", Result: progress.Changed, Seconds: 10},
		{At: at(55), Kind: progress.TaskEnded, Host: "zookeeper-2", Task: "Write the configuration", Result: progress.Failed, Seconds: 15, Message: "no space left " + hostile},
		{At: at(60), Kind: progress.StepEnded, Step: progress.Configuring, Result: progress.Failed, Seconds: 20},
		{At: at(70), Kind: progress.Health, Part: "zookeeper", Result: "degraded", Message: "one is down"},
		{At: at(80), Kind: progress.Warning, Message: "mind the gap"},
		{At: at(100), Kind: progress.RunEnded, Result: "failed"},
	}
}

func TestRunReport(t *testing.T) {
	record, events := ran()
	r := NewRunReport(record, events, ranAt)
	var got []string
	for _, c := range r.Changes {
		got = append(got, c.Action+" "+c.Address+" "+c.Result)
	}
	want := "delete aws_kms_key.old |replace aws_ebs_volume.data ok|create aws_route53_record.a unknown|create aws_route53_record.b failed"
	if strings.Join(got, "|") != want {
		t.Errorf("changes are\n%q, want\n%q", strings.Join(got, "|"), want)
	}
	if r.Changes[1].Seconds != 15 {
		t.Errorf("a replacement takes %g s: its two halves", r.Changes[1].Seconds)
	}
	if len(r.Hosts) != 2 || r.Hosts[0].Changed != 1 || r.Hosts[1].Failed != 1 || len(r.Tasks) != 1 || len(r.Failures) != 1 || len(r.Drift) != 1 {
		t.Errorf("got %+v", r)
	}
	if got := runVerdict(r); got != "Failed: 1 resource replaced, 1 change on 2 hosts, in 1m40s." {
		t.Errorf("the verdict is %q", got)
	}
}

func TestRunPage(t *testing.T) {
	record, events := ran()
	text := render(t, RunPage(NewRunReport(record, events, ranAt)))
	if strings.Contains(text, "<script") || strings.Count(text, "&lt;script&gt;") != 2 {
		t.Error("a text became markup, or is missing")
	}
	last := 0
	for _, want := range []string{ // in this order
		"apply of prod", "ada@desk", "abc with uncommitted changes", "it failed", "What changed", "aws_kms_key.old", "aws_ebs_volume.data (cannot update)", "not known",
		"What failed on hosts", "no space left", "<svg", "Critical path", "What took longest", "zookeeper-1", "Health after", "one is down",
		"Changed outside of infra", "aws_vpc.drifted", "1 &gt; 3", "mind the gap",
	} {
		at := strings.Index(text[last:], want)
		if at < 0 {
			t.Fatalf("after %d no %q", last, want)
		}
		last += at
	}
}

// failedOver is an operation: it changed no resource and had Ansible do nothing.
func failedOver() (run.Record, []progress.Event) {
	at := func(s int) time.Time { return ranAt.Add(time.Duration(s) * time.Second) }
	record := run.Record{
		Run: "20261129T080000Z-bbbbbb", Verb: "pg failover", Environment: "prod", Started: at(0), Ended: at(40), Result: run.Done,
		Hosts: []run.HostRecord{{ID: "i-2", Name: "postgresql-2", Result: "promoted"}, {ID: "i-1", Name: "postgresql-1", Result: "fenced"}},
	}
	return record, []progress.Event{
		{At: at(0), Kind: progress.RunBegan, Run: record.Run, Verb: record.Verb, Environment: "prod"},
		{At: at(3), Kind: progress.Did, Host: "postgresql-1", Message: "its instance was stopped " + hostile},
		{At: at(21), Kind: progress.Did, Host: "postgresql-2", Message: "promoted itself"},
		{At: at(40), Kind: progress.RunEnded, Result: progress.OK},
	}
}

func TestOperationPage(t *testing.T) {
	record, events := failedOver()
	r := NewRunReport(record, events, ranAt)
	if want := "Done: postgresql-2 promoted, postgresql-1 fenced, in 40s."; runVerdict(r) != want {
		t.Errorf("the verdict is %q, want %q", runVerdict(r), want)
	}
	text := render(t, RunPage(r))
	for _, want := range []string{"What was done", `<td class="number">21</td>`, "its instance was stopped &lt;script&gt;", "infra status prod"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page:\n%s", want, text)
		}
	}
	if strings.Contains(text, "No resource was to be changed") || strings.Contains(text, "nothing changed") {
		t.Error("it says that nothing changed")
	}
}

func TestRunVerdicts(t *testing.T) {
	began := []progress.Event{{At: ranAt, Kind: progress.RunBegan}}
	host := func(results ...string) (hosts []run.HostRecord) {
		for i, result := range results {
			hosts = append(hosts, run.HostRecord{Name: string(rune('a' + i)), Result: result})
		}
		return hosts
	}
	tests := map[string]run.Record{
		"Done: state of pipeline/prod written, serial 4 > 5.":  {Stacks: []run.StackRecord{{Stack: "pipeline/prod", Before: &run.Version{Serial: 4}, After: &run.Version{Serial: 5}}}},
		"Done: nothing changed.":                               {Stacks: []run.StackRecord{{Stack: "pipeline/prod", Before: &run.Version{Serial: 4}, After: &run.Version{Serial: 4}}}, Hosts: host("ok", "3 changed", "unknown")},
		"Done: a restarted, b restarted, c restarted, 2 more.": {Hosts: host("restarted", "restarted", "restarted", "restarted", "restarted")},
	}
	for want, record := range tests {
		record.Result = run.Done
		if got := runVerdict(NewRunReport(record, began, ranAt)); got != want {
			t.Errorf("the verdict is %q, want %q", got, want)
		}
	}
}

func TestShortOnesAreOne(t *testing.T) {
	path := []RunSpan{{Lane: "a", Name: "long", Seconds: 50}, {Lane: "a", Name: "x", From: 50, Seconds: 0.5}, {Lane: "a", Name: "y", From: 51, Seconds: 0.25}, {Lane: "b", Name: "z", Seconds: 0.1}}
	got := shortened(path, 100)
	if len(got) != 3 || got[1] != (RunSpan{Lane: "a", Name: "2 short ones", From: 50, Seconds: 0.75}) || got[2].Name != "z" {
		t.Errorf("got %+v", got)
	}
}

// A run of an infra that kept no journals, and one that never got anywhere, have
// a page too.
func TestRunPageWithoutJournal(t *testing.T) {
	record, _ := ran()
	text := render(t, RunPage(NewRunReport(record, nil, ranAt)))
	if !strings.Contains(text, "No journal of this run was kept") || !strings.Contains(text, "zookeeper-2") || strings.Contains(text, "<svg") {
		t.Error(text)
	}
	empty := run.Record{Run: "r", Verb: "apply", Environment: "prod", Result: run.Running}
	if text := render(t, RunPage(NewRunReport(empty, []progress.Event{{At: ranAt, Kind: progress.RunBegan}}, ranAt))); !strings.Contains(text, "Running: nothing changed.") {
		t.Error(text)
	}
}

func TestTimelineHasRoom(t *testing.T) {
	var events []progress.Event
	for i := range 100 {
		events = append(events, progress.Event{
			At: ranAt.Add(time.Duration(i+1) * time.Second), Kind: progress.ResourceEnded, Stack: "a/b", Action: "create", Result: progress.OK, Seconds: 0.2,
			Address: "module.m.aws_thing.this[\"" + strings.Repeat("x", i) + "\"]",
		})
	}
	svg := timelinePicture(progress.NewTimeline(events))
	if n := strings.Count(svg, "<rect"); n != runMost || !strings.Contains(svg, "and 60 shorter resources") {
		t.Errorf("%d bars", n)
	}
	if _, err := picture(svg); err != nil {
		t.Error(err)
	}
}
