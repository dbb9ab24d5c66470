// Package metrics writes what the last run of an environment came to, for the
// textfile collector of Prometheus' node exporter: one file an environment.
package metrics

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"infra/internal/fault"
	"infra/internal/outcome"
)

// Write puts the outcome into its environment's file in dir. Who reads at that
// moment gets the old file whole, or the new one.
func Write(dir string, o outcome.Outcome) error {
	registry := prometheus.NewRegistry()
	if err := collect(registry, o); err != nil {
		return failed(dir, err)
	}
	if err := provide(dir); err != nil {
		return failed(dir, err)
	}
	if err := prometheus.WriteToTextfile(filepath.Join(dir, File(o.Environment)), registry); err != nil {
		return failed(dir, err)
	}
	return nil
}

// provide makes the folder where there is none, for the node exporter to read,
// which is another user, whatever the umask.
func provide(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	const everybody = 0o755
	return errors.Join(os.MkdirAll(dir, everybody), os.Chmod(dir, everybody))
}

// File is the name of an environment's file.
func File(environment string) string { return "infra-" + environment + ".prom" }

func failed(dir string, err error) error {
	return fault.New(fault.Failed, "write the metrics to "+dir, err, "")
}

// collect makes the gauges. None has a label whose values are without end, such
// as a run's id.
func collect(registry *prometheus.Registry, o outcome.Outcome) error {
	c := &collection{registry: registry, constant: prometheus.Labels{"environment": o.Environment, "verb": o.Verb}}
	for _, result := range outcome.Results() {
		c.set("result", "1 for how the last run ended, 0 for how it did not.", "result", string(result), truth(o.Result == result))
	}
	c.set("exit_code", "Exit code of the last run.", "", "", float64(o.Exit))
	c.set("started_timestamp_seconds", "When the last run began, in seconds since 1970.", "", "", float64(o.Started.UnixMilli())/1000)
	c.set("finished_timestamp_seconds", "When the last run ended, in seconds since 1970.", "", "", float64(o.Ended.UnixMilli())/1000)
	c.set("duration_seconds", "How long the last run took.", "", "", o.Took().Seconds())
	for _, p := range o.Phases {
		c.set("phase_duration_seconds", "How long a phase of the last run took; what went side by side is added up.", "phase", p.Phase, p.Seconds)
	}
	c.set("changes", "Resources that the last run has applied.", "", "", float64(o.Changes()))
	for _, s := range o.Stacks {
		c.set("stack_changes", "Resources that the last run has applied to a stack.", "stack", s.Stack, float64(s.Applied))
	}
	hosts := map[string]float64{"ok": 0, "changed": 0, "failed": 0}
	for _, h := range o.Hosts {
		hosts[hostResult(h.Result)]++
	}
	for result, n := range hosts {
		c.set("hosts", "Hosts that the last run has worked on, by what became of them.", "result", result, n)
	}
	return c.err
}

// hostResult is one of few words for the ledger's many.
func hostResult(word string) string {
	switch word {
	case "ok":
		return "ok"
	case "failed", "unreachable", "unknown", "not reached":
		return "failed"
	default:
		return "changed" // "3 changed", or by an operation: "promoted"
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// collection registers each gauge once and remembers what went wrong first.
type collection struct {
	registry *prometheus.Registry
	constant prometheus.Labels
	gauges   map[string]*prometheus.GaugeVec
	err      error
}

// set sets the gauge infra_last_run_<name>; an empty label is none.
func (c *collection) set(name, help, label, value string, to float64) {
	if c.gauges == nil {
		c.gauges = map[string]*prometheus.GaugeVec{}
	}
	gauge, ok := c.gauges[name]
	labels, values := []string{}, []string{}
	if label != "" {
		labels, values = []string{label}, []string{value}
	}
	if !ok {
		gauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "infra", Subsystem: "last_run", Name: name, Help: help, ConstLabels: c.constant}, labels)
		if err := c.registry.Register(gauge); err != nil && c.err == nil {
			c.err = fmt.Errorf("register %s: %w", name, err)
		}
		c.gauges[name] = gauge
	}
	gauge.WithLabelValues(values...).Set(to)
}
