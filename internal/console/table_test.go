package console

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"infra/internal/progress"
)

var update = flag.Bool("update", false, "write the golden files anew") //nolint:gochecknoglobals // a flag of the test

// scene is an apply in its middle: ninety seconds ago it began.
func scene(now time.Time) []progress.Event {
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds-90) * time.Second) }
	creates := func(addresses ...string) (all []progress.Change) {
		for _, a := range addresses {
			all = append(all, progress.Change{Address: a, Action: "create"})
		}
		return all
	}
	const emr, node = "module.emr.aws_emr_cluster.this", `module.zookeeper.aws_instance.this["1"]`
	return []progress.Event{
		{At: at(0), Kind: progress.RunBegan, Run: "20261129T080000Z-aaaaaa", Verb: "apply", Environment: "prod"},
		{At: at(1), Kind: progress.StepBegan, Stack: "baseline/prod", Step: progress.Planning},
		{At: at(1), Kind: progress.StepBegan, Stack: "pipeline/prod", Step: progress.Planning},
		{At: at(4), Kind: progress.Planned, Stack: "baseline/prod"},
		{At: at(4), Kind: progress.StepEnded, Stack: "baseline/prod", Step: progress.Planning, Result: progress.OK, Seconds: 3},
		{At: at(9), Kind: progress.Planned, Stack: "pipeline/prod", Changes: creates("module.vpc.aws_vpc.this", emr, node, "module.postgresql.aws_instance.this[\"1\"]", "aws_route53_zone.this")},
		{At: at(9), Kind: progress.StepEnded, Stack: "pipeline/prod", Step: progress.Planning, Result: progress.OK, Seconds: 8},
		{At: at(10), Kind: progress.StepBegan, Stack: "pipeline/prod", Step: progress.Applying},
		{At: at(10), Kind: progress.ResourceBegan, Stack: "pipeline/prod", Address: "module.vpc.aws_vpc.this", Action: "create"},
		{At: at(22), Kind: progress.ResourceEnded, Stack: "pipeline/prod", Address: "module.vpc.aws_vpc.this", Action: "create", Result: progress.OK, Seconds: 12},
		{At: at(22), Kind: progress.ResourceBegan, Stack: "pipeline/prod", Address: emr, Action: "create"},
		{At: at(30), Kind: progress.ResourceBegan, Stack: "pipeline/prod", Address: node, Action: "create"},
		{At: at(30), Kind: progress.ResourceBegan, Stack: "pipeline/prod", Address: "aws_route53_zone.this", Action: "create"},
		{At: at(40), Kind: progress.ResourceEnded, Stack: "pipeline/prod", Address: "aws_route53_zone.this", Action: "create", Result: progress.Failed, Seconds: 10},
		{At: at(40), Kind: progress.Warning, Message: "mind the zone"},
	}
}

// known is what an earlier run of the scene tells.
func known(now time.Time) progress.Expected {
	earlier := append(scene(now),
		progress.Event{At: now, Kind: progress.ResourceEnded, Stack: "pipeline/prod", Address: "module.emr.aws_emr_cluster.this", Action: "create", Result: progress.OK, Seconds: 400},
		progress.Event{At: now, Kind: progress.ResourceEnded, Stack: "pipeline/prod", Address: `module.zookeeper.aws_instance.this["1"]`, Action: "create", Result: progress.OK, Seconds: 30},
		progress.Event{At: now, Kind: progress.StepEnded, Stack: "pipeline/prod", Step: progress.Applying, Result: progress.OK, Seconds: 420})
	return progress.Learn(earlier)
}

func TestTableGolden(t *testing.T) {
	now := time.Now()
	for _, size := range []struct{ width, height int }{{120, 30}, {80, 24}, {60, 24}, {40, 24}, {80, 7}, {20, 5}} {
		c := &Console{secrets: &masker{}}
		c.board.Expect(known(now))
		for _, e := range scene(now) {
			c.board.Fold(e)
		}
		var got strings.Builder
		lines := c.table(size.width, size.height)
		for _, line := range lines {
			got.WriteString(line.text + "\n")
			if w := runewidth.StringWidth(line.text); w >= size.width {
				t.Errorf("%dx%d: a line has %d columns: %q", size.width, size.height, w, line.text)
			}
		}
		if len(lines) >= size.height {
			t.Errorf("%dx%d: %d lines", size.width, size.height, len(lines))
		}
		path := filepath.Join("testdata", fmt.Sprintf("table-%dx%d.txt", size.width, size.height))
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || got.String() != string(want) {
			t.Errorf("%s: %v\ngot\n%swant\n%s", path, err, got.String(), want)
		}
	}
}

// What the cloud and hosts say of themselves cannot steer the terminal from
// within the table, and no secret is in it.
func TestTableHidesAndEscapes(t *testing.T) {
	c := &Console{secrets: &masker{}}
	c.Mask("hunter22")
	now := time.Now()
	c.board.Fold(progress.Event{At: now, Kind: progress.StepBegan, Step: progress.Configuring, Hosts: []progress.Host{{Name: "evil\x1b[2J"}}})
	c.board.Fold(progress.Event{At: now, Kind: progress.TaskBegan, Task: "Set hunter22 \x1b[31m漢字漢字漢字"})
	var text strings.Builder
	for _, line := range c.table(100, 24) {
		text.WriteString(line.text)
	}
	if strings.ContainsAny(text.String(), "\x1b") || strings.Contains(text.String(), "hunter22") || !strings.Contains(text.String(), "漢字") {
		t.Errorf("the table is %q", text.String())
	}
}

// Events are streamed where data goes out as JSON, with no secret in them, and
// what is written after them is one line.
func TestStream(t *testing.T) {
	var out bytes.Buffer
	c := New(strings.NewReader(""), &out, &bytes.Buffer{}, Options{JSON: true})
	c.Mask("hunter22")
	c.Tell(progress.Event{Kind: progress.Warning, Message: "before"})
	c.Stream()
	c.Tell(progress.Event{Kind: progress.Warning, Message: "hunter22\nis \x1b here"})
	if err := c.WriteJSON(map[string]int{"a": 1, "b": 2}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || lines[1] != `{"a":1,"b":2}` || strings.Contains(lines[0], "hunter22") {
		t.Fatalf("standard output is %q", out.String())
	}
	if events, err := progress.Parse([]byte(lines[0])); err != nil || len(events) != 1 || events[0].Message != hidden+"\nis \x1b here" {
		t.Errorf("the event is %+v, %v", events, err)
	}
	out.Reset()
	c = New(strings.NewReader(""), &out, &bytes.Buffer{}, Options{})
	c.Stream()
	if c.Tell(progress.Event{Kind: progress.Warning}); out.Len() > 0 {
		t.Errorf("without JSON there is a stream: %q", out.String())
	}
}
