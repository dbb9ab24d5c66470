package postgresql

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/fault"
)

// overviewOf judges captures of real servers, with every instance running.
func overviewOf(t *testing.T, change func(nodes []Node), files ...string) *Overview {
	t.Helper()
	nodes := observed(t, files...)
	for i := range nodes {
		nodes[i].Agent = &Agent{Running: true}
	}
	if change != nil {
		change(nodes)
	}
	return &Overview{Environment: "test", Status: Judge(nodes, Endpoint{Address: "198.19.0.5", Holder: "postgresql-1"})}
}

func wantRefusal(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want == "":
	case err == nil:
		t.Errorf("not refused, want %q", want)
	case fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), want) || !strings.Contains(fault.HintOf(err), "test"):
		t.Errorf("got %v (code %d, hint %q), want %q", err, fault.CodeOf(err), fault.HintOf(err), want)
	}
}

func TestPlanSwitchover(t *testing.T) {
	healthy := []string{"primary", "standby", "witness"}
	tests := []struct {
		name   string
		files  []string
		change func(nodes []Node)
		to     string
		want   string
	}{
		{"healthy", healthy, nil, "", ""},
		{"named", healthy, nil, "postgresql-2", ""},
		{"unknown", healthy, nil, "postgresql-9", "there is no node postgresql-9"},
		{"itself", healthy, nil, "postgresql-1", "postgresql-1 is the primary already"},
		{"witness", healthy, nil, "postgresql-witness", "it has no data"},
		{"no primary", []string{"", "standby-alone", "witness"}, nil, "", "no one primary"},
		{"two primaries", []string{"primary-old", "primary-promoted", "witness"}, nil, "", "no one primary"},
		{"witness gone", []string{"primary", "standby", ""}, nil, "", "postgresql-witness does not answer"},
		{"standby gone", []string{"primary", "", "witness"}, nil, "postgresql-2", "postgresql-2 does not answer"},
		{"no standby", []string{"primary", "", "witness"}, nil, "", "there is no standby"},
		{"not streaming", []string{"primary-old", "standby-alone", "witness"}, nil, "", "postgresql-2 does not receive from the primary"},
		{"lag", healthy, func(n []Node) { n[0].answer.Replicas[0].LagBytes = 17 << 20 }, "", "postgresql-2 lags by 17 MiB, more than 16"},
		{"lag that is allowed", healthy, func(n []Node) { n[0].answer.Replicas[0].LagBytes = 16 << 20 }, "", ""},
		{"paused replay", healthy, func(n []Node) { n[1].answer.ReplayPaused = true }, "", "replay is paused"},
		{"fenced", healthy, func(n []Node) { n[1].Fenced = "3" }, "", "postgresql-2 is fenced (3)"},
		{"archiving fails", healthy, func(n []Node) { n[0].answer.ArchiveFailing = true }, "", "cannot archive"},
		{"no agent", healthy, func(n []Node) { n[1].Agent.Running = false }, "", "the agent does not run on postgresql-2"},
		{"another cluster", healthy, func(n []Node) { n[1].answer.System = "7" }, "", "another cluster"},
		{"timeline", healthy, func(n []Node) { n[1].Timeline = 3 }, "", "on timeline 3, the primary on 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			move, err := PlanSwitchover(overviewOf(t, test.change, test.files...), test.to)
			wantRefusal(t, err, test.want)
			if err == nil && (move.From.Name != "postgresql-1" || move.To.Name != "postgresql-2") {
				t.Errorf("from %s to %s", move.From.Name, move.To.Name)
			}
		})
	}
	o := overviewOf(t, nil, healthy...)
	o.Endpoint.Holder = "postgresql-2"
	_, err := PlanSwitchover(o, "")
	wantRefusal(t, err, "does not lead to the primary")
}

// TestSuccessorIsNearest has three standbys to choose from.
func TestSuccessorIsNearest(t *testing.T) {
	standby := func(number int, name string, streaming bool, sync string, lag int64) Node {
		return Node{Number: number, Name: name, Role: Standby, Streaming: streaming, Sync: sync, LagBytes: lag}
	}
	primary := Node{Number: 1, Name: "a", Role: Primary}
	for name, test := range map[string]struct {
		nodes []Node
		want  string
	}{
		"least lag":      {[]Node{standby(2, "b", true, "async", 9), standby(3, "c", true, "async", 1)}, "c"},
		"in sync first":  {[]Node{standby(2, "b", true, "async", 0), standby(3, "c", true, "quorum", 5)}, "c"},
		"streaming only": {[]Node{standby(2, "b", false, "", 0), standby(3, "c", true, "async", 5)}, "c"},
		"lowest number":  {[]Node{standby(3, "c", true, "async", 0), standby(2, "b", true, "async", 0)}, "b"},
	} {
		s := Status{Nodes: append([]Node{primary}, test.nodes...)}
		if got, reasons := s.successor(primary, ""); got.Name != test.want || len(reasons) > 0 {
			t.Errorf("%s: %s %v, want %s", name, got.Name, reasons, test.want)
		}
	}
}

func TestPlanFailover(t *testing.T) {
	gone := []string{"", "standby-alone", "witness"}
	tests := []struct {
		name   string
		files  []string
		change func(nodes []Node)
		to     string
		loss   bool
		want   string
	}{
		{"primary gone", gone, nil, "", false, ""},
		{"named", gone, nil, "postgresql-2", false, ""},
		{"healthy", []string{"primary", "standby", "witness"}, nil, "", false, "postgresql-1 takes writes"},
		{"healthy, whatever may be lost", []string{"primary", "standby", "witness"}, nil, "", true, "postgresql-1 takes writes"},
		{"no quorum", []string{"", "standby-alone", ""}, nil, "", true, "no quorum: 1 of 3 servers answer"},
		{"nobody to take over", []string{"", "", "witness"}, nil, "", false, "no quorum"},
		{"fenced standby", gone, func(n []Node) { n[1].Fenced = "2" }, "", true, "no standby that could take over"},
		{"named witness", gone, nil, "postgresql-witness", false, "no standby that answers"},
		{"unknown", gone, nil, "postgresql-9", false, "there is no node postgresql-9"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			move, err := PlanFailover(overviewOf(t, test.change, test.files...), test.to, test.loss)
			wantRefusal(t, err, test.want)
			if err == nil && (move.To.Name != "postgresql-2" || move.From.Name != "postgresql-1") {
				t.Errorf("from %q to %q", move.From.Name, move.To.Name)
			}
		})
	}
}

// TestFailoverToWhoHasMost has two standbys of which one has received more.
func TestFailoverToWhoHasMost(t *testing.T) {
	nodes := observed(t, "", "standby-alone", "standby-alone")
	nodes[2].Name, nodes[2].RecordedRole = "postgresql-3", Standby
	nodes[2].answer.Received = nodes[1].received() + 1
	o := &Overview{Environment: "test", Status: Judge(nodes, Endpoint{})}
	if move, err := PlanFailover(o, "", false); err != nil || move.To.Name != "postgresql-3" {
		t.Errorf("%s, %v", move.To.Name, err)
	}
	_, err := PlanFailover(o, "postgresql-2", false)
	wantRefusal(t, err, "postgresql-3 has more")
	if move, err := PlanFailover(o, "postgresql-2", true); err != nil || move.To.Name != "postgresql-2" {
		t.Errorf("with --accept-loss: %s, %v", move.To.Name, err)
	}
}

func TestPlanRejoin(t *testing.T) {
	healthy := []string{"primary", "standby", "witness"}
	tests := []struct {
		name, node string
		files      []string
		change     func(nodes []Node)
		needed     bool
		want       string
	}{
		{"streams already", "postgresql-2", healthy, nil, false, ""},
		{"still marked", "postgresql-2", healthy, func(n []Node) { n[1].Fenced = "2" }, true, ""},
		{"gone", "postgresql-2", []string{"primary", "", "witness"}, nil, true, ""},
		{"the primary", "postgresql-1", healthy, nil, false, "it is the primary"},
		{"the witness", "postgresql-witness", healthy, nil, false, "the witness has no data"},
		{"nobody to follow", "postgresql-2", []string{"", "standby-alone", "witness"}, nil, false, "no one primary"},
		{"terminated", "postgresql-2", []string{"primary", "", "witness"}, func(n []Node) { n[1].Instance = "gone" }, false, "does not exist any more"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := overviewOf(t, func(nodes []Node) {
				nodes[0].Address = "10.0.0.1"
				if a := nodes[1].answer; a != nil && a.Receiver != nil {
					a.Receiver.Host = "10.0.0.1"
				}
				if test.change != nil {
					test.change(nodes)
				}
			}, test.files...)
			_, needed, err := PlanRejoin(o, test.node)
			wantRefusal(t, err, test.want)
			if needed != test.needed {
				t.Errorf("needed: %v", needed)
			}
		})
	}
	if _, _, err := PlanRejoin(overviewOf(t, nil, healthy...), "elsewhere"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an unknown node: %v", err)
	}
}

func TestJudgeInstances(t *testing.T) {
	instance := func(state types.InstanceStateName, tags ...types.Tag) types.Instance {
		return types.Instance{State: &types.InstanceState{Name: state}, Tags: tags}
	}
	fenced := types.Tag{Key: aws.String("fenced"), Value: aws.String("4")}
	s := Judge(observed(t, "primary", "standby", "witness"), Endpoint{Holder: "postgresql-1"})
	s.judgeInstances(map[string]types.Instance{
		"i-0aaaaaaaa": instance(types.InstanceStateNameRunning),
		"i-0bbbbbbbb": instance(types.InstanceStateNameStopped, fenced),
	}, nil)
	want := "postgresql-2 is fenced (4), its instance is stopped|the instance i-0cccccccc of postgresql-witness does not exist any more"
	if got := strings.Join(s.Problems, "|"); got != want {
		t.Errorf("got %s", got)
	}
	if s.Nodes[0].Instance != "running" || s.Nodes[1].Fenced != "4" || s.Nodes[2].Instance != "gone" {
		t.Errorf("got %+v", s.Nodes)
	}
}
