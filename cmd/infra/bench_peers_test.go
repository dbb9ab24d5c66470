//go:build endtoend

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"infra/internal/bench"
	"infra/internal/terraform"
)

// benchRounds is how often a thing is measured: as INFRA_BENCH_ROUNDS says, or
// else as is usual for it.
func benchRounds(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv("INFRA_BENCH_ROUNDS")
	if text == "" {
		return usual
	}
	rounds, err := strconv.Atoi(text)
	if err != nil || rounds < 1 {
		t.Fatalf("INFRA_BENCH_ROUNDS is %q, no number of rounds", text)
	}
	return rounds
}

// The tasks of the benchmark.
const (
	coldApply = "cold apply"
	unchanged = "unchanged plan"
	oneLine   = "one-line change"
	outputs   = "output"
)

// TestBenchPeers measures infra beside plain Terraform and, where it is on PATH,
// Terragrunt: the same products and layers, each in an emulator of its own that
// nothing else uses, in turn, so that a slow minute hits all. It asserts no
// figure; the table, the picture and the data are in .infra/reports/bench.
func TestBenchPeers(t *testing.T) {
	if wanted := os.Getenv("INFRA_BENCH"); wanted != "1" && wanted != "peers" {
		t.Skip("measured by `make bench` only, alone by BENCH=peers")
	}
	r := &bench.Report{
		Schema: bench.Schema, Made: time.Now().UTC(), Machine: fmt.Sprintf("%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH),
		Tools: map[string]string{"terraform": terraform.Version},
		Notes: []string{
			"baseline and pipeline with all layers, one state each, in an AWS emulator on the same machine; Ansible and hosts left out",
			"infra also checks the account, takes its lease, looks at the states, guards what would be destroyed, and writes the ledger",
			"one-line change: a tag of the network, planned and applied",
		},
	}
	all := contestants(t, r)
	for _, c := range all {
		r.Measured(coldApply, c.name, c.apply(t))
	}
	rounds := benchRounds(t, 5)
	for round := range rounds {
		for _, c := range all {
			r.Measured(unchanged, c.name, c.plan(t))
		}
		for _, c := range all {
			c.change(t, round)
			r.Measured(oneLine, c.name, c.apply(t))
		}
		for _, c := range all {
			r.Measured(outputs, c.name, c.output(t))
		}
		t.Logf("round %d of %d\n%s", round+1, rounds, r.Text())
	}
	dir, err := filepath.Abs("../../.infra/reports/bench")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s\nalso in %s: bench.txt, bench.svg, bench.json", r.Text(), dir)
}

// change changes one line of the code of a layer: a tag's value.
func (c *contestant) change(t *testing.T, round int) {
	t.Helper()
	const before = `  tags = { Name = local.name }`
	file := filepath.Join(c.cloud.project, "terraform", "layers", "vpc", "dns.tf")
	if c.original == "" {
		data, err := os.ReadFile(file)
		if err != nil || strings.Count(string(data), before) != 1 {
			t.Fatalf("%s has no line %q: %v", file, before, err)
		}
		c.original = string(data)
	}
	after := fmt.Sprintf(`  tags = { Name = "${local.name}-%d" }`, round)
	if err := os.WriteFile(file, []byte(strings.Replace(c.original, before, after, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
