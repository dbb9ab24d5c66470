package zookeeper

import (
	"fmt"
	"strconv"
	"strings"

	"infra/internal/console"
)

// Text is the ensemble for people: a line a server, problems below.
func (s Status) Text(environment string) string {
	var b strings.Builder
	state := "healthy"
	switch {
	case !s.Serving:
		state = "down"
	case len(s.Problems) > 0:
		state = "degraded"
	}
	fmt.Fprintf(&b, "%s: %s, %d servers, a majority is %d\n", environment, state, len(s.Members), s.Quorum)
	rows := [][]string{{"NAME", "SERVER", "ROLE", "ADDRESS", "VERSION", "ZXID", "IN STEP", "CLIENTS", "OUTSTANDING", "LATENCY", "ZNODES"}}
	for _, m := range s.Members {
		rows = append(rows, m.row())
	}
	console.Table(&b, "  ", rows...)
	if len(s.Problems) > 0 {
		b.WriteString("\nproblems\n")
		for _, problem := range s.Problems {
			b.WriteString("  " + problem + "\n")
		}
	}
	return b.String()
}

func (m Member) row() []string {
	mode := m.Mode
	switch {
	case mode == "" && m.Reached:
		mode = "down"
	case mode == "":
		mode = "unreachable"
	}
	server := ""
	if m.Server > 0 {
		server = strconv.Itoa(m.Server)
	}
	row := []string{m.Name, server, mode, m.Address, m.Version, m.Zxid}
	if m.Mode == "" {
		return append(row, "", "", "", "", "")
	}
	inStep := ""
	if m.Mode == Leader {
		inStep = strconv.Itoa(m.SyncedFollowers)
	}
	return append(row, inStep, strconv.Itoa(m.Connections), strconv.Itoa(m.Outstanding), fmt.Sprintf("%.1f ms", m.AverageLatency), strconv.Itoa(m.Znodes))
}
