package main

import (
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traces is a collector on this machine that keeps spans.
type traces struct {
	mu    sync.Mutex
	spans []*spans.Span
}

func newTraces(t *testing.T) *traces {
	t.Helper()
	c := &traces{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err = errors.Join(err, proto.Unmarshal(body, &request)); err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, resource := range request.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	return c
}

// take gives the names of the spans so far, each once, and forgets them.
func (c *traces) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, s := range c.spans {
		names = append(names, s.GetName())
	}
	c.spans = nil
	slices.Sort(names)
	return slices.Compact(names)
}

// gauges are the metrics of a file that have no label of their own, and those
// that have one by its value.
func gauges(t *testing.T, path string) map[string]float64 {
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
	found := map[string]float64{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			key := strings.TrimPrefix(name, "infra_last_run_")
			for _, label := range m.GetLabel() {
				if label.GetName() != "environment" && label.GetName() != "verb" {
					key += " " + label.GetValue()
				}
			}
			found[key] = m.GetGauge().GetValue()
		}
	}
	return found
}

// Every phase of a run is a span of the pipeline's trace, Terraform is told
// which it belongs to and not where the collector is, and the metrics of the
// last run are written whatever became of it.
func TestTraceAndMetrics(t *testing.T) {
	c := newCloud(t)
	collected := newTraces(t)
	const pipeline = "0af7651916cd43dd8448eb211c80319c"
	t.Setenv("TRACEPARENT", "00-"+pipeline+"-b7ad6b7169203331-01")
	dir := filepath.Join(t.TempDir(), "metrics")
	t.Setenv("INFRA_METRICS_DIR", dir)
	said := filepath.Join(t.TempDir(), "environment")
	c.tiny(t, `resource "terraform_data" "one" {
  provisioner "local-exec" {
    command = "env > `+said+`"
  }
}
`)
	c.run(t, 0, applyTiny()...)
	for _, s := range collected.spans {
		if got := hex.EncodeToString(s.GetTraceId()); got != pipeline {
			t.Errorf("span %s is of trace %s", s.GetName(), got)
		}
	}
	names := collected.take()
	for _, want := range []string{"infra apply", "config", "guard", "lease", "init", "plan", "destroy guard", "approve", "apply", "ledger"} {
		if !slices.Contains(names, want) {
			t.Errorf("no span %q: %q", want, names)
		}
	}
	child, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(child), "\nTRACEPARENT=00-"+pipeline) || strings.Contains(string(child), "b7ad6b7169203331") || strings.Contains(string(child), "OTEL_") {
		t.Errorf("Terraform's environment:\n%s", child)
	}
	got := gauges(t, filepath.Join(dir, "infra-cloud.prom"))
	if got["result done"] != 1 || got["changes"] != 1 || got["phase_duration_seconds plan"] <= 0 || got["phase_duration_seconds apply"] <= 0 || got["duration_seconds"] <= got["phase_duration_seconds plan"] {
		t.Errorf("metrics of a run: %v", got)
	}
	first := got["finished_timestamp_seconds"]

	// A plan is no run; a run that fails is.
	c.run(t, 0, planTiny()...)
	if names := collected.take(); !slices.Contains(names, "infra plan") || slices.Contains(names, "lease") {
		t.Errorf("spans of a plan: %q", names)
	}
	c.tiny(t, "resource \"terraform_data\" \"one\" {\n  input = file(\"/nowhere\")\n}\n")
	c.run(t, 1, append(applyTiny(), "--metrics-dir", dir)...)
	got = gauges(t, filepath.Join(dir, "infra-cloud.prom"))
	if got["result failed"] != 1 || got["result done"] != 0 || got["exit_code"] != 1 || got["finished_timestamp_seconds"] <= first {
		t.Errorf("metrics of a failed run: %v", got)
	}

	// An installation's phases hold those of its runs.
	c.tinyPlatform(t)
	c.customer(t, "alpha", alphaAccount, "10.60.0.0/20")
	collected.take()
	c.run(t, 0, "install", "alpha", "--auto-approve")
	names = collected.take()
	for _, want := range []string{"infra install", "install apply", "install configure", "install acceptance", "apply"} {
		if !slices.Contains(names, want) {
			t.Errorf("no span %q of an installation: %q", want, names)
		}
	}

	// One that is refused before it is one has metrics, too, but not a misspelt
	// name; and a collector that is gone changes nothing but a warning.
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	c.write(t, "environments/wrong.yaml", "extends: cloud\naccount: \"999999999999\"\n")
	_, stderr := c.run(t, 3, "apply", "wrong", "--auto-approve")
	if got := gauges(t, filepath.Join(dir, "infra-wrong.prom")); got["exit_code"] != 3 || got["result refused"] != 1 {
		t.Errorf("metrics of a run that was refused: %v", got)
	}
	if strings.Count(stderr, "the trace was not delivered to 127.0.0.1:1") != 1 {
		t.Errorf("what was said about the collector:\n%s", stderr)
	}
	c.run(t, 64, "apply", "clood", "--auto-approve")
	if _, err := os.Stat(filepath.Join(dir, "infra-clood.prom")); err == nil {
		t.Error("a misspelt environment has metrics")
	}
}
