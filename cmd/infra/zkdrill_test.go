//go:build endtoend

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	table "infra/internal/report"
	"infra/internal/zkdrill"
	"infra/internal/zookeeper"
)

// TestDrillZooKeeper grows an ensemble from one server to five and replaces
// servers, under clients whose history is judged, and then breaks it in every
// way that the drill knows. INFRA_DRILL narrows it: names of scenarios, of
// which only these are run, and how many times in a row.
func TestDrillZooKeeper(t *testing.T) {
	words := strings.Fields(os.Getenv("INFRA_DRILL"))
	p := newPlatform(t)
	p.ensemble(t, 1)
	p.run(t, 0, "apply", "e2e", "--auto-approve")
	if len(words) == 0 || words[0] == "changes" {
		t.Run("an ensemble of one is not replaced", func(t *testing.T) {
			if _, stderr := p.run(t, 3, "zk", "replace", "e2e", "zookeeper-1", "--auto-approve"); !strings.Contains(stderr, "the only copy") {
				t.Errorf("it is refused for another reason:\n%s", stderr)
			}
		})
		p.underLoad(t, "it grows from 1 to 3 by apply", func(t *testing.T) {
			p.ensemble(t, 3)
			p.run(t, 0, "apply", "e2e", "--auto-approve")
		})
		p.underLoad(t, "it grows from 3 to 5", func(t *testing.T) {
			p.ensemble(t, 5)
			p.run(t, 0, "zk", "grow", "e2e", "--auto-approve")
			p.votes(t, 5)
		})
		p.underLoad(t, "a server is replaced, under a new id", func(t *testing.T) {
			p.run(t, 0, "zk", "replace", "e2e", "zookeeper-2", "--auto-approve")
			if got := p.votes(t, 5)["zookeeper-2"]; got != 6 {
				t.Errorf("its successor is server %d, want 6", got)
			}
		})
		p.underLoad(t, "an instance that is gone is made anew by apply", func(t *testing.T) {
			p.terminate(t, p.hostID(t, "zookeeper-3"))
			p.run(t, 0, "apply", "e2e", "--auto-approve")
			p.votes(t, 5)
		})
		p.underLoad(t, "a server that lost its transaction log never votes under its old id", func(t *testing.T) {
			lostLog(t, p, "zookeeper-1")
		})
		p.underLoad(t, "the servers are restarted one at a time", func(t *testing.T) { p.run(t, 0, "zk", "restart", "e2e", "--upgrade", "--auto-approve") })
		t.Run("it shrinks to 3", func(t *testing.T) {
			p.ensemble(t, 3)
			if _, stderr := p.run(t, 3, "apply", "e2e", "--auto-approve"); !strings.Contains(stderr, "infra zk shrink") {
				t.Errorf("an apply that takes servers away does not say how it is done:\n%s", stderr)
			}
			p.run(t, 0, "zk", "shrink", "e2e", "--auto-approve")
			p.votes(t, 3)
		})
	} else {
		p.ensemble(t, 3)
		p.run(t, 0, "apply", "e2e", "--auto-approve")
	}
	if len(words) > 0 && words[0] == "changes" {
		return
	}
	report := drillReport[zkdrill.Report](t, p, "zk", words)
	t.Logf("\n%s", table.EnsembleDrillText(report))
	if !report.Passed {
		t.Errorf("it did not pass: %s %s", strings.Join(report.Failed(), ", "), report.Stopped)
	}
	if report.KillMedian > 5 || report.HangWorst > 15 {
		t.Errorf("median write gap of a killed leader %.1f s, may be 5; worst of a silent one %.1f s, may be 15", report.KillMedian, report.HangWorst)
	}
}

// ensemble writes the environment's file with an ensemble of a size.
func (p *platform) ensemble(t *testing.T, size int) {
	t.Helper()
	p.write(t, "environments/e2e.yaml", "extends: sandbox\nendpoint: "+p.endpoint+
		"\nproducts:\n  pipeline:\n    vpc: {cidr: 10.77.0.0/16}\n    zookeeper: {size: "+strconv.Itoa(size)+"}\n    postgresql: {engine: rds}\n")
}

// votes wants so many voters, all well, and returns their ids by name.
func (p *platform) votes(t *testing.T, want int) map[string]int {
	t.Helper()
	status := data[zookeeper.Status](t, p, "zk", "status", "e2e")
	ids := map[string]int{}
	for _, m := range status.Members {
		ids[m.Name] = m.Server
		if len(m.Voters) != want || m.Server == 0 {
			t.Errorf("%s is server %d and knows the voters %v, want %d", m.Name, m.Server, m.Voters, want)
		}
	}
	if len(ids) != want || !status.Serving {
		t.Errorf("%d servers, serving: %t", len(ids), status.Serving)
	}
	return ids
}

// lostLog wipes a follower's transaction logs, as a volume that was made anew
// would be, and has it taken in again.
func lostLog(t *testing.T, p *platform, server string) {
	before := p.votes(t, 5)[server]
	p.on(t, server, "systemctl", "stop", "zookeeper")
	p.on(t, server, "sh", "-c", "rm -rf /var/lib/zookeeper/log/version-2 /var/lib/zookeeper/log/infra-member")
	p.on(t, server, "sh", "-c", "systemctl start zookeeper || true")
	if log := p.on(t, server, "journalctl", "-u", "zookeeper", "-n", "20", "--no-pager"); !strings.Contains(log, "does not hold the data of member") {
		t.Errorf("the guard lets it start:\n%s", log)
	}
	p.run(t, 0, "configure", "e2e", "--layer", "zookeeper")
	if after := p.votes(t, 5)[server]; after == before {
		t.Errorf("it is server %d again", after)
	}
}

// terminate ends an instance behind infra's back.
func (p *platform) terminate(t *testing.T, id string) {
	t.Helper()
	if _, err := p.ec2().TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
}

// underLoad runs a test while clients work with the ensemble, and wants that
// nothing they were told was wrong.
func (p *platform) underLoad(t *testing.T, name string, test func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		// It is interrupted when the test is over, also by a failure: killed, it would leave its connections.
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), p.infra, "-C", p.project, "zk", "drill", "e2e", "--load", "1h", "--output", "json")
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := sync.OnceValue(func() error { return cmd.Process.Signal(syscall.SIGINT) })
		t.Cleanup(func() { _ = errors.Join(stop(), cmd.Wait()) }) // the report says how it ended
		var report zkdrill.Report
		decoded := make(chan error, 1)
		go func() { decoded <- json.NewDecoder(out).Decode(&report) }()
		test(t)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := <-decoded; err != nil {
			t.Fatalf("the clients: %v\n%s", err, errs.String())
		}
		for _, r := range report.Results {
			t.Logf("write gap %.1f s, worst client %.1f s, %d operations, %d writes acknowledged, %d unknown, %d sessions expired",
				r.WriteGap, r.ClientGap, r.Counts.Operations, r.Counts.Writes, r.Counts.Unknown, r.Expired)
			if !r.Passed || r.Counts.Writes == 0 {
				t.Errorf("%s", strings.Join(r.Findings, "\n"))
			}
		}
	})
}
