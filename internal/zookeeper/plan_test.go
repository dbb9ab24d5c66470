package zookeeper

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// whole is an ensemble of so many servers of which one leads and all is well.
func whole(size, leader int) []Member {
	var members []Member
	var voters []Voter
	for n := 1; n <= size; n++ {
		voters = append(voters, Voter{ID: n, Address: "10.0.0." + string(rune('0'+n))})
	}
	for n := 1; n <= size; n++ {
		m := Member{
			Number: n, Name: "zookeeper-" + string(rune('0'+n)), ID: "i-" + string(rune('0'+n)), Address: "10.0.0." + string(rune('0'+n)),
			Server: n, Mode: Follower, Reached: true, Voters: voters,
		}
		if n == leader {
			m.Mode, m.SyncedFollowers = Leader, size-1
		}
		members = append(members, m)
	}
	return members
}

func without(members []Member, numbers ...int) []Member {
	for i := range members {
		if slices.Contains(numbers, members[i].Number) {
			members[i].Mode, members[i].Voters, members[i].Server = "", nil, 0
		}
	}
	return members
}

func names(members []Member) string {
	var all []string
	for _, m := range members {
		all = append(all, m.Name)
	}
	return strings.Join(all, " ")
}

func TestPlans(t *testing.T) {
	t.Parallel()
	restart := func(s Status, only ...string) (string, error) {
		order, err := PlanRestart(s, "prod", only)
		return names(order), err
	}
	shrink := func(s Status, size int) (string, error) {
		leave, err := PlanShrink(s, "prod", "environments/eu/prod.yaml", size)
		return names(leave), err
	}
	for name, c := range map[string]struct {
		plan func() (string, error)
		want string
		code fault.Code
		says []string
	}{
		"restart, the leader last": {plan: func() (string, error) { return restart(Judge(whole(3, 1))) }, want: "zookeeper-2 zookeeper-3 zookeeper-1"},
		"restart some, each once": {
			plan: func() (string, error) {
				return restart(Judge(whole(3, 2)), "zookeeper-2", "zookeeper-3", "zookeeper-2")
			}, want: "zookeeper-3 zookeeper-2",
		},
		"restart while one is down": {
			plan: func() (string, error) { return restart(Judge(without(whole(3, 1), 3))) }, code: fault.Refused, says: []string{"2 of 3 voters serve", "infra zk status prod"},
		},
		"restart of nobody":         {plan: func() (string, error) { return restart(Judge(whole(3, 1)), "zookeeper-9") }, code: fault.Usage, says: []string{"zookeeper-1, zookeeper-2, zookeeper-3"}},
		"shrink, the highest first": {plan: func() (string, error) { return shrink(Judge(whole(5, 1)), 3) }, want: "zookeeper-5 zookeeper-4"},
		"shrink, the leaving are down": {
			plan: func() (string, error) { return shrink(Judge(without(whole(5, 1), 4, 5)), 3) }, want: "zookeeper-5 zookeeper-4",
		},
		"shrink goes on after the membership was changed": {
			plan: func() (string, error) {
				members := without(whole(3, 1), 2, 3)
				members[0].Voters, members[0].SyncedFollowers = members[0].Voters[:1], 0
				return shrink(Judge(members), 1)
			}, want: "zookeeper-3 zookeeper-2",
		},
		"shrink while one that stays is down": {
			plan: func() (string, error) { return shrink(Judge(without(whole(5, 1), 2)), 3) }, code: fault.Refused, says: []string{"zookeeper-2 would stay", "infra zk replace prod"},
		},
		"shrink without a majority": {plan: func() (string, error) { return shrink(Judge(without(whole(3, 1), 1, 2)), 1) }, code: fault.Refused, says: []string{"no quorum"}},
		"shrink to what it is":      {plan: func() (string, error) { return shrink(Judge(whole(3, 1)), 3) }, code: fault.Refused, says: []string{"environments/eu/prod.yaml"}},
		"grow": {plan: func() (string, error) {
			return "", PlanGrow(Judge(whole(1, 1)), "prod", "environments/eu/prod.yaml", 3)
		}},
		"grow to what it is": {plan: func() (string, error) {
			return "", PlanGrow(Judge(whole(3, 1)), "prod", "environments/eu/prod.yaml", 3)
		}, code: fault.Refused, says: []string{"as its file says", "environments/eu/prod.yaml"}},
		"grow to less": {plan: func() (string, error) {
			return "", PlanGrow(Judge(whole(3, 1)), "prod", "environments/eu/prod.yaml", 1)
		}, code: fault.Refused, says: []string{"infra zk shrink prod"}},
		"grow while one is down": {plan: func() (string, error) {
			return "", PlanGrow(Judge(without(whole(3, 1), 2)), "prod", "environments/eu/prod.yaml", 5)
		}, code: fault.Refused},
		"replace": {plan: func() (string, error) {
			m, err := PlanReplace(Judge(whole(3, 1)), "prod", "zookeeper-1")
			return m.Name, err
		}, want: "zookeeper-1"},
		"replace one that is down": {plan: func() (string, error) {
			m, err := PlanReplace(Judge(without(whole(3, 1), 3)), "prod", "zookeeper-3")
			return m.Name, err
		}, want: "zookeeper-3"},
		"replace while another is down": {
			plan: func() (string, error) {
				_, err := PlanReplace(Judge(without(whole(3, 1), 3)), "prod", "zookeeper-2")
				return "", err
			},
			code: fault.Refused, says: []string{"without it 1 servers vote, and 2 are needed", "zookeeper-3 does not serve either"},
		},
		"replace the only one": {plan: func() (string, error) {
			_, err := PlanReplace(Judge(whole(1, 1)), "prod", "zookeeper-1")
			return "", err
		}, code: fault.Refused, says: []string{"infra zk grow prod"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.plan()
			if fault.CodeOf(err) != c.code {
				t.Fatalf("code %d, want %d: %v", fault.CodeOf(err), c.code, err)
			}
			if err == nil && got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			var told *fault.Error
			for _, text := range c.says {
				if !errors.As(err, &told) || !strings.Contains(err.Error()+told.Hint, text) {
					t.Errorf("%q is not in %v", text, err)
				}
			}
		})
	}
}

// A restart that leaves the ensemble broken goes no further.
func TestRestartStopsAtTheFirstThatDoesNotComeBack(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var restarted []string
	w := Work{
		Environment: "prod", Hosts: []inventory.Host{{ID: "i-1", Name: "zookeeper-1", Number: 1}, {ID: "i-2", Name: "zookeeper-2", Number: 2}},
		Tell: func(Step) {}, Touched: func(inventory.Host, string) {},
		Run: func(_ context.Context, h inventory.Host, _ io.Reader, argv ...string) ([]byte, error) {
			if argv[0] == "sudo" {
				restarted = append(restarted, h.Name)
				cancel() // as a limit that is over
				return nil, nil
			}
			return nil, errors.New("does not answer")
		},
	}
	_, err := Restart(ctx, w, []Member{{ID: "i-2", Name: "zookeeper-2", Mode: Follower}, {ID: "i-1", Name: "zookeeper-1", Mode: Leader}}, false)
	if err == nil || !strings.Contains(err.Error(), "after the restart of zookeeper-2") || !slices.Equal(restarted, []string{"zookeeper-2"}) {
		t.Errorf("restarted %v, %v", restarted, err)
	}
}
