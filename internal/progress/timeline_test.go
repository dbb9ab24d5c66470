package progress

import (
	"slices"
	"testing"
	"time"
)

func names(spans []Span) []string {
	var all []string
	for _, s := range spans {
		all = append(all, s.Lane+" "+s.Name)
	}
	return all
}

func TestCriticalPath(t *testing.T) {
	line := NewTimeline(whole().events)
	want := []string{
		"pipeline/prod plan", "pipeline/prod module.vpc.aws_vpc.this", "pipeline/prod module.postgresql.aws_db_instance.this",
		"zookeeper-1 Install packages", "zookeeper-1 Start the server",
	}
	if got := names(line.Path()); !slices.Equal(got, want) {
		t.Errorf("the critical path is\n%q, want\n%q", got, want)
	}
	if len(line.Steps) != 3 || len(line.Spans) != 6 || line.To.Sub(line.From) != 102*time.Second {
		t.Errorf("%d steps, %d spans, %s", len(line.Steps), len(line.Spans), line.To.Sub(line.From))
	}
}

// Among what ended at the same moment, a host's task waited for its own host's.
func TestCriticalPathStaysOnItsHost(t *testing.T) {
	r := (&recorder{}).begin("", Configuring, "a", "b")
	r.at(10).task("a", "first", OK, 10).task("b", "first", OK, 9)
	r.at(20).task("b", "second", OK, 10).end("", Configuring, 20)
	if got, want := names(NewTimeline(r.events).Path()), []string{"b first", "b second"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTimelineOfWhatNeverEnded(t *testing.T) {
	r := (&recorder{}).run("apply").at(1).begin("a/prod", Applying).at(2).creates("a/prod", "b.c").at(30).add(Event{Kind: Warning, Message: "killed"})
	line := NewTimeline(r.events)
	if len(line.Spans) != 1 || line.Spans[0].Took() != 28*time.Second || line.Spans[0].Result != "" || len(line.Steps) != 1 {
		t.Errorf("got %+v", line)
	}
	if path := line.Path(); len(path) != 1 || path[0].Name != "b.c" {
		t.Errorf("the critical path is %q", names(path))
	}
}

// Hosts that were at something when Ansible was interrupted, or killed, are shown at it.
func TestTimelineOfTasksThatNeverEnded(t *testing.T) {
	for _, killed := range []bool{true, false} {
		r := (&recorder{}).run("configure").at(1).begin("", Configuring, "a", "b", "c")
		r.at(2).begunOn("Install packages", "a", "b", "c")
		r.at(3).task("b", "Install packages", OK, 1).add(Event{Kind: TaskSkipped, Host: "c", Task: "Install packages"})
		r.at(9)
		if !killed {
			r.add(Event{Kind: StepEnded, Step: Configuring, Seconds: 8, Result: Failed}).at(10)
		}
		r.add(Event{Kind: Warning, Message: "interrupted"})
		line := NewTimeline(r.events)
		if got, want := names(line.Spans), []string{"b Install packages", "a Install packages"}; !slices.Equal(got, want) {
			t.Fatalf("killed %v: got %q, want %q", killed, got, want)
		}
		if left := line.Spans[1]; left.Took() != 7*time.Second || left.Result != "" {
			t.Errorf("killed %v: got %+v", killed, left)
		}
	}
}

func TestTimelineOfNothing(t *testing.T) {
	if line := NewTimeline(nil); len(line.Path()) != 0 || !line.From.IsZero() {
		t.Errorf("got %+v", line)
	}
}

// Approval is a part of the way: somebody made everybody wait.
func TestApprovalIsOnTheWay(t *testing.T) {
	r := (&recorder{}).begin("a/prod", Planning).at(5).end("a/prod", Planning, 5)
	r.at(5).begin("", Approving).at(65).end("", Approving, 60)
	r.at(66).begin("a/prod", Applying).creates("a/prod", "b.c").at(70).created("a/prod", "b.c", 4).end("a/prod", Applying, 4)
	if got, want := names(NewTimeline(r.events).Path()), []string{"a/prod plan", "approval approve", "a/prod b.c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
