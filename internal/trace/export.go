package trace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// flushLimit is how long the end of a command waits for the collector.
const flushLimit = 2 * time.Second

// export sends spans to a collector while a command runs.
type export struct {
	provider *sdktrace.TracerProvider
	place    string // host of the collector, for messages

	mu    sync.Mutex
	first error // that was met while sending
}

// newExport is nil where the environment names no collector. The libraries read
// the rest of the standard variables themselves: headers, certificates, time
// limits, samplers.
func newExport(ctx context.Context, o Options) (*export, error) {
	endpoint := cmp.Or(o.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), o.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	if endpoint == "" || strings.EqualFold(o.Getenv("OTEL_SDK_DISABLED"), "true") || o.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	place, err := url.Parse(endpoint)
	if err != nil || place.Host == "" {
		return nil, errors.New("OTEL_EXPORTER_OTLP_ENDPOINT is no address such as http://localhost:4318")
	}
	protocol := cmp.Or(o.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), o.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), spoken)
	if protocol != spoken {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; infra speaks %s, on port 4318 of most collectors", protocol, spoken)
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	self, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", name), attribute.String("service.version", o.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && self == nil {
		return nil, err
	}
	e := &export{place: place.Host}
	e.provider = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(self))
	// The library tells nobody else: without this it would write to standard error.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(e.failed))
	return e, nil
}

// spoken is the only protocol that the exporter has.
const spoken = "http/protobuf"

func (e *export) failed(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first == nil {
		e.first = plain(err)
	}
}

// flush sends what was not sent yet, as far as there is time, and tells what
// went wrong first.
func (e *export) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushLimit)
	defer cancel()
	err := e.provider.Shutdown(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first != nil {
		return e.first
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", flushLimit)
	}
	return err
}

// plain leaves the address out, which may hold a password.
func plain(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}
