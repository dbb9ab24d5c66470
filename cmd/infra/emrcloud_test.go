//go:build endtoend

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	clusters "infra/internal/emr"
	"infra/internal/sandbox/emulator"
)

// emrCloud is a cloud with a network and a cluster in it, and nothing else.
type emrCloud struct {
	*cloud
	emr    *emr.Client
	ssm    *ssm.Client
	random *rand.Rand
}

// tellEMR writes a line at once: `make replace-emr` shows it.
func tellEMR(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, "replace-emr "+format+"\n", args...)
}

func newEMRCloud(t *testing.T) *emrCloud {
	t.Helper()
	c := newCloud(t)
	e := &emrCloud{cloud: c, emr: emr.NewFromConfig(c.config(t)), ssm: ssm.NewFromConfig(c.config(t)), random: rand.New(rand.NewPCG(20261128, 8))}
	e.settings(t, "")
	withoutHosts(t, c)
	c.run(t, 0, "apply", "cloud", "--auto-approve")
	return e
}

// withoutHosts takes the layers with hosts out of the product: this cloud has
// none.
func withoutHosts(t *testing.T, c *cloud) {
	t.Helper()
	for name, cuts := range map[string][]string{
		"main.tf":    {`(?ms)^module "(zookeeper|postgresql)" \{.*?^\}\n`},
		"outputs.tf": {`(?ms)^output "(zookeeper|postgresql)" \{.*?^\}\n`},
	} {
		name = "terraform/products/pipeline/" + name
		text, err := os.ReadFile(filepath.Join(c.project, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range cuts {
			pattern := regexp.MustCompile(cut)
			if !pattern.Match(text) {
				t.Fatalf("%s has no %s any more", name, cut)
			}
			text = pattern.ReplaceAll(text, nil)
		}
		c.write(t, name, string(text))
	}
}

// settings writes the environment's file with settings of the cluster.
func (e *emrCloud) settings(t *testing.T, of string) {
	t.Helper()
	e.write(t, "environments/cloud.yaml", fmt.Sprintf("extends: sandbox\nendpoint: %s\nproducts:\n  pipeline:\n    vpc: {cidr: 10.78.0.0/16, access: ssm}\n    emr: {%s}\n", e.endpoint, of))
}

// active is the cluster that the pointer leads to.
func (e *emrCloud) active(t *testing.T) string {
	t.Helper()
	id, err := pointerOf(t.Context(), e.ssm)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// overview is what `infra emr status` says, with the exit code that it has.
func (e *emrCloud) overview(t *testing.T, code int) clusters.Overview {
	t.Helper()
	out, said := e.run(t, code, "emr", "status", "cloud", "--output", "json")
	var o clusters.Overview
	if err := json.Unmarshal([]byte(out), &o); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, said)
	}
	return o
}

// state is a cluster's.
func (e *emrCloud) state(t *testing.T, id string) string {
	t.Helper()
	described, err := e.emr.DescribeCluster(t.Context(), &emr.DescribeClusterInput{ClusterId: &id})
	if err != nil {
		t.Fatal(err)
	}
	return string(described.Cluster.Status.State)
}

// killedAt starts a move, and kills infra a moment after it has said something.
// What a person would type then is typed, until the environment is free again.
func (e *emrCloud) killedAt(t *testing.T, step clusters.Step, says string, typed []string) {
	t.Helper()
	// What takes no time on the emulator takes long enough to be killed in.
	slow := []emulator.Fault{{Action: "DescribeCluster", DelayMS: 1200}, {Action: "DescribeStep", DelayMS: 1200}}
	if err := e.emulator.AddFaults(t.Context(), slow...); err != nil {
		t.Fatal(err)
	}
	moment := time.Duration(e.random.Float64() * float64(time.Second))
	e.killedAfter(t, typed, moment, ", "+string(step)+": ", says)
	if err := e.emulator.ClearFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.quiet(t)
	commands := e.free(t)
	tellEMR("%s killed in %s, %s after it said %q; typed then: %s", typed[1], step, moment.Round(10*time.Millisecond), says, commands)
}

// free types what infra says until a plan works: a run that was killed while it
// changed something is to be recovered first.
func (e *emrCloud) free(t *testing.T) string {
	t.Helper()
	if head, err := e.store(t).Head(t.Context()); err != nil || head.Open == "" {
		return "nothing" // it had changed nothing yet
	}
	var typed []string
	plan := []string{"plan", "cloud", "--product", "pipeline"}
	next := plan
	code, text := e.enter(t, plan)
	for range hops {
		if code == 0 || code == 2 {
			if typed == nil {
				return "nothing"
			}
			return strings.Join(typed, ", ")
		}
		if next = hint(next, text); len(next) == 0 {
			t.Fatalf("exit %d, and nothing to type:\n%s", code, text)
		}
		if next[0] == "recover" {
			next = append(next, "--auto-approve")
		}
		typed = append(typed, "infra "+strings.Join(next, " "))
		if code, text = e.enter(t, next); code != 0 {
			continue
		}
		code, text = e.enter(t, plan)
	}
	t.Fatalf("after %v it still is not free:\n%s", typed, text)
	return ""
}

// enter runs a command as a person would type it.
func (e *emrCloud) enter(t *testing.T, args []string) (code int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
	defer cancel()
	out, err := e.command(ctx, args...).CombinedOutput()
	return exitCode(t, err), string(out)
}
