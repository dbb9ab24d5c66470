package metrics_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"infra/internal/fault"
	"infra/internal/metrics"
	"infra/internal/outcome"
)

// values reads a file as a node exporter does: name and label -> value.
func values(t *testing.T, path string) map[string]float64 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(file)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for name, family := range families {
		if family.GetType() != dto.MetricType_GAUGE || family.GetHelp() == "" {
			t.Errorf("%s is a %s, %q", name, family.GetType(), family.GetHelp())
		}
		for _, m := range family.GetMetric() {
			key := name
			for _, label := range m.GetLabel() {
				switch label.GetName() {
				case "environment", "verb":
				default:
					key += "/" + label.GetValue()
				}
			}
			got[key] = m.GetGauge().GetValue()
		}
	}
	return got
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "textfile")
	ended := time.Date(2026, 11, 29, 7, 0, 0, 0, time.UTC)
	failed := outcome.Outcome{
		Environment: "prod", Verb: "apply", Result: outcome.Hosts, Exit: fault.Hosts, Started: ended.Add(-90 * time.Second), Ended: ended,
		Stacks: []outcome.Stack{{Stack: "baseline/prod", Applied: 2}, {Stack: "pipeline/prod", Applied: 40}},
		Hosts:  []outcome.Host{{Name: "a", Result: "ok"}, {Name: "b", Result: "3 changed"}, {Name: "c", Result: "unreachable"}, {Name: "d", Result: "not reached"}},
		Phases: []outcome.Phase{{Phase: "plan", Seconds: 4.5}, {Phase: "destroy guard", Seconds: 0.01}},
	}
	if err := metrics.Write(dir, failed); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, metrics.File("prod"))
	got := values(t, path)
	for name, want := range map[string]float64{
		"infra_last_run_result/hosts-failed": 1, "infra_last_run_result/done": 0, "infra_last_run_exit_code": 5,
		"infra_last_run_duration_seconds": 90, "infra_last_run_finished_timestamp_seconds": float64(ended.Unix()),
		"infra_last_run_phase_duration_seconds/plan": 4.5, "infra_last_run_phase_duration_seconds/destroy guard": 0.01,
		"infra_last_run_changes": 42, "infra_last_run_stack_changes/pipeline/prod": 40,
		"infra_last_run_hosts/ok": 1, "infra_last_run_hosts/changed": 1, "infra_last_run_hosts/failed": 2,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v (%v), want %v", name, value, ok, want)
		}
	}
	// The next run's file takes its place, and nothing is left beside it.
	good := outcome.Outcome{Environment: "prod", Verb: "apply", Result: outcome.Done, Started: ended, Ended: ended.Add(time.Minute)}
	if err := metrics.Write(dir, good); err != nil {
		t.Fatal(err)
	}
	got = values(t, path)
	if got["infra_last_run_result/done"] != 1 || got["infra_last_run_result/hosts-failed"] != 0 || got["infra_last_run_changes"] != 0 {
		t.Errorf("after a good run: %v", got)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v %v", entries, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the node exporter cannot read it: %v %v", info.Mode(), err)
	}
}

func TestWriteNowhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := metrics.Write(file, outcome.Outcome{Environment: "prod", Verb: "apply"}); err == nil {
		t.Error("a file was taken for a folder")
	}
}
