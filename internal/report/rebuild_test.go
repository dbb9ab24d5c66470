package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"infra/internal/install"
	"infra/internal/preflight"
	"infra/internal/rebuild"
	"infra/internal/report"
)

// rebuilt is a rebuild that went well.
func rebuilt() report.Rebuilding {
	at := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	record := rebuild.NewRecord("prod2", "prod", "eu-west-1", false, at)
	record.Lost = at.Add(-time.Minute)
	for n, phase := range rebuild.Phases() {
		record.Begin(phase, at.Add(time.Duration(n)*time.Minute))
		record.End(phase, at.Add(time.Duration(n+1)*time.Minute), true)
	}
	beat := record.Lost.Add(-42 * time.Second)
	record.Data = &rebuild.DataRestored{Backup: "20261129-090000F", Began: at, Heartbeat: &beat}
	return report.Rebuilding{
		Record: record, Region: "eu-central-1", Commit: "abc", CommitThen: "def", Made: at,
		Places: []rebuild.Finding{{File: "terraform/x.tf", Line: 3, Kind: rebuild.Region, Found: "eu-west-1<", Mend: "use var.region"}},
		Checks: []install.Check{{Check: "a second plan", OK: true, Detail: "it is empty"}},
	}
}

func TestRebuildReport(t *testing.T) {
	well := rebuilt()
	doc := report.Rebuild(well)
	if !doc.Accepted || doc.RTO != 300 || doc.RPO == nil || *doc.RPO != 42 || len(doc.Phases) != 6 {
		t.Errorf("%+v", doc)
	}
	var page bytes.Buffer
	if err := report.RebuildPage(doc).Write(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"300 s", "42.0 s", "20261129-090000F", "eu-central-1", "abc, while the last run of prod was made from def", "znodes"} {
		if !strings.Contains(report.RebuildText(doc), want) || !strings.Contains(page.String(), want) {
			t.Errorf("%q is not in both the text and the page", want)
		}
	}
	if !strings.Contains(page.String(), "eu-west-1&lt;") || !strings.Contains(page.String(), "terraform/x.tf:3") {
		t.Error("the page does not name the place, or does not escape what it found")
	}

	well.Record.Data = nil
	doc = report.Rebuild(report.Rebuilding{Record: well.Record, Region: "eu-central-1", Checks: append(well.Checks, install.Check{Check: "backups"}), Made: well.Made})
	if doc.Accepted || doc.RPO != nil || !strings.Contains(report.RebuildText(doc), "not as it should be: 1 check failed") || !strings.Contains(doc.RPODetail, "not measured") {
		t.Errorf("a failed check is accepted, or an RPO made up: %+v", doc)
	}
	if doc = report.Rebuild(report.Rebuilding{Record: well.Record, Made: well.Made}); doc.Accepted {
		t.Error("without a single check it is accepted")
	}
}

func TestRebuildCheck(t *testing.T) {
	fine := []preflight.Finding{{Check: "account", Result: preflight.Good}, {Check: "quota", Result: preflight.Warning}}
	if doc := report.RebuildCheck("prod", "eu-west-1", "eu-central-1", nil, fine); !doc.Ready || !strings.Contains(report.RebuildCheckText(doc), "nothing in them fits eu-west-1 alone") {
		t.Errorf("%+v", doc)
	}
	for name, doc := range map[string]report.RebuildCheckDocument{
		"a place":   report.RebuildCheck("prod", "eu-west-1", "eu-central-1", []rebuild.Finding{{File: "terraform/x.tf", Line: 3, Found: "eu-west-1"}}, fine),
		"a finding": report.RebuildCheck("prod", "eu-west-1", "eu-central-1", nil, append(fine, preflight.Finding{Check: "second copy", Result: preflight.Bad})),
	} {
		if doc.Ready {
			t.Errorf("%s does not count", name)
		}
	}
}
