package history

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// made is an acknowledged sequential node.
func made(client int, name string, start int) Operation {
	return with(op(client, CreateSequential, 0, 0, start), func(o *Operation) { o.Key, o.Name = "/q", name })
}

// deleted is an acknowledged deletion.
func deleted(client int, name string, start int) Operation {
	return with(op(client, Delete, 0, 0, start), func(o *Operation) { o.Key = name })
}

func TestSequences(t *testing.T) {
	t.Parallel()
	one, two := made(1, "n-0000000001", 0), made(2, "n-0000000002", 20)
	both := []string{"n-0000000001", "n-0000000002"}
	lost := with(made(1, "", 40), unknown)
	for name, c := range map[string]struct {
		operations []Operation
		children   []string
		wrong      string
	}{
		"all there":                       {operations: []Operation{one, two}, children: both},
		"one is lost":                     {operations: []Operation{one, two}, children: both[:1], wrong: "client 2's create-sequential of n-0000000002 at /q (session 0x12, 0.020 s to 0.030 s, ok) was acknowledged and is lost"},
		"one is deleted":                  {operations: []Operation{one, two, deleted(3, "/q/n-0000000002", 40)}, children: both[:1]},
		"one may be deleted":              {operations: []Operation{one, two, with(deleted(3, "/q/n-0000000002", 40), unknown)}, children: both[:1]},
		"a deletion failed":               {operations: []Operation{one, two, with(deleted(3, "/q/n-0000000002", 40), func(o *Operation) { o.Outcome = Failed })}, children: both[:1], wrong: "is lost"},
		"one is back":                     {operations: []Operation{one, two, deleted(3, "/q/n-0000000002", 40)}, children: both, wrong: "is still there after client 3's delete"},
		"one name for two":                {operations: []Operation{one, made(2, "m-0000000001", 0)}, children: []string{"n-0000000001", "m-0000000001"}, wrong: "number 1 was given twice"},
		"against the order of time":       {operations: []Operation{made(1, "n-0000000002", 0), made(2, "n-0000000001", 20)}, children: both, wrong: "got a lower number"},
		"those that overlap have none":    {operations: []Operation{made(1, "n-0000000002", 0), made(2, "n-0000000001", 5)}, children: both},
		"no number":                       {operations: []Operation{made(1, "n", 0)}, children: []string{"n"}, wrong: "a name without a number"},
		"an unknown one is there":         {operations: []Operation{one, lost}, children: both},
		"an unknown one is there twice":   {operations: []Operation{lost}, children: both, wrong: "2 nodes below /q are nobody's, n-0000000001 the first, and only 1 creations"},
		"the children were never listed":  {operations: []Operation{one}, wrong: "below /q could not be judged"},
		"a parent without acknowledgment": {operations: []Operation{lost}, children: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := History{Operations: c.operations}
			if c.children != nil {
				h.Children = map[string][]string{"/q": c.children}
			}
			judged(t, h, c.wrong)
		})
	}
}

func TestEphemerals(t *testing.T) {
	t.Parallel()
	create := with(op(1, CreateEphemeral, 0, 0, 0), func(o *Operation) { o.Key = "/e/a" })
	again := with(create, func(o *Operation) { o.Client, o.Session, o.Start, o.End = 2, 0x12, ms(300), ms(310) })
	alive := op(1, Read, 0, 0, 1000)
	look := func(at int, session int64, names ...string) Listing {
		return Listing{Client: 7, Session: session, Parent: "/e", Names: names, Start: ms(at), End: ms(at + 1)}
	}
	ended := []SessionEnd{{Session: 0x11, Client: 1, Ended: ms(200), Reason: "expired"}}
	for name, c := range map[string]struct {
		operations []Operation
		looks      []Listing
		ended      []SessionEnd
		trees      []Tree
		wrong      string
	}{
		"there while it lives":             {operations: []Operation{create, alive}, looks: []Listing{look(500, 7, "a")}},
		"not there while it lives":         {operations: []Operation{create, alive}, looks: []Listing{look(500, 7)}, wrong: "was not seen by client 7 at 0.500 s, although its session lived"},
		"not there yet on another server":  {operations: []Operation{create, alive}, looks: []Listing{look(50, 7)}},
		"not there yet in its own session": {operations: []Operation{create, alive}, looks: []Listing{look(50, 0x11)}, wrong: "was not seen"},
		"nothing is known of the session":  {operations: []Operation{create}, looks: []Listing{look(500, 7)}},
		"it was deleted":                   {operations: []Operation{create, alive, deleted(2, "/e/a", 400)}, looks: []Listing{look(500, 7)}},
		"it was deleted before":            {operations: []Operation{deleted(2, "/e/a", -50), create, alive}, looks: []Listing{look(500, 7)}, wrong: "was not seen"},
		"it may be deleted":                {operations: []Operation{create, alive, with(deleted(2, "/e/a", -50), unknown)}, looks: []Listing{look(500, 7)}},
		"an unknown one need not be there": {operations: []Operation{with(create, unknown), alive}, looks: []Listing{look(500, 7)}},
		"gone in time":                     {operations: []Operation{create}, ended: ended, looks: []Listing{look(290, 7, "a"), look(310, 7)}},
		"left behind":                      {operations: []Operation{create}, ended: ended, looks: []Listing{look(310, 7, "a")}, wrong: "was still seen by client 7 at 0.310 s, although its session had ended at 0.200 s (expired)"},
		"an unknown one is left behind":    {operations: []Operation{with(create, unknown)}, ended: ended, looks: []Listing{look(310, 7, "a")}, wrong: "was still seen"},
		"another session made it again":    {operations: []Operation{create, again}, ended: ended, looks: []Listing{look(310, 7, "a")}},
		"a server keeps it":                {operations: []Operation{create}, ended: ended, trees: []Tree{{Server: "zk-1", Start: ms(900), Nodes: map[string]Node{"/e/a": {Owner: 0x11}}}}, wrong: "zk-1 still has /e/a at 0.900 s, although its session 0x11 of client 1"},
		"a server may keep it for a while": {operations: []Operation{create}, ended: ended, trees: []Tree{{Server: "zk-1", Start: ms(299), Nodes: map[string]Node{"/e/a": {Owner: 0x11}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := registers(c.operations...)
			h.Listings, h.Sessions, h.Limit, h.Trees = c.looks, c.ended, ms(100), c.trees
			for _, tree := range h.Trees {
				tree.Nodes["/r"] = Node{}
			}
			judged(t, h, c.wrong)
		})
	}
}

func TestTrees(t *testing.T) {
	t.Parallel()
	same := map[string]Node{"/r": {Hash: "f00d", Version: 2, Mzxid: 0x100000007}, "/a": {Hash: "b"}}
	change := func(name string, node Node) map[string]Node {
		nodes := maps.Clone(same)
		nodes[name] = node
		return nodes
	}
	for name, c := range map[string]struct {
		third map[string]Node
		last  int64 // acknowledged version of /r
		wrong string
	}{
		"all the same":      {third: same, last: 2},
		"another value":     {third: change("/r", Node{Hash: "beef", Version: 2, Mzxid: 0x100000007}), wrong: "the servers differ at /r; a and b: version 2 of mzxid 0x100000007 with hash f00d"},
		"another zxid":      {third: change("/r", Node{Hash: "f00d", Version: 2, Mzxid: 0x200000001}), wrong: "; c: version 2 of mzxid 0x200000001"},
		"a node more":       {third: change("/b", Node{Owner: 5}), wrong: "the servers differ at /b; a and b: nothing; c: version 0 of mzxid 0x0 with hash  of session 0x5"},
		"nothing at all":    {third: nil, wrong: "c: nothing"},
		"all have lost one": {third: same, last: 3, wrong: "/r is at version 2 on a: client 1's write of 5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := History{Registers: map[string]Register{"/r": {}}, Trees: []Tree{{Server: "a", Nodes: same}, {Server: "b", Nodes: same}, {Server: "c", Nodes: c.third}}}
			for version := range c.last {
				h.Operations = append(h.Operations, op(1, Write, 3+version, version+1, 20*int(version)))
			}
			judged(t, h, c.wrong)
		})
	}
}

func TestHistoryKeepsItsShape(t *testing.T) {
	t.Parallel()
	h := simulate(3, 2, 20, 2, 0.2)
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back History
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(Check(h), Check(back)) || len(back.Operations) != len(h.Operations) {
		t.Error("a history that was written and read is judged otherwise")
	}
	v := Check(History{})
	if text, err = json.Marshal(v); err != nil || !strings.HasPrefix(string(text), `{"findings":[],"undecided":[],"counts":{"operations":0,`) || !v.Passed() {
		t.Errorf("an empty history: %s, %v", text, err)
	}
}

func TestManyFindingsAreCutShort(t *testing.T) {
	t.Parallel()
	h := History{Trees: []Tree{{Server: "a", Nodes: map[string]Node{}}, {Server: "b"}}}
	for i := range 50 {
		h.Trees[0].Nodes["/"+strings.Repeat("x", i)] = Node{}
	}
	if v := Check(h); len(v.Findings) != most+1 || v.Findings[most] != "and 40 more findings like the last one" {
		t.Errorf("%q", v.Findings)
	}
}
