//go:build endtoend

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

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

// restartOfOneServer restarts a ZooKeeper server, and none beside it.
func restartOfOneServer(t *testing.T, p *platform) {
	started := func() (all []string) {
		for i := 1; i <= 3; i++ {
			all = append(all, p.on(t, fmt.Sprintf("zookeeper-%d", i), "systemctl", "show", "--property", "ExecMainStartTimestampMonotonic", "zookeeper.service"))
		}
		return all
	}
	before := started()
	p.run(t, 0, "zk", "restart", "e2e", "--server", "zookeeper-2", "--auto-approve")
	after := started()
	if after[1] == before[1] || after[0] != before[0] || after[2] != before[2] {
		t.Errorf("the servers ran since %v, and now since %v", before, after)
	}
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
