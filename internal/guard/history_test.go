package guard_test

import (
	"strings"
	"testing"

	"infra/internal/guard"
)

// last is what the ledger knows of a stack.
func last() *guard.Version {
	return &guard.Version{Lineage: "aaaa", Serial: 7, VersionID: "v7", SHA256: strings.Repeat("7", 64)}
}

// with is last, changed.
func with(change func(*guard.Version)) guard.Version {
	v := last()
	change(v)
	return *v
}

func TestState(t *testing.T) {
	const history = "infra state history prod --product pipeline"
	const back = "infra state restore prod --product pipeline v7 (" + history
	const some = history + ", then infra state restore prod --product pipeline VERSION"
	for _, c := range []struct {
		name  string
		known *guard.Version
		found guard.Found
		says  []string // of the error; empty: let through
		hint  string
		warns string
	}{
		{name: "as the ledger left it", known: last(), found: guard.Found{Version: *last()}},
		{name: "a new stack", found: guard.Found{Absent: true}},
		{name: "a stack from before the ledger", found: guard.Found{Version: *last()}},
		{
			name: "row 13: the state object is missing", known: last(), found: guard.Found{Absent: true},
			says: []string{"check the state of pipeline/prod", "it is missing", "lineage aaaa, serial 7, S3 version v7", "create everything a second time"}, hint: back,
		},
		{
			name: "row 14: zero bytes", known: last(), found: guard.Found{Empty: true},
			says: []string{"it has zero bytes", "lineage aaaa, serial 7"}, hint: back,
		},
		{name: "row 14: zero bytes, unknown to the ledger", found: guard.Found{Empty: true}, says: []string{"it has zero bytes"}, hint: some},
		{
			name: "row 15: corrupt JSON", known: last(), found: guard.Found{Corrupt: true, Problem: "line 3: unexpected end"},
			says: []string{"it is damaged: line 3: unexpected end", "the last good one has lineage aaaa, serial 7, S3 version v7"}, hint: back,
		},
		{name: "row 15: corrupt, unknown to the ledger", found: guard.Found{Corrupt: true}, says: []string{"it cannot be read as a state"}, hint: some},
		{
			name: "row 15: what is wrong may hold anything", known: last(), found: guard.Found{Corrupt: true, Problem: "\x1b[2J"},
			says: []string{`\u001b[2J`}, hint: back,
		},
		{
			name: "row 16: another lineage", known: last(), found: guard.Found{Version: with(func(v *guard.Version) { v.Lineage = "bbbb" })},
			says: []string{"its lineage is bbbb, the ledger knows lineage aaaa", "never forces"}, hint: history,
		},
		{
			name: "row 16: another lineage with a higher serial", known: last(), found: guard.Found{Version: guard.Version{Lineage: "bbbb", Serial: 99}},
			says: []string{"its lineage is bbbb"}, hint: history,
		},
		{
			name: "row 16: no lineage", known: last(), found: guard.Found{Version: guard.Version{Serial: 8}},
			says: []string{"its lineage is (unknown)"}, hint: history,
		},
		{
			name: "row 17: a lower serial", known: last(), found: guard.Found{Version: with(func(v *guard.Version) { v.Serial, v.VersionID, v.SHA256 = 6, "v8", "6" })},
			says: []string{"an older state was put over a newer one", "serial 6", "serial 7, S3 version v7"}, hint: back,
		},
		{
			name: "row 18: edited by hand with the same serial", known: last(),
			found: guard.Found{Version: with(func(v *guard.Version) { v.VersionID, v.SHA256 = "v8", strings.Repeat("8", 64) })},
			warns: "edited the state by hand and left serial 7",
		},
		{
			name: "row 18: edited by hand, no digest in the ledger", known: &guard.Version{Lineage: "aaaa", Serial: 7, VersionID: "v7"},
			found: guard.Found{Version: with(func(v *guard.Version) { v.VersionID = "v8" })},
			warns: "edited the state by hand",
		},
		{name: "the same bytes put again", known: last(), found: guard.Found{Version: with(func(v *guard.Version) { v.VersionID = "v8" })}},
		{
			name: "row 17: a higher serial", known: last(), found: guard.Found{Version: with(func(v *guard.Version) { v.Serial = 9 })},
			warns: "the state was changed outside of infra, or saved again by a plan that was interrupted: it has serial 9, the ledger knows 7",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			warning, err := guard.State("pipeline/prod", c.known, c.found)
			check(t, err, c.says, c.hint)
			warns(t, warning, c.warns)
		})
	}
}

// warns wants a warning with want in it, or none.
func warns(t *testing.T, got, want string) {
	t.Helper()
	if (want == "") != (got == "") || !strings.Contains(got, want) {
		t.Errorf("warning is %q, want %q", got, want)
	}
}
