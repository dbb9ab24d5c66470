package trace_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"infra/internal/fault"
	"infra/internal/trace"
)

// collected is a collector that keeps what it is sent.
type collected struct {
	mu      sync.Mutex
	spans   []*spans.Span
	service string
	header  http.Header
}

func collect(t *testing.T) *collected {
	t.Helper()
	c := &collected{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err = errors.Join(err, proto.Unmarshal(body, &request)); err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.header = r.Header
		for _, resource := range request.GetResourceSpans() {
			for _, a := range resource.GetResource().GetAttributes() {
				if a.GetKey() == "service.name" {
					c.service = a.GetValue().GetStringValue()
				}
			}
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	return c
}

func (c *collected) find(t *testing.T, name string) *spans.Span {
	t.Helper()
	for _, s := range c.spans {
		if s.GetName() == name {
			return s
		}
	}
	t.Fatalf("no span %q among %d", name, len(c.spans))
	return nil
}

// traced begins a trace and keeps its warnings.
func traced(t *testing.T) (context.Context, *trace.Trace, *[]string) {
	t.Helper()
	var warnings []string
	ctx, tr := trace.Begin(t.Context(), trace.Options{
		Name: "infra apply", Version: "1.2.3", Getenv: os.Getenv,
		Masked: func(text string) string { return strings.ReplaceAll(text, "hunter2", "***") },
		Warn:   func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) },
	})
	return ctx, tr, &warnings
}

func TestSpans(t *testing.T) {
	c := collect(t)
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	t.Setenv("TRACEPARENT", parent)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x")
	ctx, tr, warnings := traced(t)
	failed := fault.New(fault.Hosts, "configure", errors.New("password hunter2 is wrong"), "")
	func() {
		err := error(failed)
		inner, end := trace.Start(ctx, "ansible", "infra.playbook", "site.yml")
		defer end(&err)
		_, played := trace.Part(inner, "play all hosts")
		played(nil)
		carried := trace.Carry(inner)["TRACEPARENT"]
		if !strings.HasPrefix(carried, "00-0af7651916cd43dd8448eb211c80319c-") || carried == parent {
			t.Errorf("a child would get TRACEPARENT=%q", carried)
		}
	}()
	tr.End(failed)

	whole, ansible, play := c.find(t, "infra apply"), c.find(t, "ansible"), c.find(t, "play all hosts")
	if len(c.spans) != 3 || len(*warnings) > 0 {
		t.Errorf("%d spans, warnings %q", len(c.spans), *warnings)
	}
	if fmt.Sprintf("%x", whole.GetTraceId()) != "0af7651916cd43dd8448eb211c80319c" || fmt.Sprintf("%x", whole.GetParentSpanId()) != "b7ad6b7169203331" {
		t.Errorf("the pipeline's trace was not gone on with: %x %x", whole.GetTraceId(), whole.GetParentSpanId())
	}
	if !bytes.Equal(ansible.GetParentSpanId(), whole.GetSpanId()) || !bytes.Equal(play.GetParentSpanId(), ansible.GetSpanId()) {
		t.Error("the spans do not hang together")
	}
	if s := ansible.GetStatus(); s.GetCode() != spans.Status_STATUS_CODE_ERROR || s.GetMessage() != "configure: password *** is wrong" {
		t.Errorf("status of a phase that failed: %v", s)
	}
	if c.service != "infra" || c.header.Get("Authorization") != "Bearer x" {
		t.Errorf("service %q, header %q", c.service, c.header.Get("Authorization"))
	}
}

func TestPhasesAreAddedUp(t *testing.T) {
	ctx, tr, _ := traced(t)
	for _, phase := range []string{"init", "plan", "init"} {
		_, end := trace.Start(ctx, phase)
		time.Sleep(5 * time.Millisecond)
		end(nil)
	}
	tr.End(nil)
	phases := tr.Phases()
	names := []string{}
	for _, p := range phases {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{"init", "plan"}) || phases[0].Took < 10*time.Millisecond || phases[1].Took < 5*time.Millisecond {
		t.Errorf("phases: %v", phases)
	}
	if again := tr.Phases(); len(again) > 0 {
		t.Errorf("phases that were asked for before: %v", again)
	}
}

func TestOffByDefault(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, set := range map[string][2]string{
		"no endpoint":  {"OTEL_SERVICE_NAME", "x"},
		"SDK disabled": {"OTEL_SDK_DISABLED", "true"},
		"no exporter":  {"OTEL_TRACES_EXPORTER", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &collected{}
			if name != "no endpoint" {
				c = collect(t)
			}
			t.Setenv(set[0], set[1])
			t.Setenv("TRACEPARENT", parent)
			ctx, tr, warnings := traced(t)
			if got := trace.Carry(ctx)["TRACEPARENT"]; got != parent {
				t.Errorf("children would get TRACEPARENT=%q, not the pipeline's", got)
			}
			tr.End(nil)
			if len(c.spans) > 0 || len(*warnings) > 0 {
				t.Errorf("%d spans, warnings %q", len(c.spans), *warnings)
			}
		})
	}
	if env := trace.Carry(t.Context()); len(env) > 0 {
		t.Errorf("without a trace children would get %v", env)
	}
}

// Whatever the collector does, the end waits 2 seconds at most and there is one
// warning, without the address' password.
func TestUnreachable(t *testing.T) {
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer busy.Close()
	for name, endpoint := range map[string]string{
		"nobody listens": "http://user:hunter3@127.0.0.1:1",
		"nobody answers": "http://" + silent.Addr().String(),
		"busy":           busy.URL,
		"no such name":   "http://collector.invalid:4318",
		"no address":     "localhost",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
			ctx, tr, warnings := traced(t)
			_, end := trace.Start(ctx, "plan")
			end(nil)
			started := time.Now()
			tr.End(nil)
			if took := time.Since(started); took > 8*time.Second { // the exporter's own limit is 10
				t.Errorf("the end took %s", took)
			}
			if len(*warnings) != 1 || strings.Contains((*warnings)[0], "hunter3") {
				t.Errorf("warnings: %q", *warnings)
			}
			t.Log(*warnings)
		})
	}
}

func TestAnotherProtocol(t *testing.T) {
	c := collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	_, tr, warnings := traced(t)
	tr.End(nil)
	if len(*warnings) != 1 || !strings.Contains((*warnings)[0], "http/protobuf") || len(c.spans) > 0 {
		t.Errorf("warnings: %q", *warnings)
	}
}
