package notify

import (
	"strings"
	"text/template"
	"time"

	"infra/internal/fault"
	"infra/internal/outcome"
)

// fill fills a template in.
func fill(text string, o outcome.Outcome) (string, error) {
	made, err := template.New("notify.template").Parse(text)
	var b strings.Builder
	if err == nil {
		err = made.Execute(&b, o)
	}
	if err != nil {
		return "", fault.New(fault.Usage, "fill in notify.template of "+o.Environment, err, "infra notify "+o.Environment+" --print")
	}
	return b.String(), nil
}

// Sample is an outcome as it might be, to try channels and templates with.
func Sample(kind outcome.Kind, environment, who string, now time.Time) outcome.Outcome {
	o := outcome.Outcome{
		Schema: outcome.Schema, Kind: kind, Environment: environment, Verb: "apply", Result: outcome.Hosts, Exit: fault.Hosts,
		Run: "sample", Who: who, Started: now.Add(-7 * time.Minute).UTC(), Ended: now.UTC(),
		Error:  "this is a sample, nothing has happened; configure the hosts with site.yml: postgresql-2 is unreachable",
		Next:   "infra status " + environment,
		Stacks: []outcome.Stack{{Stack: "pipeline/" + environment, Applied: 3, Result: "done"}},
		Hosts:  []outcome.Host{{Name: "postgresql-1", Result: "2 changed"}, {Name: "postgresql-2", Result: "unreachable"}},
		Phases: []outcome.Phase{{Phase: "plan", Seconds: 4.2}, {Phase: "apply", Seconds: 181}, {Phase: "ansible", Seconds: 90}},
	}
	switch kind {
	case outcome.Drill:
		o.Verb, o.Result, o.Exit, o.Error = "pg drill", outcome.Failed, fault.Failed, "this is a sample, nothing has happened; did not pass: kill"
	case outcome.Drift:
		o.Verb, o.Result, o.Exit, o.Findings, o.Run = "drift", outcome.Drifted, fault.Differences, 2, ""
		o.Error, o.Next, o.Stacks, o.Hosts = "", "infra drift "+environment, []outcome.Stack{}, []outcome.Host{}
	case outcome.Run:
	}
	return o
}
