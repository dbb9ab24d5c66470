//go:build endtoend

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// runDocument is the part of infra/run/v1 that the tests read.
type runDocument struct {
	Changed bool `json:"changed"`
	Stacks  []struct {
		Stack   string `json:"stack"`
		Applied int    `json:"applied"`
	} `json:"stacks"`
	Hosts []struct {
		ID      string `json:"id"`
		Changed int    `json:"changed"`
	} `json:"hosts"`
	Tasks []string `json:"changed_tasks"`
}

// TestPlatform builds the whole platform once and asks everything of it. The
// subtests go in order, since each stands on what the one before left.
func TestPlatform(t *testing.T) {
	before := leftovers(t)
	p := newPlatform(t)
	for _, step := range []struct {
		name string
		test func(*testing.T, *platform)
	}{
		{"a plan before the first apply", planOfNothing},
		{"apply builds it", firstApply},
		{"a second apply changes nothing", secondApply},
		{"a plan is empty", emptyPlan},
		{"status tells health from the servers", healthy},
		{"a write on the ZooKeeper leader is read on a follower", zookeeperReplicates},
		{"a row of the primary is read on the standby", postgresqlReplicates},
		{"Ansible reads the dynamic inventory", dynamicInventory},
		{"a stateful resource is not destroyed by a plan", destroyGuard},
		{"a host that refuses SSH is named", refusingHost},
		{"Terraform failing in the middle is explained and mended", failingTerraform},
		{"destroy ends everything", destroyAll},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.test(t, p) }) {
			return
		}
	}
	p.run(t, 0, "sandbox", "down", "--environment", "e2e")
	if after := leftovers(t); after != before {
		t.Errorf("the sandbox left something behind.\nbefore:\n%s\nafter:\n%s", before, after)
	}
	p.run(t, 0, "sandbox", "down", "--environment", "e2e") // a second time is no error
}

func planOfNothing(t *testing.T, p *platform) {
	_, stderr := p.run(t, 2, "plan", "e2e")
	if !strings.Contains(stderr, "pipeline/e2e: deferred") {
		t.Error("the stack that waits for another is not shown as deferred")
	}
	p.run(t, 1, "output", "e2e")
	p.run(t, 0, "bootstrap", "e2e")
	if _, stderr := p.run(t, 0, "bootstrap", "e2e"); !strings.Contains(stderr, "nothing changed") {
		t.Error("a second bootstrap does not say that nothing changed")
	}
}

func firstApply(t *testing.T, p *platform) {
	doc := data[runDocument](t, p, "apply", "e2e", "--auto-approve")
	if len(doc.Stacks) != 2 || doc.Stacks[0].Applied == 0 || doc.Stacks[1].Applied == 0 || len(doc.Hosts) < 7 {
		t.Errorf("applied %+v", doc)
	}
}

func secondApply(t *testing.T, p *platform) {
	doc := data[runDocument](t, p, "apply", "e2e", "--auto-approve")
	if doc.Changed || len(doc.Tasks) > 0 {
		t.Errorf("a converged apply changed something: %+v", doc)
	}
	for _, host := range doc.Hosts {
		if host.Changed != 0 {
			t.Errorf("host %s: %d changed", host.ID, host.Changed)
		}
	}
}

func emptyPlan(t *testing.T, p *platform) {
	if _, stderr := p.run(t, 0, "plan", "e2e"); !strings.Contains(stderr, "No changes") {
		t.Error("an empty plan does not say so")
	}
}

func healthy(t *testing.T, p *platform) {
	doc := data[struct {
		State string `json:"state"`
	}](t, p, "status", "e2e")
	if doc.State != "healthy" {
		out, _ := p.run(t, 0, "status", "e2e")
		t.Errorf("not healthy:\n%s", out)
	}
	out, _ := p.run(t, 0, "status", "e2e")
	for _, want := range []string{"leader", "follower", "primary", "standby", "witness", "WAITING"} {
		if !strings.Contains(out, want) {
			t.Errorf("the status does not show %q:\n%s", want, out)
		}
	}
	out, _ = p.run(t, 0, "status", "e2e", "--no-probe")
	if !strings.Contains(out, "zookeeper-1") {
		t.Errorf("without probing:\n%s", out)
	}
}

// zookeeperMode is what a server says of itself.
func zookeeperMode(t *testing.T, p *platform, host string) string {
	var stats struct {
		ServerStats struct {
			State string `json:"server_state"`
		} `json:"server_stats"`
	}
	out := p.on(t, host, "curl", "-fsS", "http://127.0.0.1:8080/commands/stats")
	if err := json.Unmarshal([]byte(out), &stats); err != nil {
		t.Fatalf("%s: %v\n%s", host, err, out)
	}
	return stats.ServerStats.State
}

func zookeeperReplicates(t *testing.T, p *platform) {
	var leader, follower string
	for i := 1; i <= 3; i++ {
		host := fmt.Sprintf("zookeeper-%d", i)
		switch zookeeperMode(t, p, host) {
		case "leader":
			leader = host
		case "follower":
			follower = host
		}
	}
	if leader == "" || follower == "" {
		t.Fatalf("leader %q, follower %q", leader, follower)
	}
	const client = "/usr/share/zookeeper/bin/zkCli.sh"
	p.on(t, leader, client, "-server", "127.0.0.1:2181", "create", "/e2e", "written-on-the-leader")
	got := p.on(t, follower, client, "-server", "127.0.0.1:2181", "get", "/e2e")
	if !strings.Contains(got, "written-on-the-leader") {
		t.Errorf("%s reads %q", follower, got)
	}
	p.on(t, leader, client, "-server", "127.0.0.1:2181", "delete", "/e2e")
}

func postgresqlReplicates(t *testing.T, p *platform) {
	psql := func(host, query string) string {
		out, _ := p.run(t, 0, "ssh", "e2e", host, "--", "sudo", "-n", "-u", "postgres", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", query)
		return strings.TrimSpace(out)
	}
	psql("postgresql-1", "create table e2e (n int); insert into e2e values (42)")
	eventually(t, "the standby has the row", func() (bool, string) {
		got := psql("postgresql-2", "select coalesce((select string_agg(relname, ',') from pg_class where relname = 'e2e'), '')")
		if got != "e2e" {
			return false, got
		}
		got = psql("postgresql-2", "select n from e2e")
		return got == "42", got
	})
	if got := psql("postgresql-2", "select pg_is_in_recovery()"); got != "t" {
		t.Errorf("the standby says %q of being in recovery", got)
	}
	psql("postgresql-1", "drop table e2e")
}

func dynamicInventory(t *testing.T, p *platform) {
	script := filepath.Join(p.project, "inventory")
	p.write(t, "inventory", "#!/bin/sh\nexec "+p.infra+" -C "+p.project+" inventory e2e \"$@\"\n")
	if err := os.Chmod(script, 0o700); err != nil {
		t.Fatal(err)
	}
	programs, err := filepath.Glob(filepath.Join(p.project, ".infra", "python", "ansible-*", "bin", "ansible-inventory"))
	if err != nil || len(programs) == 0 {
		t.Fatalf("no ansible-inventory: %v", err)
	}
	cmd := exec.Command(programs[0], "-i", script, "--graph")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"@zookeeper:", "@postgresql_primary:", "@vpc_bastion:"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

func destroyGuard(t *testing.T, p *platform) {
	file := filepath.Join(p.project, "environments", "e2e.yaml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "environments/e2e.yaml", string(was)+"    zookeeper:\n      size: 1\n")
	_, stderr := p.run(t, 3, "plan", "e2e")
	if !strings.Contains(stderr, "--allow-destroy") || !strings.Contains(stderr, "zookeeper") {
		t.Errorf("the refusal does not say what to type:\n%s", stderr)
	}
	p.run(t, 3, "apply", "e2e", "--auto-approve")
	p.write(t, "environments/e2e.yaml", string(was))
	p.run(t, 0, "plan", "e2e")
}

// hostID is the instance of a host.
func (p *platform) hostID(t *testing.T, name string) string {
	t.Helper()
	doc := data[struct {
		Hosts []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"hosts"`
	}](t, p, "hosts", "e2e")
	for _, h := range doc.Hosts {
		if h.Name == name {
			return h.ID
		}
	}
	t.Fatalf("there is no host %s", name)
	return ""
}

// refusingHost stops sshd on one host, wants it named, and brings it back
// through the EC2 API: stopped for real, then started.
func refusingHost(t *testing.T, p *platform) {
	id := p.hostID(t, "zookeeper-3")
	p.on(t, "zookeeper-3", "systemctl", "stop", "ssh.socket", "ssh.service")
	_, stderr := p.run(t, 5, "configure", "e2e", "--layer", "zookeeper")
	if !strings.Contains(stderr, "zookeeper-3") || strings.Contains(stderr, "Traceback") {
		t.Errorf("the host is not named plainly:\n%s", stderr)
	}
	api := ec2.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(p.endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	})
	state := func() types.InstanceStateName {
		out, err := api.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Reservations[0].Instances[0].State.Name
	}
	if _, err := api.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the instance is stopped", func() (bool, string) {
		now := state()
		return now == types.InstanceStateNameStopped, string(now)
	})
	if _, err := api.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	p.run(t, 0, "configure", "e2e", "--layer", "zookeeper")
	eventually(t, "the ensemble is whole again", func() (bool, string) {
		mode := zookeeperMode(t, p, "zookeeper-3")
		return mode == "follower" || mode == "leader", mode
	})
}

// failingTerraform lets the cloud refuse one kind of change in the middle of
// an apply. What was made stays in the state, the error names the resource,
// and the same command mends it.
func failingTerraform(t *testing.T, p *platform) {
	file := filepath.Join(p.project, "environments", "e2e.yaml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "environments/e2e.yaml", string(was)+"  baseline:\n    alert_emails: [ops@example.com]\n    log_retention_days: 30\n")
	p.fault(t, `[{"service":"sns","action":"Subscribe","status":400,"count":50}]`)
	_, stderr := p.run(t, 1, "apply", "e2e", "--auto-approve", "--product", "baseline")
	if !strings.Contains(stderr, "aws_sns_topic_subscription") || !strings.Contains(stderr, "next:") || strings.Contains(stderr, "goroutine ") {
		t.Errorf("the failure is not explained:\n%s", stderr)
	}
	p.fault(t, "")
	p.run(t, 0, "apply", "e2e", "--auto-approve", "--product", "baseline")
	p.write(t, "environments/e2e.yaml", string(was))
	p.run(t, 0, "apply", "e2e", "--auto-approve", "--product", "baseline")
}

// fault gives the emulator faults to answer with; none clears them.
func (p *platform) fault(t *testing.T, faults string) {
	t.Helper()
	method := http.MethodPost
	if faults == "" {
		method = http.MethodDelete
	}
	request, err := http.NewRequestWithContext(t.Context(), method, p.endpoint+"/_sandbox/faults", strings.NewReader(faults))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		t.Fatalf("the emulator answers %s", response.Status)
	}
}

func destroyAll(t *testing.T, p *platform) {
	p.run(t, 3, "destroy", "e2e", "--confirm", "prod")
	p.run(t, 0, "destroy", "e2e", "--confirm", "e2e")
	if _, stderr := p.run(t, 0, "destroy", "e2e", "--confirm", "e2e"); !strings.Contains(stderr, "nothing changed") {
		t.Error("a second destroy does not say that nothing changed")
	}
}

// leftovers is everything on this machine that a sandbox could leave behind.
func leftovers(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, command := range [][]string{
		{"ip", "netns", "list"}, {"ip", "-o", "link"}, {"ip", "route"}, {"losetup", "-l", "-n"},
		{"sh", "-c", "cut -d' ' -f2,3 /proc/self/mounts"}, {"sh", "-c", "nft list ruleset 2>/dev/null; ls /run | grep infra; ls /var/lib | grep infra; true"},
		{"sh", "-c", "ps -eo args | grep -E 'dockerd|containerd|moto|sandbox serve' | grep -v grep || true"},
	} {
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			t.Fatalf("%v: %v", command, err)
		}
		fmt.Fprintf(&b, "$ %s\n%s", strings.Join(command, " "), out)
	}
	return b.String()
}
