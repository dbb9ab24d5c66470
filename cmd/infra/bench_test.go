//go:build endtoend

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"infra/internal/account"
	"infra/internal/environment"
	"infra/internal/terraform"
)

// runs is how often each thing is measured; the median counts.
const runs = 5

// sample is one measured run.
type sample struct {
	wall   time.Duration
	memory int // peak resident KiB of the process itself, without children
}

// TestBench prints figures and asserts none: `make bench`. Things that are
// compared are measured in turn, so that a slow minute hits both. INFRA_BENCH
// is "trust" for what guards, lease and ledger cost alone, "ci" for what a
// pipeline waits for where nothing is affected.
func TestBench(t *testing.T) {
	if wanted := os.Getenv("INFRA_BENCH"); wanted == "" || wanted == "peers" {
		t.Skip("measured by `make bench` only")
	}
	const affected = "infra ci plan, nothing affected among 500 environments"
	if os.Getenv("INFRA_BENCH") == "ci" {
		t.Logf("%s: %s", affected, nothingAffected(t))
		return
	}
	p := newPlatform(t)
	first := p.measure(t, p.infra, "apply", "e2e", "--auto-approve")
	if os.Getenv("INFRA_BENCH") == "trust" {
		t.Logf("guards, lease and ledger of one run, S3 answering after 10 ms: %.0f ms", p.trust(t)*1000)
		return
	}
	rows := [][2]string{{"first apply, from an empty cloud to a healthy platform", fmt.Sprintf("%.1f s", first.wall.Seconds())}}

	var again, ansible []sample
	var plans, plain, applies, plainApplies []sample
	reads := map[string][]sample{}
	for range runs {
		plain = append(plain, p.terraform(t, false))
		plans = append(plans, p.measure(t, p.infra, "plan", "e2e"))
		plainApplies = append(plainApplies, p.terraform(t, true))
		one := p.measure(t, p.infra, "apply", "e2e", "--auto-approve")
		again = append(again, one)
		ansible = append(ansible, sample{wall: p.ansibleTime(t)})
		applies = append(applies, sample{wall: one.wall - ansible[len(ansible)-1].wall, memory: one.memory})
		for _, verb := range []string{"output", "hosts", "inventory", "status"} {
			args := []string{verb, "e2e"}
			if verb == "status" {
				args = append(args, "--no-probe")
			}
			reads[verb] = append(reads[verb], p.measure(t, p.infra, args...))
		}
	}
	rows = append(rows,
		[2]string{"second apply, nothing to change", fmt.Sprintf("%.1f s, of it Ansible %.1f s", median(again), median(ansible))},
		[2]string{"terraform plan of both roots, one after the other", fmt.Sprintf("%.1f s", median(plain))},
		[2]string{"infra plan, nothing to change", fmt.Sprintf("%.1f s (%.2f x)", median(plans), median(plans)/median(plain))},
		[2]string{"terraform plan -out and apply of both roots", fmt.Sprintf("%.1f s", median(plainApplies))},
		[2]string{"infra apply without Ansible's own time", fmt.Sprintf("%.1f s (%.2f x)", median(applies), median(applies)/median(plainApplies))},
		[2]string{"guards, lease and ledger of one run, S3 answering after 10 ms", fmt.Sprintf("%.0f ms", p.trust(t)*1000)},
		[2]string{affected, nothingAffected(t)},
		[2]string{"peak memory of infra itself, apply", fmt.Sprintf("%d MiB", peak(append(again, first))/1024)},
	)
	for _, verb := range []string{"output", "hosts", "inventory", "status"} {
		name := "infra " + verb
		if verb == "status" {
			name += " --no-probe"
		}
		rows = append(rows, [2]string{name, fmt.Sprintf("%.0f ms", median(reads[verb])*1000)})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nmedians of %d runs, in turn\n", runs)
	for _, row := range rows {
		fmt.Fprintf(&b, "  %-56s %s\n", row[0], row[1])
	}
	t.Log(b.String())
}

// measure runs a program and wants it to succeed.
func (p *platform) measure(t *testing.T, program string, args ...string) sample {
	t.Helper()
	return watch(t, exec.CommandContext(t.Context(), program, append([]string{"-C", p.project}, args...)...))
}

// watch runs a command and samples its own peak memory while it runs.
func watch(t *testing.T, cmd *exec.Cmd) sample {
	t.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	started := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	s := sample{}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			s.wall = time.Since(started)
			t.Logf("%7.2f s %4d MiB  %s", s.wall.Seconds(), s.memory/1024, strings.Join(cmd.Args[:min(len(cmd.Args), 6)], " "))
			if err != nil {
				t.Fatalf("%v: %v\n%s", cmd.Args, err, said.String())
			}
			return s
		case <-tick.C:
			s.memory = max(s.memory, residentPeak(cmd.Process.Pid))
		}
	}
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

func residentPeak(pid int) int {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	if found := highWater.FindSubmatch(data); found != nil {
		n, err := strconv.Atoi(string(found[1]))
		if err == nil {
			return n
		}
	}
	return 0
}

// terraform runs plain Terraform on the same roots with the same data
// directories and variables, as one would by hand.
func (p *platform) terraform(t *testing.T, apply bool) sample {
	t.Helper()
	env, err := environment.Load(p.project, "e2e")
	if err != nil {
		t.Fatal(err)
	}
	var whole sample
	for _, product := range []string{"baseline", "pipeline"} {
		pairs := account.Pairs(account.Environment(account.TargetOf(env)))
		pairs = append(pairs, "TF_DATA_DIR="+filepath.Join(p.project, ".infra", "data", "e2e", product))
		run := func(args ...string) {
			cmd := exec.CommandContext(t.Context(), p.terraformProgram(t), args...)
			cmd.Dir, cmd.Env = filepath.Join(p.project, "terraform", "products", product), pairs
			whole.wall += watch(t, cmd).wall
		}
		vars := "-var-file=" + p.variables(t, env, product)
		if !apply {
			run("plan", "-input=false", "-parallelism=30", vars)
			continue
		}
		out := filepath.Join(t.TempDir(), "plan")
		run("plan", "-input=false", "-parallelism=30", vars, "-out="+out)
		run("apply", "-input=false", "-parallelism=30", out)
	}
	return whole
}

// variables writes down what infra gives Terraform; a run leaves none behind.
func (p *platform) variables(t *testing.T, env *environment.Environment, product string) string {
	t.Helper()
	keys, err := filepath.Glob(filepath.Join(p.project, ".infra", "ssh", "e2e", "*.pub"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("the key pair of the environment: %v %v", keys, err)
	}
	key, err := os.ReadFile(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	text, err := env.TerraformVariables(product, environment.Inputs{SSHPublicKey: strings.TrimSpace(string(key))})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), product+".tfvars.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// lastRun is the directory of the newest run.
func (p *platform) lastRun(t *testing.T) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(p.project, ".infra", "runs", "e2e", "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no run: %v", err)
	}
	return slices.Max(dirs)
}

var stamp = regexp.MustCompile(`"_timestamp":\s*"([^"]+)"`)

// ansibleTime is how long the last run's playbook took, by its own events.
func (p *platform) ansibleTime(t *testing.T) time.Duration {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.lastRun(t), "ansible.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	found := stamp.FindAllSubmatch(data, -1)
	if len(found) < 2 {
		t.Fatal("the playbook left no events")
	}
	from, err1 := time.Parse(time.RFC3339Nano, string(found[0][1]))
	to, err2 := time.Parse(time.RFC3339Nano, string(found[len(found)-1][1]))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return to.Sub(from)
}

func median(samples []sample) float64 {
	walls := make([]float64, 0, len(samples))
	for _, s := range samples {
		walls = append(walls, s.wall.Seconds())
	}
	slices.Sort(walls)
	return walls[len(walls)/2]
}

func peak(samples []sample) int {
	most := 0
	for _, s := range samples {
		most = max(most, s.memory)
	}
	return most
}

// terraformProgram is the one that infra itself uses.
func (p *platform) terraformProgram(t *testing.T) string {
	t.Helper()
	path, err := terraform.Find(t.Context(), p.project)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
