package zookeeper

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

var errMalformed = errors.New("the server's answer cannot be read")

// notServingError is a server that does not serve: not started, or outside
// any quorum.
type notServingError struct{ message string }

func (e *notServingError) Error() string { return e.message }

// fromAdmin fills the member from the AdminServer's answers to monitor, stats
// and voting_view, one JSON object after the other.
func (m *Member) fromAdmin(output []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(output))
	known := map[string]bool{}
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("%w: %w", errMalformed, err)
		}
		var head struct {
			Command string  `json:"command"`
			Error   *string `json:"error"`
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return fmt.Errorf("%w: %w", errMalformed, err)
		}
		if head.Error != nil && *head.Error != "" {
			return &notServingError{plain(*head.Error)}
		}
		if err := m.fromCommand(head.Command, raw); err != nil {
			return fmt.Errorf("%w: %s: %w", errMalformed, head.Command, err)
		}
		known[head.Command] = true
	}
	if !known["monitor"] || m.Mode == "" {
		return fmt.Errorf("%w: no mode in it", errMalformed)
	}
	return nil
}

func (m *Member) fromCommand(command string, raw json.RawMessage) error {
	switch command {
	case "monitor":
		var answer struct {
			Version         string  `json:"version"`
			State           string  `json:"server_state"`
			Outstanding     float64 `json:"outstanding_requests"`
			AverageLatency  float64 `json:"avg_latency"`
			Znodes          float64 `json:"znode_count"`
			Connections     float64 `json:"num_alive_connections"`
			SyncedFollowers float64 `json:"synced_followers"`
			SyncedOthers    float64 `json:"synced_non_voting_followers"` // were taken out, and follow on as long as they run
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			return err
		}
		m.Version, m.Mode = release(answer.Version), mode(answer.State)
		m.Outstanding, m.AverageLatency, m.Znodes = int(answer.Outstanding), answer.AverageLatency, int(answer.Znodes)
		m.Connections, m.SyncedFollowers = int(answer.Connections), int(answer.SyncedFollowers-answer.SyncedOthers)
	case "stats":
		var answer struct {
			Server struct {
				Zxid int64 `json:"last_processed_zxid"`
			} `json:"server_stats"`
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			return err
		}
		m.Zxid = "0x" + strconv.FormatInt(answer.Server.Zxid, 16)
	case "voting_view":
		var answer struct {
			Config map[string]struct {
				Addresses []string `json:"server_addresses"`
			} `json:"current_config"`
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			return err
		}
		for id, server := range answer.Config {
			number, err := strconv.Atoi(id)
			if err != nil {
				return err
			}
			m.votes(number, strings.Join(server.Addresses, "|"))
		}
	}
	return nil
}

// fromWords fills the member from the answers to srvr, mntr and conf, each
// under a line "== word".
func (m *Member) fromWords(output string) error {
	m.Voters = nil // an AdminServer that was too slow may have told them before it fell silent
	word, answers := "", map[string][]string{}
	for _, line := range strings.Split(output, "\n") {
		if next, found := strings.CutPrefix(line, "== "); found {
			word = next
			continue
		}
		if strings.Contains(line, "not currently serving requests") {
			return &notServingError{plain(line)}
		}
		if strings.TrimSpace(line) != "" {
			answers[word] = append(answers[word], line)
		}
	}
	for _, line := range answers["srvr"] {
		if value, found := strings.CutPrefix(line, "Zxid: "); found {
			m.Zxid = plain(value)
		}
	}
	for _, line := range answers["mntr"] {
		name, value, _ := strings.Cut(line, "\t")
		number, _ := strconv.ParseFloat(value, 64) // 0 for the names that are not numbers
		switch name {
		case "zk_version":
			m.Version = release(value)
		case "zk_server_state":
			m.Mode = mode(value)
		case "zk_outstanding_requests":
			m.Outstanding = int(number)
		case "zk_avg_latency":
			m.AverageLatency = number
		case "zk_znode_count":
			m.Znodes = int(number)
		case "zk_num_alive_connections":
			m.Connections = int(number)
		case "zk_synced_followers":
			m.SyncedFollowers += int(number)
		case "zk_synced_non_voting_followers":
			m.SyncedFollowers -= int(number)
		}
	}
	for _, line := range answers["conf"] {
		name, value, _ := strings.Cut(line, "=")
		id, isServer := strings.CutPrefix(name, "server.")
		number, err := strconv.Atoi(id)
		if isServer && err == nil && !strings.Contains(value, ":observer") {
			m.votes(number, value)
		}
	}
	switch {
	case len(answers["srvr"])+len(answers["mntr"]) == 0:
		return &notServingError{"no ZooKeeper answers on the host"}
	case m.Mode == "":
		return fmt.Errorf("%w: no mode in it", errMalformed)
	}
	return nil
}

// votes notes a voter that the server knows, "host:port..." is where. A server
// knows itself by its address.
func (m *Member) votes(id int, where string) {
	host, _, _ := strings.Cut(where, ":")
	m.Voters = append(m.Voters, Voter{ID: id, Address: plain(host)})
	slices.SortFunc(m.Voters, func(a, b Voter) int { return cmp.Compare(a.ID, b.ID) })
	if host == m.Address {
		m.Server = id
	}
}

// release is the number in front of "3.8.0-5a02a05..., built on ...".
func release(version string) string {
	number, _, _ := strings.Cut(version, "-")
	return plain(number)
}

func mode(state string) string {
	if slices.Contains([]string{Leader, Follower, Observer, Standalone}, state) {
		return state
	}
	return ""
}

// plain is a string from a server for people: one line, no control
// characters, at most 200 bytes.
func plain(text string) string {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text))
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "..."
	}
	return text
}
