// Package zookeeper reads from the servers themselves how an ensemble is.
//
// Each server is asked on its own host through its AdminServer, which listens
// on loopback only, and by four-letter words where that does not answer. What
// the answers mean together is decided by Judge, which is pure.
package zookeeper

import (
	"context"
	"errors"
	"io"
	"sync"

	"infra/internal/inventory"
)

// Run executes a command on a host and returns its stdout, as the method of
// that name of an SSH client does.
type Run func(ctx context.Context, host inventory.Host, stdin io.Reader, argv ...string) ([]byte, error)

// Modes of a member. A member that does not serve has none.
const (
	Leader     = "leader"
	Follower   = "follower"
	Observer   = "observer"
	Standalone = "standalone"
)

// Member is one server.
type Member struct {
	Number          int     `json:"number"`
	Name            string  `json:"name"`
	ID              string  `json:"id"` // instance id
	Address         string  `json:"address"`
	Server          int     `json:"server_id"` // in the ensemble; 0 while it does not vote
	Mode            string  `json:"mode"`      // empty while it does not serve
	Version         string  `json:"version"`
	Zxid            string  `json:"zxid"` // last transaction it has processed, in hexadecimal
	Outstanding     int     `json:"outstanding"`
	AverageLatency  float64 `json:"average_latency_ms"`
	Znodes          int     `json:"znodes"`
	Connections     int     `json:"connections"`
	SyncedFollowers int     `json:"synced_followers"` // voters in step with it, of a leader; 0 otherwise
	Voters          []Voter `json:"voters"`           // the voting members, as this server knows them
	Reached         bool    `json:"reached"`          // its host answered, whether or not the server did
	Error           string  `json:"error,omitempty"`  // why it is not known to serve
}

// Voter is a voting member of the ensemble as a server knows it. Its id is not
// the number of its host: a server that lost its data comes back under another.
type Voter struct {
	ID      int    `json:"id"`
	Address string `json:"address"`
}

// Status is the ensemble.
type Status struct {
	Serving  bool     `json:"serving"`  // there is one leader with a quorum: writes are taken
	Problems []string `json:"problems"` // empty: healthy
	Quorum   int      `json:"quorum"`   // voters that must serve
	Reached  int      `json:"reached"`  // members whose host answered; with none, nothing is known
	Members  []Member `json:"members"`  // by number
}

// Read asks every server at the same time. It never fails: a server that
// cannot be asked is a member with an Error.
func Read(ctx context.Context, run Run, hosts []inventory.Host) Status {
	members := make([]Member, len(hosts))
	var group sync.WaitGroup
	for i, h := range hosts {
		group.Go(func() { members[i] = readMember(ctx, run, h) })
	}
	group.Wait()
	return Judge(members)
}

// Recorded is what the state alone knows: the members, not asked.
func Recorded(hosts []inventory.Host) []Member {
	members := make([]Member, 0, len(hosts))
	for _, h := range hosts {
		members = append(members, memberOf(h))
	}
	return members
}

func memberOf(h inventory.Host) Member {
	return Member{Number: h.Number, Name: h.Name, ID: h.ID, Address: h.PrivateAddress, Voters: []Voter{}}
}

// fourLetters asks by the client port, for servers whose AdminServer is off.
// It takes no input from anywhere.
const fourLetters = `for word in srvr mntr conf; do
  echo "== $word"
  if exec 3<>/dev/tcp/127.0.0.1/2181; then printf %s "$word" >&3; cat <&3; exec 3>&-; fi
done`

func readMember(ctx context.Context, run Run, h inventory.Host) Member {
	const admin = "http://127.0.0.1:8080/commands/"
	m := memberOf(h)
	output, err := run(ctx, h, nil, "curl", "--silent", "--show-error", "--max-time", "5",
		admin+"monitor", admin+"stats", admin+"voting_view")
	m.Reached = err == nil || ended(err)
	if err == nil {
		if err = m.fromAdmin(output); err == nil {
			return m
		}
	}
	var silent *notServingError
	if !m.Reached || errors.As(err, &silent) {
		m.Error = err.Error()
		return m
	}
	output, fallback := run(ctx, h, nil, "timeout", "8", "bash", "-c", fourLetters)
	if fallback == nil {
		fallback = m.fromWords(string(output))
	}
	if fallback != nil {
		m.Error = fallback.Error()
	}
	return m
}

// ended says whether the error is that of a command which ran on the host:
// such errors have an exit code. Then asking another way makes sense.
func ended(err error) bool {
	var coded interface{ ExitCode() int }
	return errors.As(err, &coded)
}
