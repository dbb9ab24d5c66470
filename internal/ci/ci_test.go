package ci_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/ci"
	"infra/internal/drift"
	"infra/internal/fault"
	"infra/internal/report"
)

// env is a job's environment.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if value, ok := strings.CutPrefix(pair, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"before":"abc","after":"def"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env     []string
		service ci.Service
		base    string
		limit   int
	}{
		{nil, ci.Local, "", 65536},
		{[]string{"GITHUB_ACTIONS=true", "GITHUB_BASE_REF=main", "GITHUB_EVENT_PATH=" + event}, ci.GitHub, "origin/main", 65536},
		{[]string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_PATH=" + event}, ci.GitHub, "abc", 65536},
		{[]string{"GITHUB_ACTIONS=true", "GITHUB_EVENT_PATH=" + event + "x"}, ci.GitHub, "", 65536},
		{[]string{"GITLAB_CI=true", "CI_MERGE_REQUEST_DIFF_BASE_SHA=abc", "CI_COMMIT_BEFORE_SHA=000"}, ci.GitLab, "abc", 1000000},
		{[]string{"GITLAB_CI=true", "CI_COMMIT_BEFORE_SHA=def"}, ci.GitLab, "def", 1000000},
	} {
		got := ci.Detect(env(c.env...))
		if got != c.service || got.Base(env(c.env...)) != c.base || got.Limit() != c.limit {
			t.Errorf("%v: %q, base %q, limit %d", c.env, got, got.Base(env(c.env...)), got.Limit())
		}
	}
}

func TestAnnotation(t *testing.T) {
	t.Parallel()
	got := ci.Annotation("a:b,c", "x,y.yaml", "50%\n::set-output name=x::y")
	if want := "::error file=x%2Cy.yaml,title=a%3Ab%2Cc::50%25%0A::set-output name=x::y\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWorst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		codes []fault.Code
		want  fault.Code
	}{
		{nil, fault.OK},
		{[]fault.Code{0, 2, 0}, fault.Differences},
		{[]fault.Code{2, 4}, fault.Locked},
		{[]fault.Code{3, 4, 2}, fault.Refused},
		{[]fault.Code{3, 1, 5}, fault.Failed},
		{[]fault.Code{1, 6}, fault.StateNotSaved},
	} {
		if got := ci.Worst(c.codes...); got != c.want {
			t.Errorf("the worst of %v is %d, want %d", c.codes, got, c.want)
		}
	}
}

// planned is an environment with one stack and its changes, each as
// "action address".
func planned(name, diff string, changes ...string) ci.Environment {
	s := report.StackPlan{Stack: "pipeline/" + name}
	for _, c := range changes {
		action, address, _ := strings.Cut(c, " ")
		s.Changes = append(s.Changes, report.Change{Action: action, Address: address, Reason: "cannot_update"})
	}
	return ci.Environment{
		Name: name, Exit: int(fault.Differences), Hosts: []string{"zookeeper-1"},
		Plan: &report.PlanDocument{
			Stacks: []report.StackPlan{{Stack: "baseline/" + name}, s},
			Bundle: &report.Bundle{Digest: strings.Repeat("d", 64), Expires: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)},
		},
		Diffs: map[string]string{s.Stack: diff},
	}
}

func TestComment(t *testing.T) {
	t.Parallel()
	broken := ci.Environment{Name: "acme", Exit: int(fault.Locked), Error: &ci.Problem{Message: "held by ```x``` @all", Hint: "infra unlock acme"}}
	prod := planned("prod", "  + a\n  -/+ b\n  ~ c\n      - d", "create a", "update b", `replace module.x.y["a|b"]`, "delete z")
	prod.Unasked = "zookeeper-2 is out of reach"
	for i := range 7 {
		prod.Tasks = append(prod.Tasks, drift.TaskChange{Host: "zookeeper-1", Play: "Servers", Task: fmt.Sprint(i + 1)})
	}
	prod.Tasks = append(prod.Tasks, drift.TaskChange{Host: "zookeeper-1", Play: "All", Task: "Write a|b"})
	all, err := ci.Join(
		ci.Plan{Commit: "c", Environments: []ci.Environment{prod}},
		ci.Plan{Commit: "c", Environments: []ci.Environment{broken}, Removed: []string{"old"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	text := ci.Comment(all, 65536)
	at := -1
	for _, want := range []string{
		ci.Marker + "\n## infra: 1 of 2 affected environments could not be planned",
		"Destroys and replaces: 2", "| **delete** | pipeline/prod | <code>z</code> | cannot update |", "| **replace** | pipeline/prod | <code>module.x.y&#91;&#34;a&#124;b&#34;&#93;</code> |",
		"| pipeline/prod | 1 | 1 | 1 | 1 |",
		"**Hosts were not asked**", "- prod: zookeeper-2 is out of reach", "Tasks that would change hosts: 8",
		"| prod | zookeeper-1 | Servers | 7: 1, 2, 3, 4, 5 and 2 more |", `| prod | zookeeper-1 | All | 1: Write a\|b |`, "acknowledged:** old",
		"### acme: locked", "````\nheld by ```x``` @all\n````", "infra unlock acme",
		"<details><summary>pipeline/prod</summary>", "```diff\n+   a\n-     b\n!   c\n-       d\n```",
		"prod: kept until 2026-11-30 00:00 UTC", "does exactly the same",
	} {
		next := strings.Index(text, want)
		if next < 0 {
			t.Errorf("the comment has no %q:\n%s", want, text)
		} else if next < at {
			t.Errorf("%q stands too early:\n%s", want, text)
		}
		at = max(at, next)
	}
	for _, c := range []struct {
		plan ci.Plan
		want string
	}{
		{ci.Plan{}, "no environment is affected"},
		{ci.Plan{Environments: []ci.Environment{{Name: "a"}}}, "nothing would change in 1 affected"},
	} {
		if got := ci.Comment(c.plan, 65536); !strings.Contains(got, c.want) || !strings.HasPrefix(got, ci.Marker) {
			t.Errorf("%q is not in:\n%s", c.want, got)
		}
	}
	if _, err := ci.Join(ci.Plan{Commit: "a"}, ci.Plan{Commit: "b"}); err == nil {
		t.Error("plans of two commits were joined")
	}
	if _, err := ci.Join(all, all); err == nil {
		t.Error("an environment was joined with itself")
	}
}

// TestCommentIsCut makes comments that are too long in every way, and wants
// none that the service would refuse, nor one that hides what was cut.
func TestCommentIsCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("  + something = \"with a value\"\n", 3000)
	var many, huge ci.Plan
	for i := range 40 {
		many.Environments = append(many.Environments, planned(fmt.Sprintf("env-%02d", i), long[:31*200*(i+1)/40], "create a"))
	}
	many.Environments[7] = planned("env-07", long, "delete a")
	tasked := planned("prod", long, "create a")
	for i := range 5000 {
		tasked.Tasks = append(tasked.Tasks, drift.TaskChange{Host: fmt.Sprintf("host-%d", i/10), Play: strings.Repeat("p", 300), Task: strings.Repeat("t", 300)})
	}
	for i := range 3000 {
		huge.Environments = append(huge.Environments, planned(fmt.Sprintf("env-%04d", i), long, "delete a"))
	}
	for name, c := range map[string]struct {
		plan  ci.Plan
		limit int
		says  []string
	}{
		"one long diff":     {ci.Plan{Environments: []ci.Environment{planned("prod", long, "create a")}}, 65536, []string{"**Cut** to what the service takes: the diff of pipeline/prod", "more lines"}},
		"it fits elsewhere": {ci.Plan{Environments: []ci.Environment{planned("prod", long, "create a")}}, 1000000, []string{"</details>"}},
		"many diffs":        {many, 65536, []string{"pipeline/env-07</summary>", "**Cut**", "env-07", "**Left out**", " more. They are in the job's JSON"}},
		"many tasks":        {ci.Plan{Environments: []ci.Environment{tasked}}, 65536, []string{"Tasks that would change hosts: 5000", "more hosts and plays, in the job's JSON", "**Cut** to what"}},
		"many environments": {huge, 65536, []string{"Destroys and replaces: 3000", "and 2950 more", "**Cut: this comment"}},
	} {
		text := ci.Comment(c.plan, c.limit)
		if len(text) > c.limit {
			t.Errorf("%s: %d bytes, the limit is %d", name, len(text), c.limit)
		}
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q", name, want)
			}
		}
		if strings.Count(text, "<details>") != strings.Count(text, "</details>") || strings.Count(text, "```")%2 != 0 {
			t.Errorf("%s: something is not closed", name)
		}
	}
}

// TestShown hides a secret before it gets another spelling.
func TestShown(t *testing.T) {
	t.Parallel()
	p := ci.Plan{Environments: []ci.Environment{planned("prod", "x = a*b_c", "delete a*b_c")}}
	p.Environments[0].Error = &ci.Problem{Message: "a*b_c", Hint: "a*b_c"}
	p.Environments[0].Plan.Stacks[0].Deferred = "a*b_c"
	p.Environments[0].Unasked = "a*b_c"
	p.Environments[0].Tasks = []drift.TaskChange{{Host: "zookeeper-1", Play: "a*b_c", Task: "a*b_c"}}
	text := ci.Comment(p.Shown(func(text string) string { return strings.ReplaceAll(text, "a*b_c", "HIDDEN") }), 65536)
	if strings.Contains(text, "b_c") || strings.Contains(text, `b\_c`) || strings.Contains(text, "&#95;c") || strings.Count(text, "HIDDEN") != 8 {
		t.Error(text)
	}
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	p := ci.Plan{Environments: []ci.Environment{
		planned("prod", "", "create a"),
		{Name: "acme", Exit: int(fault.Refused), Seconds: 1.5, Error: &ci.Problem{Message: "<no> & \"why\"", Hint: "do"}},
	}}
	text, err := p.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Suites []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Cases    []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Type    string `xml:"type,attr"`
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	s := got.Suites[0]
	if s.Tests != 2 || s.Failures != 1 || s.Cases[0].Failure != nil || s.Cases[1].Failure == nil {
		t.Fatalf("%s", text)
	}
	if f := s.Cases[1].Failure; f.Type != fault.Refused.Meaning() || f.Message != "<no> & \"why\"" || !strings.Contains(f.Text, "next: do") {
		t.Errorf("%+v", f)
	}
}
