package postgresql

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"infra/internal/inventory"
)

// hosts are a primary, a standby and a witness as they were made.
func hosts() []inventory.Host {
	return []inventory.Host{
		{ID: "i-0aaaaaaaa", Name: "postgresql-1", Role: Primary, Number: 1, PrivateAddress: "10.0.0.1"},
		{ID: "i-0bbbbbbbb", Name: "postgresql-2", Role: Standby, Number: 2, PrivateAddress: "10.0.0.2"},
		{ID: "i-0cccccccc", Name: "postgresql-witness", Role: Witness, Number: 3, PrivateAddress: "10.0.0.3"},
	}
}

// observed are nodes whose answers are captures of real servers (PostgreSQL
// 15.20, repmgr 5.3.3), by file; an empty file is a host that is gone.
func observed(t *testing.T, files ...string) []Node {
	t.Helper()
	var nodes []Node
	for i, h := range hosts() {
		n := nodeOf(h)
		if files[i] == "" {
			n.Error = "does not answer"
		} else {
			data, err := os.ReadFile("testdata/" + files[i] + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if err := n.observe(data); err != nil {
				t.Fatal(err)
			}
			n.Reached = true
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func TestJudge(t *testing.T) {
	healthy := []string{"primary", "standby", "witness"}
	right := Endpoint{Address: "198.19.0.5", Holder: "postgresql-1"}
	tests := []struct {
		name     string
		files    []string
		change   func(nodes []Node)
		endpoint Endpoint
		serving  bool
		problems []string
	}{
		{"healthy", healthy, nil, right, true, nil},
		{"standby gone", []string{"primary", "", "witness"}, nil, right, true, []string{"postgresql-2: does not answer"}},
		{"witness gone", []string{"primary", "standby", ""}, nil, right, true, []string{"postgresql-witness: does not answer"}},
		{"nobody answers", []string{"", "", ""}, nil, right, false, []string{"no server could be asked: does not answer"}},
		{"primary gone", []string{"", "standby-alone", "witness"}, nil, right, false, []string{"no node takes writes", "postgresql-1: does not answer", "repmgrd does not run on postgresql-2"}},
		{"two primaries", []string{"primary-old", "primary-promoted", "witness"}, nil, right, false, []string{
			"2 nodes take writes: postgresql-1 (timeline 1), postgresql-2 (timeline 2); stop all but the one that the address leads to before more data diverges",
			"repmgrd does not run on postgresql-1", "repmgrd does not run on postgresql-2",
		}},
		{"address elsewhere", healthy, nil, Endpoint{Address: "198.19.0.5", Holder: "postgresql-2"}, false, []string{"the address 198.19.0.5 leads to postgresql-2, the primary is postgresql-1"}},
		{"address nowhere", healthy, nil, Endpoint{Address: "198.19.0.5"}, false, []string{"the address 198.19.0.5 leads to none of the nodes"}},
		{"address unknown", healthy, nil, Endpoint{Address: "198.19.0.5", Error: "denied"}, true, []string{"who holds the address 198.19.0.5 is unknown: denied"}},
		{"standby cut off", []string{"primary-old", "standby-alone", "witness"}, nil, right, true, []string{
			"repmgrd does not run on postgresql-1", "postgresql-2 does not receive from the primary", "repmgrd does not run on postgresql-2",
			"slot repmgr_slot_2 is not in use and retains 0 MiB",
		}},
		{"lag", healthy, func(n []Node) { n[0].answer.Replicas[0].LagBytes, n[0].answer.Replicas[0].LagSeconds = 65<<20, 2 }, right, true, []string{"postgresql-2 lags by 65 MiB and 2 s"}},
		{"slow replay", healthy, func(n []Node) { n[0].answer.Replicas[0].LagBytes, n[0].answer.Replicas[0].LagSeconds = 1<<20, 31 }, right, true, []string{"postgresql-2 lags by 1 MiB and 31 s"}},
		{"another cluster", healthy, func(n []Node) { n[1].answer.System = "7" }, right, true, []string{"postgresql-2 belongs to another cluster than postgresql-1: clone it anew"}},
		{"old timeline", healthy, func(n []Node) { n[1].answer.Timeline = 3 }, right, true, []string{"postgresql-2 is on timeline 3, the primary on 1"}},
		{"replay paused", healthy, func(n []Node) { n[1].answer.ReplayPaused = true }, right, true, []string{"replay is paused on postgresql-2"}},
		{"repmgrd paused", healthy, func(n []Node) { n[1].Repmgrd = "paused" }, right, true, []string{"repmgrd is paused on postgresql-2"}},
		{"orphaned witness", healthy, func(n []Node) { n[0].answer.Nodes[2].Upstream = 2 }, right, true, []string{"postgresql-witness follows node 2, not the primary postgresql-1: a failover would have no quorum"}},
		{"unregistered", healthy, func(n []Node) { n[0].answer.Nodes = n[0].answer.Nodes[:2] }, right, true, []string{"postgresql-witness is not registered with repmgr"}},
		{"inactive row", healthy, func(n []Node) { n[0].answer.Nodes[1].Active = false }, right, true, []string{"repmgr holds postgresql-2 for inactive"}},
		{"wrong row", healthy, func(n []Node) { n[0].answer.Nodes[1].Type = Primary }, right, true, []string{"postgresql-2 is a standby, repmgr holds it for a primary"}},
		{"fenced by read-only", healthy, func(n []Node) { n[0].Writable = false }, right, false, []string{"no node takes writes"}},
		{"slot full", healthy, func(n []Node) { n[0].Slots[0].RetainedBytes = 600 << 20 }, right, true, []string{"slot repmgr_slot_2 retains 600 of 1024 MiB"}},
		{"slot lost", healthy, func(n []Node) { n[0].Slots[0].WALStatus = "lost" }, right, true, []string{"slot repmgr_slot_2 has lost WAL that its standby needs: clone the standby anew"}},
		{"connections", healthy, func(n []Node) { n[0].Connections = 81 }, right, true, []string{"81 of 100 connections are in use"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			nodes := observed(t, test.files...)
			if test.change != nil {
				test.change(nodes)
			}
			slices.Reverse(nodes)
			got := Judge(nodes, test.endpoint)
			if got.Serving != test.serving || !slices.Equal(got.Problems, test.problems) {
				t.Errorf("serving %v, problems:\n%s", got.Serving, strings.Join(got.Problems, "\n"))
			}
		})
	}
}

func TestObserved(t *testing.T) {
	s := Judge(observed(t, "primary", "standby", "witness"), Endpoint{Holder: "postgresql-1"})
	p, b, w := s.Nodes[0], s.Nodes[1], s.Nodes[2]
	if p.Role != Primary || !p.Writable || p.Timeline != 1 || p.Version != "15.20" || len(p.Slots) != 1 || p.Repmgrd != "running" {
		t.Errorf("primary: %+v", p)
	}
	if b.Role != Standby || b.Writable || !b.Streaming || b.LagBytes != 0 || b.LagSeconds > 1 {
		t.Errorf("standby: %+v", b)
	}
	if w.Role != Witness || w.Writable {
		t.Errorf("witness: %+v", w)
	}
	// After a failover the rows of a lost primary are stale: what the server
	// is counts, not what it was made for.
	s = Judge(observed(t, "", "primary-promoted", "witness"), Endpoint{Holder: "postgresql-2"})
	if n := s.Nodes[1]; n.Role != Primary || !n.Writable || n.Timeline != 2 || !s.Serving {
		t.Errorf("promoted: %+v", n)
	}
	var n Node
	if err := n.observe([]byte("psql: error")); err == nil {
		t.Error("nonsense was read")
	}
}

func TestReadByName(t *testing.T) {
	data := map[string]string{"postgresql-1": "primary", "postgresql-2": "standby", "postgresql-witness": "witness"}
	run := func(_ context.Context, h inventory.Host, _ io.Reader, argv ...string) ([]byte, error) {
		switch argv[0] {
		case "sudo":
			return os.ReadFile("testdata/" + data[h.Name] + ".json")
		case "getent":
			if argv[len(argv)-1] == "postgresql.test.internal" {
				return []byte("10.0.0.1        STREAM postgresql.test.internal\n10.0.0.1        DGRAM\n"), nil
			}
		}
		return nil, errors.New("not found")
	}
	s := Read(t.Context(), run, nil, hosts(), Output{Engine: "postgresql", Address: "postgresql.test.internal"})
	if !s.Serving || len(s.Problems) > 0 || s.Endpoint.Holder != "postgresql-1" {
		t.Errorf("got %+v", s)
	}
	s = Read(t.Context(), run, nil, hosts(), Output{Engine: "postgresql", Address: "elsewhere"})
	if !s.Serving || len(s.Problems) != 1 || !strings.Contains(s.Problems[0], "not found") {
		t.Errorf("got %+v", s)
	}
}

func TestJudgeManaged(t *testing.T) {
	tests := []struct {
		state    string
		multi    bool
		address  string
		serving  bool
		problems []string
	}{
		{"available", true, "a", true, nil},
		{"available", false, "a", true, []string{"db has no standby in another zone"}},
		{"failing-over", true, "a", false, []string{"db is failing-over"}},
		{"stopped", true, "a", false, []string{"db is stopped, not available"}},
		{"available", true, "b", true, []string{"its address is b, the state has a"}},
	}
	for _, test := range tests {
		got := judgeManaged(Status{Endpoint: Endpoint{Address: "a"}}, types.DBInstance{
			DBInstanceIdentifier: aws.String("db"), DBInstanceStatus: aws.String(test.state), MultiAZ: aws.Bool(test.multi),
			Endpoint: &types.Endpoint{Address: aws.String(test.address)},
		})
		if got.Serving != test.serving || !slices.Equal(got.Problems, test.problems) {
			t.Errorf("%+v: serving %v, problems %q", test, got.Serving, got.Problems)
		}
	}
}
