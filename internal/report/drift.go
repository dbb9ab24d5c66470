package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/drift"
	"infra/internal/fault"
)

// DriftDocument is `infra drift --output json`: one report for all environments
// that were asked for.
type DriftDocument struct {
	Schema       string             `json:"schema"` // infra/drift/v1
	Made         time.Time          `json:"made"`
	Drift        bool               `json:"drift"`  // in any of them
	Failed       bool               `json:"failed"` // something could not be looked at
	Environments []EnvironmentDrift `json:"environments"`
}

// EnvironmentDrift is one environment of a DriftDocument.
type EnvironmentDrift struct {
	Environment  string          `json:"environment"`
	File         string          `json:"file"` // of its settings
	Drift        bool            `json:"drift"`
	SkippedHosts bool            `json:"skipped_hosts"` // nobody asked the hosts
	Findings     []drift.Finding `json:"findings"`
	Noise        []drift.Finding `json:"noise"` // what does not count, each with the reason
	Seconds      float64         `json:"seconds"`
	Error        *Problem        `json:"error,omitempty"` // why it, or its hosts, could not be looked at
}

// Problem is an error as data.
type Problem struct {
	Code    fault.Code `json:"code"` // the exit code
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
}

// Drift makes the document.
func Drift(made time.Time, environments []EnvironmentDrift) DriftDocument {
	doc := DriftDocument{Schema: "infra/drift/v1", Made: made.UTC(), Environments: environments}
	for _, e := range environments {
		doc.Drift, doc.Failed = doc.Drift || e.Drift, doc.Failed || e.Error != nil
	}
	return doc
}

// DriftOf is what was found in one environment, whose file is file. problem hides what it may hold
// with masked.
func DriftOf(environment, file string, found []drift.Finding, skippedHosts bool, took time.Duration, problem error, masked func(string) string) EnvironmentDrift {
	e := EnvironmentDrift{Environment: environment, File: file, SkippedHosts: skippedHosts, Seconds: took.Round(time.Millisecond).Seconds(), Findings: []drift.Finding{}, Noise: []drift.Finding{}}
	counting, noise := drift.Split(found)
	e.Findings, e.Noise = append(e.Findings, counting...), append(e.Noise, noise...)
	e.Drift = len(counting) > 0
	if problem != nil {
		e.Error = &Problem{Code: fault.CodeOf(problem), Message: masked(problem.Error()), Hint: masked(fault.HintOf(problem))}
	}
	return e
}

// Code is the exit code of the report.
func (d DriftDocument) Code() fault.Code { return worst(d.Problems(), d.Drift) }

// Problems are what went wrong with each environment, nil where nothing did.
func (d DriftDocument) Problems() []*Problem {
	problems := make([]*Problem, 0, len(d.Environments))
	for _, e := range d.Environments {
		problems = append(problems, e.Error)
	}
	return problems
}

// worst is the exit code of a report on several environments, each with its
// problem or nil, in some of which something was found.
func worst(problems []*Problem, found bool) fault.Code {
	var codes []fault.Code
	for _, p := range problems {
		if p != nil && !slices.Contains(codes, p.Code) {
			codes = append(codes, p.Code)
		}
	}
	switch {
	case slices.Contains(codes, fault.Interrupted):
		return fault.Interrupted
	case len(codes) == 1:
		return codes[0]
	case len(codes) > 1:
		return fault.Failed
	case found:
		return fault.Differences
	default:
		return fault.OK
	}
}

// DriftText shows the report to people. With all, noise is listed too.
func DriftText(doc DriftDocument, all bool) string {
	var b strings.Builder
	for _, e := range doc.Environments {
		fmt.Fprintf(&b, "\n%s: %s\n", e.Environment, DriftVerdict(e))
		for _, kind := range drift.Kinds() {
			title := "  " + kind.Title() + "\n"
			for _, f := range e.Findings {
				if f.Kind == kind {
					b.WriteString(title + driftLines(f))
					title = ""
				}
			}
		}
		if len(e.Noise) > 0 && all {
			b.WriteString("  Known noise\n")
			for _, f := range e.Noise {
				fmt.Fprintf(&b, "    %s: %s\n", console.Plain(subject(f)), f.Noise)
			}
		}
		if e.Error != nil && len(doc.Environments) > 1 { // that of a single one ends the command
			fmt.Fprintf(&b, "  error: %s\n", strings.ReplaceAll(strings.TrimSpace(e.Error.Message), "\n", "\n    "))
			if e.Error.Hint != "" {
				fmt.Fprintf(&b, "    next: %s\n", e.Error.Hint)
			}
		}
		if next := driftNext(e); next != "" {
			fmt.Fprintf(&b, "  next: %s\n", next)
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// DriftVerdict is a sentence about one environment.
func DriftVerdict(e EnvironmentDrift) string {
	var parts []string
	for _, kind := range drift.Kinds() {
		n := 0
		for _, f := range e.Findings {
			if f.Kind == kind {
				n++
			}
		}
		if n == 0 {
			continue
		}
		switch kind {
		case drift.Outside:
			parts = append(parts, console.Count(n, "resource")+" changed outside")
		case drift.Code:
			parts = append(parts, console.Count(n, "change")+" of the code not applied")
		case drift.Host:
			parts = append(parts, console.Count(n, "task")+" would change hosts")
		case drift.Instance:
			parts = append(parts, console.Count(n, "instance")+" managed by nobody")
		case drift.OldImage:
			parts = append(parts, console.Count(n, "host")+" made of another image")
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case text == "" && e.Error != nil:
		text = "could not be looked at"
	case text == "":
		text = "no drift"
	}
	if len(e.Noise) > 0 {
		text += fmt.Sprintf(" (%d known noise, --verbose lists it)", len(e.Noise))
	}
	if e.SkippedHosts && e.Error == nil {
		text += "; the hosts were not asked"
	}
	return text
}

// driftNext is the command that deals with what was found.
func driftNext(e EnvironmentDrift) string {
	has := func(kind drift.Kind) bool {
		return slices.ContainsFunc(e.Findings, func(f drift.Finding) bool { return f.Kind == kind })
	}
	undone := slices.ContainsFunc(e.Findings, func(f drift.Finding) bool { return f.Kind == drift.Outside && f.Undone })
	switch {
	case has(drift.Outside) && !undone && !has(drift.Code):
		return "the code says nothing about it: take it back in AWS, or into the code, or into drift.ignore of " + e.File
	case has(drift.Outside) || has(drift.Code):
		return "infra plan " + e.Environment + ", then infra apply " + e.Environment + "; what is known and shall stay goes into drift.ignore"
	case has(drift.Host):
		return "infra configure " + e.Environment
	case has(drift.Instance):
		return "find out who needs them, then aws ec2 terminate-instances --instance-ids " + firstInstance(e.Findings) + ", or instance:NAME in drift.ignore"
	case has(drift.OldImage):
		return "a host gets the image when it is made anew: infra zk replace " + e.Environment + " NAME, infra pg rejoin " + e.Environment + " NAME --replace"
	default:
		return ""
	}
}

func firstInstance(all []drift.Finding) string {
	for _, f := range all {
		if f.Kind == drift.Instance {
			return f.ID
		}
	}
	return "ID"
}

// valuesShown is how many values of a resource are listed before the rest is
// counted, and valueLimit how much of each.
const (
	valuesShown = 8
	valueLimit  = 80
)

// subject is what a finding is about, in a line.
func subject(f drift.Finding) string {
	switch f.Kind {
	case drift.Host:
		return f.Host + ": " + f.Task
	case drift.Instance, drift.OldImage:
		return strings.TrimSpace(f.ID + " " + f.Name)
	default:
		return strings.TrimSpace(f.Stack + " " + f.Address)
	}
}

// says is what there is to say about it.
func says(f drift.Finding) string {
	var parts []string
	switch f.Kind {
	case drift.Outside:
		parts = append(parts, map[string]string{"delete": "is gone", "update": "was changed", "move": "was moved"}[f.Action])
		if parts[0] == "" {
			parts[0] = "apply would " + f.Action + " it"
		}
		if !f.Undone {
			parts = append(parts, "apply leaves it so")
		}
	case drift.Code:
		parts = append(parts, "to "+f.Action)
	case drift.Host:
		parts = append(parts, f.File)
	case drift.Instance, drift.OldImage:
	}
	parts = append(parts, f.Detail)
	return strings.Join(slices.DeleteFunc(parts, func(text string) bool { return text == "" }), "; ")
}

// driftLines is one finding for people.
func driftLines(f drift.Finding) string {
	line := "    " + subject(f)
	if text := says(f); text != "" {
		line += ": " + text
	}
	lines := console.Plain(line) + "\n"
	for i, a := range f.Attributes {
		if i == valuesShown {
			return lines + fmt.Sprintf("      and %d more\n", len(f.Attributes)-valuesShown)
		}
		lines += "      " + console.Plain(attributeText(a)) + "\n"
	}
	return lines
}

func attributeText(a drift.Attribute) string {
	after := cut(cmp.Or(a.After, "(none)"))
	if a.Unknown {
		after = "(known after apply)"
	}
	return a.Path + ": " + cut(cmp.Or(a.Before, "(none)")) + " -> " + after
}

func cut(value string) string {
	if runes := []rune(value); len(runes) > valueLimit {
		return string(runes[:valueLimit]) + "…"
	}
	return value
}
