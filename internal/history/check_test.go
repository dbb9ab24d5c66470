package history

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// ms is a moment of a made-up history.
func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// op is an answered operation of a register that took 10 ms.
func op(client int, kind Kind, value, version int64, start int) Operation {
	return Operation{
		Client: client, Session: int64(0x10 + client), Kind: kind, Key: "/r", Value: value, Version: version,
		Start: ms(start), End: ms(start + 10), Outcome: OK,
	}
}

// cas is one from a value and its version; version 0: it failed.
func cas(client int, expected, expectedVersion, value, version int64, start int) Operation {
	o := op(client, CAS, value, version, start)
	if o.Expected, o.ExpectedVersion = expected, expectedVersion; version == 0 {
		o.Outcome = Failed
	}
	return o
}

func with(o Operation, change func(*Operation)) Operation {
	change(&o)
	return o
}

func unknown(o *Operation) { o.Outcome, o.Version = Unknown, 0 }

// judged asserts that a history passes, or that something is found.
func judged(t *testing.T, h History, wrong string) {
	t.Helper()
	h.Timeout = time.Minute
	v := Check(h)
	found := func(text string) bool { return strings.Contains(text, wrong) }
	switch {
	case wrong == "" && !v.Passed():
		t.Errorf("found %q and %q, should pass", v.Findings, v.Undecided)
	case wrong != "" && !slices.ContainsFunc(slices.Concat(v.Findings, v.Undecided), found):
		t.Errorf("found %q and %q, should find %q", v.Findings, v.Undecided, wrong)
	}
}

// registers is a history of the register /r, which holds 0 at first.
func registers(operations ...Operation) History {
	return History{Operations: operations, Registers: map[string]Register{"/r": {}}}
}

func TestRegisters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		operations []Operation
		wrong      string
	}{
		"one after the other":                  {operations: []Operation{op(1, Write, 5, 1, 0), cas(2, 5, 1, 6, 2, 20), op(1, SettledRead, 6, 2, 40)}},
		"those that overlap come in any order": {operations: []Operation{op(1, Write, 5, 2, 0), op(2, Write, 6, 1, 5), op(3, SettledRead, 5, 2, 20)}},
		"a stale read is allowed":              {operations: []Operation{op(1, Write, 5, 1, 0), op(2, Read, 0, 0, 50), op(3, SyncRead, 0, 0, 50)}},
		"a stale settled read is not":          {operations: []Operation{op(1, Write, 5, 1, 0), op(2, SettledRead, 0, 0, 50)}, wrong: "there is no room for client 2's settled-read of 0 (version 0) at /r (session 0x12, 0.050 s to 0.060 s, ok)"},
		"versions in the wrong order":          {operations: []Operation{op(1, Write, 5, 2, 0), op(2, Write, 6, 1, 20)}, wrong: "not linearizable"},
		"one version for two":                  {operations: []Operation{op(1, Write, 5, 1, 0), op(2, Write, 6, 1, 20)}, wrong: "version 1 of /r was made twice: by client 1's write of 5"},
		"a version that nobody made":           {operations: []Operation{op(1, Write, 5, 1, 0), op(1, Write, 6, 3, 20), with(op(1, Write, 7, 0, 30), func(o *Operation) { o.Outcome = Refused })}, wrong: "version 2 of /r was there at 0.030 s, but no write can have made it"},
		"more versions than writes":            {operations: []Operation{op(1, Write, 5, 9, 0)}, wrong: "its 1 writes lead to version 1 at most"},
		"an unknown write made it":             {operations: []Operation{op(1, Write, 5, 1, 0), op(1, Write, 6, 3, 20), with(op(2, Write, 7, 0, 0), unknown)}},
		"an unknown write came too late":       {operations: []Operation{op(1, Write, 5, 1, 0), op(1, Write, 6, 3, 20), with(op(2, Write, 7, 0, 31), unknown)}, wrong: "no write can have made it"},
		"an unknown write is done later":       {operations: []Operation{with(op(2, Write, 7, 0, 0), unknown), op(1, Write, 5, 1, 500), op(1, Read, 7, 2, 900)}},
		"an unknown write is done once":        {operations: []Operation{with(op(2, Write, 7, 0, 0), unknown), op(1, Read, 7, 1, 20), op(1, Read, 7, 2, 40)}, wrong: "saw 7 as version 2, but that is version 1, by client 2's write of 7"},
		"two clients disagree on a version":    {operations: []Operation{op(1, Write, 5, 1, 0), with(op(2, Write, 7, 0, 0), unknown), op(2, Read, 7, 1, 20)}, wrong: "made twice"},
		"a cas that failed rightly":            {operations: []Operation{op(1, Write, 5, 1, 0), cas(2, 0, 0, 6, 0, 20)}},
		"a cas that failed by an unknown one":  {operations: []Operation{with(op(1, Write, 5, 0, 0), unknown), cas(2, 0, 0, 6, 0, 20)}},
		"a cas that failed for no reason":      {operations: []Operation{cas(2, 0, 0, 6, 0, 20)}, wrong: "version 1 of /r was there at 0.030 s, but no write can have made it"},
		"a cas that failed too early":          {operations: []Operation{cas(2, 0, 0, 6, 0, 0), op(1, Write, 5, 1, 20)}, wrong: "there is no room for client 2's cas from 0 (version 0) to 6"},
		"two cas from one version":             {operations: []Operation{cas(1, 0, 0, 5, 1, 0), cas(2, 0, 0, 6, 1, 5)}, wrong: "made twice"},
		"a cas that skips a version":           {operations: []Operation{op(1, Write, 5, 1, 0), cas(2, 0, 0, 6, 2, 20)}, wrong: "not linearizable"},
		"an unknown cas fits one version only": {operations: []Operation{op(1, Write, 5, 1, 0), with(cas(2, 5, 1, 7, 9, 20), unknown), with(op(2, Write, 8, 0, 20), unknown), op(1, Write, 6, 4, 40)}},
		"an unknown cas fits no other version": {operations: []Operation{op(1, Write, 5, 1, 0), with(cas(2, 0, 0, 7, 9, 20), unknown), op(1, Write, 6, 3, 40)}, wrong: "no write can have made it"},
		"a value that nobody wrote":            {operations: []Operation{op(1, Read, 8, 1, 0)}, wrong: "saw 8, which nobody wrote"},
		"a value that was refused":             {operations: []Operation{with(op(1, Write, 8, 0, 0), func(o *Operation) { o.Outcome = Refused }), op(1, Read, 8, 1, 20)}, wrong: "surely not written"},
		"a value before its time":              {operations: []Operation{op(2, Read, 8, 1, 0), op(1, Write, 8, 1, 20)}, wrong: "before it was written"},
		"another value at the beginning":       {operations: []Operation{op(1, Write, 8, 1, 0), op(2, Read, 8, 0, 20)}, wrong: "but version 0 was 0"},
		"a write that found no node":           {operations: []Operation{with(op(1, Write, 8, 0, 0), func(o *Operation) { o.Outcome, o.Error = Failed, "NoNode" })}, wrong: "is always there: NoNode"},
		"two zxids of a version":               {operations: []Operation{with(op(1, Write, 8, 1, 0), func(o *Operation) { o.Zxid = 7 }), with(op(2, Read, 8, 1, 20), func(o *Operation) { o.Zxid = 8 })}, wrong: "has two zxids"},
		"zxids against the versions":           {operations: []Operation{with(op(1, Write, 8, 1, 0), func(o *Operation) { o.Zxid = 7 }), with(op(2, Write, 9, 2, 5), func(o *Operation) { o.Zxid = 6 })}, wrong: "a version before it has 0x7"},
		"a value that names two writes":        {operations: []Operation{op(1, Write, 8, 1, 0), op(2, Write, 8, 2, 20)}, wrong: "8 was written to it twice"},
		"a register of which nothing is known": {operations: []Operation{with(op(1, Write, 8, 1, 0), func(o *Operation) { o.Key = "/other" })}, wrong: "/other could not be judged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judged(t, registers(c.operations...), c.wrong)
		})
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	other := func(o *Operation) { o.Session = 99 }
	zxid := func(n int64) func(*Operation) { return func(o *Operation) { o.Zxid = n } }
	first, second := op(1, Write, 5, 1, 0), op(1, Write, 6, 2, 20)
	for name, c := range map[string]struct {
		operations []Operation
		wrong      string
	}{
		"forward":                           {operations: []Operation{first, second, op(2, Read, 0, 0, 40), op(2, Read, 5, 1, 60), op(2, Read, 6, 2, 80)}},
		"back":                              {operations: []Operation{first, second, op(2, Read, 6, 2, 40), op(2, Read, 5, 1, 60)}, wrong: "session 0x12 went back: client 2's read of 5 (version 1)"},
		"back in a new session":             {operations: []Operation{first, second, op(2, Read, 6, 2, 40), with(op(2, Read, 5, 1, 60), other)}},
		"those that overlap":                {operations: []Operation{first, second, op(2, Read, 6, 2, 40), op(2, Read, 5, 1, 45)}},
		"its own write is not seen":         {operations: []Operation{first, second, op(1, Read, 5, 1, 40)}, wrong: "session 0x11 went back"},
		"an unknown write need not be seen": {operations: []Operation{first, with(op(1, Write, 7, 0, 20), unknown), op(1, Read, 5, 1, 40)}},
		"a write below what it saw":         {operations: []Operation{first, second, op(2, Read, 6, 2, 22), op(2, Write, 9, 2, 40)}, wrong: "wrote what it had seen the end of"},
		"a zxid below one that was seen": {
			operations: []Operation{with(first, zxid(9)), with(op(2, Read, 5, 1, 20), zxid(9)), with(op(3, CreateSequential, 0, 0, 40), func(o *Operation) {
				o.Key, o.Name, o.Zxid = "/q", "n-0000000001", 8
			})}, wrong: "has zxid 0x8",
		},
		"an old zxid of a read is none": {operations: []Operation{with(first, zxid(9)), with(second, zxid(10)), with(op(3, Read, 5, 1, 40), zxid(9))}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := registers(c.operations...)
			h.Children = map[string][]string{"/q": {"n-0000000001"}}
			judged(t, h, c.wrong)
		})
	}
}

func TestTimeoutIsUndecided(t *testing.T) {
	t.Parallel()
	h := simulate(1, 10, 3000, 1, 0.1)
	h.Timeout = time.Nanosecond
	if v := Check(h); len(v.Undecided) != 1 || len(v.Findings) != 0 || !strings.Contains(v.Undecided[0], "within 1ns") || v.Passed() {
		t.Errorf("%q %q, want one undecided", v.Findings, v.Undecided)
	}
}

func TestGap(t *testing.T) {
	t.Parallel()
	operations := []Operation{
		op(1, Write, 1, 1, 0), op(2, Write, 2, 2, 20), with(op(1, Write, 3, 0, 50), unknown), op(1, Read, 2, 2, 55),
		op(2, Write, 4, 3, 90), op(1, Write, 5, 4, 120),
	}
	for name, c := range map[string]struct {
		operations            []Operation
		from, to, want, start int
	}{
		"all clients":          {operations: operations, from: 10, to: 130, want: 70, start: 30},
		"one client":           {operations: ByClient(operations)[1], from: 10, to: 130, want: 120, start: 10},
		"open at the end":      {operations: operations, from: 10, to: 300, want: 170, start: 130},
		"open at the start":    {operations: operations, from: -200, to: 130, want: 210, start: -200},
		"nothing":              {from: 0, to: 40, want: 40},
		"a window of its own":  {operations: operations, from: 105, to: 125, want: 20, start: 105},
		"a window of no width": {operations: operations, from: 10, to: 10, want: 0, start: 10},
	} {
		length, start := Gap(c.operations, ms(c.from), ms(c.to))
		if length != ms(c.want) || start != ms(c.start) {
			t.Errorf("%s: a gap of %s from %s, want %d ms from %d ms", name, length, start, c.want, c.start)
		}
	}
}
