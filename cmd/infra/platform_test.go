//go:build endtoend

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
		{"another account is refused", wrongAccount},
		{"a plan before the first apply", planOfNothing},
		{"apply builds it", firstApply},
		{"a second apply changes nothing", secondApply},
		{"a plan is empty", emptyPlan},
		{"status tells health from the servers", healthy},
		{"the picture shows who leads and who follows", pictured},
		{"of a platform that is well, doctor finds nothing that failed", examinedPlatform},
		{"a write on the ZooKeeper leader is read on a follower", zookeeperReplicates},
		{"one ZooKeeper server is restarted, and no other", restartOfOneServer},
		{"a row of the primary is read on the standby", postgresqlReplicates},
		{"Ansible reads the dynamic inventory", dynamicInventory},
		{"what drift says of hosts is what configure does", driftOfHosts},
		{"a pull request's comment names hosts and tasks", commentOfHosts},
		{"the database says that it is well", databaseStatus},
		{"a failover of a healthy database is refused", failoverOfTheHealthy},
		{"a switchover there and back loses nothing", switchoverThereAndBack},
		{"a backup is proven by its restore", verifiedRestore},
		{"what the documents show can be typed", typedDocuments},
		{"hosts know every key of the environment's file", everyKey},
		{"a stateful resource is not destroyed by a plan", destroyGuard},
		{"row 9: an interrupt ends every process of Ansible", interruptedAnsible},
		{"row 2: Ansible does not outlive a killed infra unnoticed", killedInfra},
		{"rows 30 and 31: exactly the approved plan is applied", approvedPlan},
		{"a host that refuses SSH is named", refusingHost},
		{"Terraform failing in the middle is explained and mended", failingTerraform},
		{"row 58: no secret is in anything that a run leaves", noSecretLeaks},
		{"destroy ends everything", destroyAll},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.test(t, p) }) {
			return
		}
	}
	p.run(t, 0, "sandbox", "down", "--environment", "e2e")
	for thing := range leftovers(t) {
		if strings.Contains(thing, "awsapi") && !strings.Contains(thing, p.project) {
			continue // the emulator of another test beside this one
		}
		if !before[thing] {
			t.Errorf("the sandbox left something behind: %s", thing)
		}
	}
	p.run(t, 0, "sandbox", "down", "--environment", "e2e") // a second time is no error
}

// wrongAccount opens an environment whose account is not that of the
// credentials: refused before Terraform is initialised.
func wrongAccount(t *testing.T, p *platform) {
	p.write(t, "environments/foreign.yaml", "extends: e2e\naccount: \"210987654321\"\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.78.0.0/16\n")
	_, stderr := p.run(t, 3, "plan", "foreign")
	if !strings.Contains(stderr, "210987654321") || !strings.Contains(stderr, "123456789012") {
		t.Errorf("the refusal does not name both accounts:\n%s", stderr)
	}
	for _, left := range []string{"data/foreign", "runs/foreign"} {
		if _, err := os.Stat(filepath.Join(p.project, ".infra", left)); err == nil {
			t.Errorf("%s was written", left)
		}
	}
	if err := os.Remove(filepath.Join(p.project, "environments", "foreign.yaml")); err != nil {
		t.Fatal(err)
	}
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
	cmd := exec.CommandContext(t.Context(), programs[0], "-i", script, "--graph")
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

func destroyAll(t *testing.T, p *platform) {
	p.run(t, 3, "destroy", "e2e", "--confirm", "prod")
	p.run(t, 0, "destroy", "e2e", "--confirm", "e2e")
	if _, stderr := p.run(t, 0, "destroy", "e2e", "--confirm", "e2e"); !strings.Contains(stderr, "nothing changed") {
		t.Error("a second destroy does not say that nothing changed")
	}
}

// leftovers is everything on this machine that a sandbox could leave behind: of
// processes those that work below a folder of infra's, as all of a sandbox do. A
// process that has ended and that only the machine's first process can reap, the
// sandbox's daemon itself, is not.
func leftovers(t *testing.T) map[string]bool {
	t.Helper()
	things := map[string]bool{}
	for _, command := range [][]string{
		{"ip", "netns", "list"},
		{"ip", "-o", "link"},
		{"ip", "route"},
		{"losetup", "-l", "-n"},
		{"sh", "-c", "cut -d' ' -f2,3 /proc/self/mounts"},
		{"sh", "-c", "nft list ruleset 2>/dev/null; ls /run | grep infra; ls /var/lib | grep infra; true"},
		{"sh", "-c", "ps -eo stat=,ppid=,args= | awk '!($1 ~ /^Z/ && $2 == 1) && /dockerd|containerd|moto|sandbox serve/ && /infra/ && !/awk/ {$1=$2=\"\"; print}'"},
	} {
		out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).Output()
		if err != nil {
			t.Fatalf("%v: %v", command, err)
		}
		for line := range strings.Lines(string(out)) {
			things[command[0]+": "+strings.TrimSpace(line)] = true
		}
	}
	return things
}
