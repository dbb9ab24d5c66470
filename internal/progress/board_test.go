package progress

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// folded is the board after the events of the first so many seconds.
func folded(b Board, events []Event, seconds float64) Board {
	until := start.Add(time.Duration(seconds * float64(time.Second)))
	for _, e := range events {
		if !e.At.After(until) {
			b.Fold(e)
		}
	}
	return b
}

// drawn is a board as short lines.
func drawn(b Board) string {
	var lines []string
	for _, r := range b.Rows() {
		name := r.Name
		if r.Part {
			name = "- " + name
		}
		line := fmt.Sprintf("%s %s %s %d/%d", name, r.Step, r.State, r.Done, r.All)
		if r.Failed > 0 {
			line += fmt.Sprintf(" failed %d", r.Failed)
		}
		if r.Now != "" {
			line += fmt.Sprintf(" now %s", r.Now)
		}
		if r.Running > 1 {
			line += fmt.Sprintf(" of %d", r.Running)
		}
		lines = append(lines, strings.ReplaceAll(line, "  ", " "))
	}
	return strings.Join(lines, "\n")
}

func TestBoard(t *testing.T) {
	events := whole().events
	for _, c := range []struct {
		at     float64
		active bool
		want   string
	}{
		{0, false, ""},
		{4, true, "pipeline/prod plan working 1/0"},
		{5, true, "pipeline/prod plan waiting 0/3\n- postgresql waiting 0/1\n- vpc waiting 0/1\n- zookeeper waiting 0/1"},
		{8, true, "pipeline/prod apply working 0/3 now module.vpc.aws_vpc.this\n- postgresql waiting 0/1\n- vpc working 0/1 now module.vpc.aws_vpc.this\n- zookeeper waiting 0/1"},
		{20, true, "pipeline/prod apply working 1/3 now module.postgresql.aws_db_instance.this of 2\n- postgresql working 0/1 now module.postgresql.aws_db_instance.this\n" +
			"- vpc done 1/1\n- zookeeper working 0/1 now module.zookeeper.aws_instance.this[\"1\"]"},
		{78, true, "pipeline/prod apply done 3/3\n- postgresql done 1/1\n- vpc done 1/1\n- zookeeper done 1/1"},
		{90, true, "pipeline/prod apply done 3/3\n- postgresql done 1/1\n- vpc done 1/1\n- zookeeper done 1/1\n" +
			"hosts configure working 1/0 now Install packages\n- zookeeper-1 working 0/0 now Install packages\n- postgresql-1 working 1/0"},
		{95, true, "pipeline/prod apply done 3/3\n- postgresql done 1/1\n- vpc done 1/1\n- zookeeper done 1/1\n" +
			"hosts configure working 2/0 now Start the server\n- zookeeper-1 working 1/0 now Start the server\n- postgresql-1 working 1/0 now Start the server"},
		{96, true, "pipeline/prod apply done 3/3\n- postgresql done 1/1\n- vpc done 1/1\n- zookeeper done 1/1\n" +
			"hosts configure working 2/0 now Start the server\n- zookeeper-1 working 1/0 now Start the server\n- postgresql-1 working 1/0"},
		{101, true, "pipeline/prod apply done 3/3\n- postgresql done 1/1\n- vpc done 1/1\n- zookeeper done 1/1\n" +
			"hosts configure done 3/0\n- zookeeper-1 done 2/0\n- postgresql-1 done 1/0"},
		{102, false, "pipeline/prod apply done 3/3\n- postgresql done 1/1\n- vpc done 1/1\n- zookeeper done 1/1\n" +
			"hosts configure done 3/0\n- zookeeper-1 done 2/0\n- postgresql-1 done 1/0"},
	} {
		b := folded(Board{}, events, c.at)
		if got := drawn(b); got != c.want || b.Active() != c.active {
			t.Errorf("after %gs: active %v\n%s\nwant\n%s", c.at, b.Active(), got, c.want)
		}
	}
}

func TestBoardOfFailures(t *testing.T) {
	r := (&recorder{}).run("apply")
	r.at(1).planned("pipeline/prod", "module.vpc.aws_vpc.this", "module.vpc.aws_subnet.this").begin("pipeline/prod", Applying)
	r.at(2).creates("pipeline/prod", "module.vpc.aws_vpc.this")
	r.at(3).add(Event{Kind: ResourceEnded, Stack: "pipeline/prod", Address: "module.vpc.aws_vpc.this", Action: "create", Result: Failed})
	r.at(4).add(Event{Kind: StepEnded, Stack: "pipeline/prod", Step: Applying, Result: Failed})
	r.at(5).begin("", Configuring, "a", "b").task("a", "ping", Unreachable, 1).task("b", "ping", OK, 1)
	r.at(6).add(Event{Kind: StepEnded, Step: Configuring, Result: Failed}).add(Event{Kind: Warning, Message: "mind"})
	b := folded(Board{}, r.events, 9)
	const want = "pipeline/prod apply failed 1/2 failed 1\n- vpc failed 1/2 failed 1\nhosts configure failed 2/0 failed 1\n- a failed 1/0 failed 1\n- b failed 1/0"
	if got := drawn(b); got != want || b.Warnings != 1 {
		t.Errorf("%d warnings\n%s\nwant\n%s", b.Warnings, got, want)
	}
	b.Fold(Event{Kind: RunEnded})
	if b.Result != Failed || b.Active() {
		t.Errorf("a run that ended without a result: %q", b.Result)
	}
}

// What is read again at the end of an apply is none of its changes.
func TestReadsOfAnApplyDoNotCount(t *testing.T) {
	r := (&recorder{}).run("apply").at(1).planned("a/prod", "b.c").begin("a/prod", Applying)
	r.add(Event{Kind: ResourceRead, Stack: "a/prod", Address: "b.c"})
	if got := drawn(folded(Board{}, r.events, 9)); got != "a/prod apply working 0/1" {
		t.Errorf("the board is %q", got)
	}
}

// A replacement is two things to do, and a data source that is read in between
// is none: never are more done than there were.
func TestReplacementsAndReadsOfAnApply(t *testing.T) {
	r := (&recorder{}).run("apply").at(1)
	r.add(Event{Kind: Planned, Stack: "a/prod", Changes: []Change{{Address: "module.m.b.c", Action: "replace"}, {Address: "module.m.b.d", Action: "update"}}})
	r.begin("a/prod", Applying)
	if got, want := drawn(folded(Board{}, r.events, 9)), "a/prod apply working 0/3\n- m waiting 0/3"; got != want {
		t.Errorf("the board is %q, want %q", got, want)
	}
	for _, action := range []string{"delete", "read", "create", "update"} {
		e := Event{Kind: ResourceBegan, Stack: "a/prod", Address: "module.m.b.c", Action: action}
		r.add(e)
		e.Kind, e.Result = ResourceEnded, OK
		r.add(e)
	}
	if got, want := drawn(folded(Board{}, r.events, 9)), "a/prod apply working 3/3\n- m done 3/3"; got != want {
		t.Errorf("the board is %q, want %q", got, want)
	}
}

// A command without a run, such as plan, has a table as long as a step goes on.
func TestBoardWithoutRun(t *testing.T) {
	r := (&recorder{}).begin("baseline/prod", Planning).at(2).end("baseline/prod", Planning, 2)
	if b := folded(Board{}, r.events, 1); !b.Active() {
		t.Error("a plan is not shown")
	}
	if b := folded(Board{}, r.events, 2); b.Active() {
		t.Error("a plan that has ended is shown")
	}
}

func TestSays(t *testing.T) {
	events := whole().events
	b := folded(Board{}, events, 20)
	b.Expect(Learn(events))
	b = folded(b, events, 20) // the run begins anew, with what is known
	now := start.Add(20 * time.Second)
	const want = "1 of 3 done, now module.postgresql.aws_db_instance.this and 1 more, expected to take another 58s"
	if got := b.Says("pipeline/prod", now); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := b.Says("none", now); got != "" {
		t.Errorf("a row that is not there says %q", got)
	}
}
