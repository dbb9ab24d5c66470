// Package trace tells how long the phases of a run take: to whoever asks at its
// end, and as OpenTelemetry spans to a collector where the standard environment
// variables name one. A trace never decides anything: a collector that cannot
// be reached costs one warning and at most a moment at the end.
//
// What goes on travels in the context. A phase is begun by Start and ended by
// what Start returns; programs that are started inside of it get its identity
// by Carry.
package trace

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"infra/internal/fault"
)

// current is what the context of a traced command holds.
type current struct {
	tracer   oteltrace.Tracer
	recorder *recorder
	masked   func(string) string
}

// key is the context's key of current.
type key struct{}

// Options are what a trace is of.
type Options struct {
	Name    string // of the whole, such as "infra apply"
	Version string // of infra
	Getenv  func(string) string
	Masked  func(string) string  // hides secrets in the texts of errors
	Warn    func(string, ...any) // told once, when the trace could not be delivered
}

// Trace is one command, from its beginning to its end.
type Trace struct {
	recorder *recorder
	export   *export // nil: nobody wants spans
	end      func(*error)
	warn     func(string, ...any)
}

// Begin starts the trace of a command, as a part of the one that TRACEPARENT
// names. The context that it returns is the command's.
func Begin(ctx context.Context, o Options) (context.Context, *Trace) {
	ctx = propagation.TraceContext{}.Extract(ctx, caller(o.Getenv))
	t := &Trace{recorder: &recorder{}, warn: o.Warn}
	tracer := noop.NewTracerProvider().Tracer(name)
	exported, err := newExport(ctx, o)
	if err != nil {
		o.Warn("no trace is sent: %s", o.Masked(err.Error()))
	}
	if exported != nil {
		t.export, tracer = exported, exported.provider.Tracer(name, oteltrace.WithInstrumentationVersion(o.Version))
	}
	ctx = context.WithValue(ctx, key{}, current{tracer: tracer, recorder: t.recorder, masked: o.Masked})
	ctx, t.end = begin(ctx, o.Name)
	return ctx, t
}

// End ends the trace with what the command ended with, and waits a moment for
// the collector.
func (t *Trace) End(err error) {
	t.end(&err)
	if t.export == nil {
		return
	}
	if err := t.export.flush(); err != nil {
		t.warn("the trace was not delivered to %s: %v", t.export.place, err)
	}
}

// Phases are those since it was last asked, in the order in which they were
// begun: a command may work on one environment after the other.
func (t *Trace) Phases() []Phase { return t.recorder.take() }

// name is the scope of the spans.
const name = "infra"

// Start begins a phase. pairs are names and values of attributes, none of them
// secret. The phase is ended, with the error that is there then, by
// `defer end(&err)`.
func Start(ctx context.Context, phase string, pairs ...string) (_ context.Context, end func(*error)) {
	c, ok := ctx.Value(key{}).(current)
	if !ok {
		return ctx, func(*error) {}
	}
	ctx, ended := begin(ctx, phase, pairs...)
	done := c.recorder.start(phase)
	return ctx, func(err *error) {
		done()
		ended(err)
	}
}

// Part begins a part of a phase, which only the spans show.
func Part(ctx context.Context, part string, pairs ...string) (_ context.Context, end func(*error)) {
	if _, ok := ctx.Value(key{}).(current); !ok {
		return ctx, func(*error) {}
	}
	return begin(ctx, part, pairs...)
}

// begin begins a span in a context that holds a trace.
func begin(ctx context.Context, name string, pairs ...string) (context.Context, func(*error)) {
	c, _ := ctx.Value(key{}).(current)
	ctx, span := c.tracer.Start(ctx, name, oteltrace.WithAttributes(attributes(pairs)...))
	return ctx, func(err *error) {
		if err != nil && *err != nil {
			code := fault.CodeOf(*err)
			span.SetAttributes(attribute.Int("infra.exit_code", int(code)))
			if code != fault.Differences { // that is an answer
				span.SetStatus(codes.Error, c.masked((*err).Error()))
			}
		}
		span.End()
	}
}

// Note adds attributes to the phase that goes on.
func Note(ctx context.Context, pairs ...string) {
	oteltrace.SpanFromContext(ctx).SetAttributes(attributes(pairs)...)
}

func attributes(pairs []string) []attribute.KeyValue {
	var out []attribute.KeyValue
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, attribute.String(pairs[i], pairs[i+1]))
	}
	return out
}

// Carry is what a program must have in its environment to know what it is a
// part of: TRACEPARENT and TRACESTATE. The exporter's own variables stay behind:
// Terraform's would be switched on by them, sends each span before it goes on,
// and so waits for a collector that does not answer.
func Carry(ctx context.Context) map[string]string {
	carrier, env := propagation.MapCarrier{}, map[string]string{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	for header, value := range carrier {
		if value != "" {
			env[strings.ToUpper(header)] = value
		}
	}
	return env
}

// caller is what a pipeline has put into the environment.
func caller(getenv func(string) string) propagation.MapCarrier {
	carrier := propagation.MapCarrier{}
	for _, header := range (propagation.TraceContext{}).Fields() {
		carrier[header] = getenv(strings.ToUpper(header))
	}
	return carrier
}

// Phase is how long one kind of work took, all times that it was done added up.
// What goes side by side counts each for itself.
type Phase struct {
	Name string
	Took time.Duration
}
