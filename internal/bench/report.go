package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Schema is the version of a Report's JSON.
const Schema = "infra/bench/v1"

// Report is what was measured.
type Report struct {
	Schema  string            `json:"schema"`
	Made    time.Time         `json:"made"`
	Machine string            `json:"machine"`
	Tools   map[string]string `json:"tools"` // program -> version
	Notes   []string          `json:"notes"`
	Rows    []Row             `json:"rows"`
}

// Row is one program at one task, measured once or several times.
type Row struct {
	Task    string   `json:"task"`
	Program string   `json:"program"`
	Samples []Sample `json:"samples"`
}

// Measured adds a sample.
func (r *Report) Measured(task, program string, s Sample) {
	i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Task == task && row.Program == program })
	if i < 0 {
		r.Rows, i = append(r.Rows, Row{Task: task, Program: program}), len(r.Rows)
	}
	r.Rows[i].Samples = append(r.Rows[i].Samples, s)
}

// Tasks are the tasks in the order in which they were first measured.
func (r Report) Tasks() []string {
	var tasks []string
	for _, row := range r.Rows {
		if !slices.Contains(tasks, row.Task) {
			tasks = append(tasks, row.Task)
		}
	}
	return tasks
}

// Of are a task's rows, in the order in which they were first measured.
func (r Report) Of(task string) []Row {
	return slices.DeleteFunc(slices.Clone(r.Rows), func(row Row) bool { return row.Task != task })
}

// Median is the sample in whose values half of the samples lie above and half
// below, value by value.
func (row Row) Median() Sample {
	return Sample{
		Seconds: median(row.Samples, func(s Sample) float64 { return s.Seconds }),
		CPU:     median(row.Samples, func(s Sample) float64 { return s.CPU }),
		Memory:  median(row.Samples, func(s Sample) float64 { return s.Memory }),
	}
}

func median(samples []Sample, of func(Sample) float64) float64 {
	values := sorted(samples, of)
	switch n := len(values); {
	case n == 0:
		return 0
	case n%2 == 1:
		return values[n/2]
	default:
		return (values[n/2-1] + values[n/2]) / 2
	}
}

func sorted(samples []Sample, of func(Sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	slices.Sort(values)
	return values
}

// Text is the table for people. The factor is the time beside that of the
// task's first program.
func (r Report) Text() string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(table, "task\tprogram\truns\twall\t\tfrom\tto\tCPU\tmemory\t") // a Builder never fails
	for _, task := range r.Tasks() {
		rows := r.Of(task)
		first := rows[0].Median().Seconds
		for _, row := range rows {
			m, walls := row.Median(), sorted(row.Samples, func(s Sample) float64 { return s.Seconds })
			_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%.2f s\t%.2f x\t%.2f\t%.2f\t%.2f s\t%.0f MiB\t\n",
				task, row.Program, len(row.Samples), m.Seconds, m.Seconds/first, walls[0], walls[len(walls)-1], m.CPU, m.Memory)
		}
	}
	_ = table.Flush()
	fmt.Fprintf(&b, "medians; %s\n", r.Machine)
	for _, note := range r.Notes {
		b.WriteString("note: " + note + "\n")
	}
	return b.String()
}

// Write puts table, picture and data into a folder.
func (r Report) Write(dir string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // G301: a report for whoever works in the checkout
		return fmt.Errorf("write the report: %w", err)
	}
	var problems []error
	for name, text := range map[string]string{"bench.txt": r.Text(), "bench.svg": r.SVG(), "bench.json": string(data) + "\n"} {
		problems = append(problems, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return errors.Join(problems...)
}
