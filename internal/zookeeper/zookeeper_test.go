package zookeeper

import (
	"context"
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"infra/internal/inventory"
)

// captured is what real servers of Debian's ZooKeeper 3.8.0 answered.
func captured(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAnswers(t *testing.T) {
	voters := []Voter{{1, "127.0.0.1"}, {2, "127.0.0.1"}, {3, "127.0.0.1"}}
	tests := []struct {
		file    string
		want    Member
		failure string
		silent  bool // the failure means that it does not serve, so nothing else needs to be asked
	}{
		{file: "leader.admin.json", want: Member{Mode: Leader, Version: "3.8.0", Zxid: "0x100000000", Znodes: 5, SyncedFollowers: 2, Voters: voters}},
		{file: "follower.admin.json", want: Member{Mode: Follower, Version: "3.8.0", Zxid: "0x100000000", Znodes: 5, Voters: voters}},
		{file: "alone.admin.json", failure: "cannot be read"},
		{file: "leader.words.txt", want: Member{Mode: Leader, Version: "3.8.0", Zxid: "0x100000000", Znodes: 5, Connections: 1, SyncedFollowers: 2, Voters: voters}},
		{file: "follower.words.txt", want: Member{Mode: Follower, Version: "3.8.0", Zxid: "0x100000000", Znodes: 5, Connections: 1, Voters: voters}},
		{file: "alone.words.txt", failure: "not currently serving", silent: true},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			var got Member
			var err error
			if data := captured(t, test.file); strings.HasSuffix(test.file, ".txt") {
				err = got.fromWords(string(data))
			} else {
				err = got.fromAdmin(data)
			}
			if test.failure != "" {
				var silent *notServingError
				if err == nil || !strings.Contains(err.Error(), test.failure) || errors.As(err, &silent) != test.silent {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

func TestMalformedAnswers(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"command":"monitor"}`, `{"command":"monitor","server_state":"emperor"}`, `{"command":"voting_view","current_config":{"x":1}}`} {
		var m Member
		if err := m.fromAdmin([]byte(text)); !errors.Is(err, errMalformed) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var m Member
	if err := m.fromAdmin([]byte(`{"command":"monitor","error":"This ZooKeeper instance is not\u001b[2J currently serving requests"}`)); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("got %q", err)
	}
	if err := m.fromWords("== srvr\n== mntr\n== conf\n"); err == nil || err.Error() != "no ZooKeeper answers on the host" {
		t.Errorf("got %v", err)
	}
}

// exited is a remote command's failure.
type exited int

func (e exited) Error() string { return "exited" }
func (e exited) ExitCode() int { return int(e) }

// A slow AdminServer may tell the voters and then fall silent: the words are
// asked for them again, and they do not count twice.
func TestVotersOfAHalfAnswerDoNotCountTwice(t *testing.T) {
	t.Parallel()
	m := Member{Address: "10.20.0.21"}
	half := `{"command":"voting_view","current_config":{"1":{"server_addresses":["10.20.0.21:2888:3888"]}},"error":null}`
	if err := m.fromAdmin([]byte(half)); !errors.Is(err, errMalformed) || len(m.Voters) != 1 {
		t.Fatalf("%v, voters %v", err, m.Voters)
	}
	words := "== srvr\nZxid: 0x0\n== mntr\nzk_server_state\tleader\n== conf\nserver.1=10.20.0.21:2888:3888:participant\n"
	if err := m.fromWords(words); err != nil || len(m.Voters) != 1 {
		t.Errorf("%v, voters %v", err, m.Voters)
	}
}

func TestRead(t *testing.T) {
	host := inventory.Host{ID: "i-0aaaaaaaa", Name: "zookeeper-1", Number: 1, PrivateAddress: "10.0.0.1"}
	tests := []struct {
		name    string
		answers map[string]any // first word of the command to text or error
		mode    string
		failure string
		asked   []string
	}{
		{"admin port", map[string]any{"curl": captured(t, "leader.admin.json")}, Leader, "", []string{"curl"}},
		{"admin port off", map[string]any{"curl": exited(7), "timeout": captured(t, "follower.words.txt")}, Follower, "", []string{"curl", "timeout"}},
		{"outside the quorum", map[string]any{"curl": captured(t, "alone.admin.json"), "timeout": captured(t, "alone.words.txt")}, "", "not currently serving", []string{"curl", "timeout"}},
		{"nothing runs", map[string]any{"curl": exited(7), "timeout": []byte("== srvr\n== mntr\n== conf\n")}, "", "no ZooKeeper answers", []string{"curl", "timeout"}},
		{"host is gone", map[string]any{"curl": errors.New("does not answer over SSH")}, "", "does not answer over SSH", []string{"curl"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var asked []string
			run := func(_ context.Context, h inventory.Host, _ io.Reader, argv ...string) ([]byte, error) {
				if h.ID != host.ID {
					t.Errorf("asked %v", h)
				}
				asked = append(asked, argv[0])
				switch answer := test.answers[argv[0]].(type) {
				case []byte:
					return answer, nil
				case error:
					return nil, answer
				}
				return nil, errors.New("unexpected")
			}
			m := Read(t.Context(), run, []inventory.Host{host}).Members[0]
			if m.Mode != test.mode || m.Name != "zookeeper-1" || test.failure == "" && m.Error != "" || !strings.Contains(m.Error, test.failure) {
				t.Errorf("got %+v", m)
			}
			if !slices.Equal(asked, test.asked) {
				t.Errorf("asked %v", asked)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	ensemble := func(modes ...string) []Member {
		var members []Member
		followers := 0
		for _, m := range modes {
			if m == Follower {
				followers++
			}
		}
		for i, m := range modes {
			member := Member{Number: i + 1, Reached: m != "", Name: "zookeeper-" + string(rune('1'+i)), Address: "10.0.0." + string(rune('1'+i)), Mode: m}
			if m == Leader {
				member.SyncedFollowers = followers
			}
			members = append(members, member)
		}
		slices.Reverse(members)
		return members
	}
	with := func(members []Member, change func(m *Member)) []Member {
		change(&members[0])
		return members
	}
	tests := []struct {
		name     string
		members  []Member
		serving  bool
		problems []string
	}{
		{"healthy", ensemble(Follower, Leader, Follower), true, nil},
		{"one alone", ensemble(Leader), true, nil},
		{"one alone, standalone", ensemble(Standalone), true, nil},
		{"a follower is down", ensemble(Follower, Leader, ""), true, []string{"2 of 3 voters serve", "zookeeper-3 does not serve"}},
		{"no quorum", ensemble("", "", ""), false, []string{"no member leads", "no quorum: 0 of 3 voters serve, 2 are needed", "zookeeper-1 does not serve", "zookeeper-2 does not serve", "zookeeper-3 does not serve"}},
		{"election", ensemble(Follower, "", Follower), false, []string{"no member leads", "2 of 3 voters serve", "zookeeper-2 does not serve"}},
		{"two leaders", ensemble(Leader, Leader, Follower), false, []string{"2 members lead: zookeeper-1, zookeeper-2"}},
		{"five, two down", ensemble(Follower, Leader, "", Follower, ""), true, []string{"3 of 5 voters serve", "zookeeper-3 does not serve", "zookeeper-5 does not serve"}},
		{"lagging follower", with(ensemble(Follower, Follower, Leader), func(m *Member) { m.SyncedFollowers = 1 }), true, []string{"1 of 2 followers are in step with the leader"}},
		{"other voters", with(ensemble(Follower, Leader, Follower), func(m *Member) { m.Voters = []Voter{{4, "10.0.0.1"}, {2, "10.0.0.2"}, {7, "10.0.0.4"}} }), true, []string{"zookeeper-3 knows the voters at 10.0.0.1, 10.0.0.2, 10.0.0.4, the state has them at 10.0.0.1, 10.0.0.2, 10.0.0.3"}},
		{"other ids", with(ensemble(Follower, Leader, Follower), func(m *Member) { m.Voters = []Voter{{4, "10.0.0.1"}, {2, "10.0.0.2"}, {3, "10.0.0.3"}} }), true, nil},
		{"busy", with(ensemble(Follower, Leader, Follower), func(m *Member) { m.Outstanding = 101 }), true, []string{"zookeeper-3 has 101 outstanding requests"}},
		{"left the ensemble", ensemble(Follower, Leader, Standalone), false, []string{"2 members lead: zookeeper-2, zookeeper-3", "zookeeper-3 runs alone, outside the ensemble"}},
		{"unreachable", with(ensemble(Follower, Leader, ""), func(m *Member) { m.Error = "does not answer" }), true, []string{"2 of 3 voters serve", "zookeeper-3: does not answer"}},
		{"nobody answers", with(ensemble(""), func(m *Member) { m.Error = "no way" }), false, []string{"no server could be asked: no way"}},
		{"nobody", nil, false, []string{"there are no members"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Judge(test.members)
			if got.Serving != test.serving || !slices.Equal(got.Problems, test.problems) {
				t.Errorf("serving %v, problems %q", got.Serving, got.Problems)
			}
			if !slices.IsSortedFunc(got.Members, func(a, b Member) int { return a.Number - b.Number }) {
				t.Error("not by number")
			}
		})
	}
}
