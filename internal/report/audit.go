package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"infra/internal/audit"
	"infra/internal/console"
	"infra/internal/fault"
)

// AuditDocument is `infra audit --output json`: one report for all environments
// that were asked for.
type AuditDocument struct {
	Schema       string             `json:"schema"` // infra/audit/v1
	Made         time.Time          `json:"made"`
	FailOn       string             `json:"fail_on"` // the least severity that ends with exit code 2; none: no finding does
	Environments []EnvironmentAudit `json:"environments"`
}

// EnvironmentAudit is one environment of an AuditDocument.
type EnvironmentAudit struct {
	Environment  string                `json:"environment"`
	File         string                `json:"file"`       // of its settings
	Findings     []audit.Finding       `json:"findings"`   // the worst first
	Exceptions   []audit.Finding       `json:"exceptions"` // what does not count, each with the reason
	Exposures    []audit.Exposure      `json:"exposures"`  // who can reach what
	Capabilities []audit.Capability    `json:"capabilities"`
	Unasked      []audit.Unasked       `json:"unasked"`  // what AWS did not tell
	Unjudged     map[string]audit.Part `json:"unjudged"` // rules that could not be applied therefore
	Seconds      float64               `json:"seconds"`
	Error        *Problem              `json:"error,omitempty"`
}

// NoSeverity is a threshold that no finding reaches.
const NoSeverity = "none"

// Audit makes the document.
func Audit(made time.Time, failOn string, environments []EnvironmentAudit) AuditDocument {
	return AuditDocument{Schema: "infra/audit/v1", Made: made.UTC(), FailOn: failOn, Environments: environments}
}

// AuditOf is what was found in one environment, whose file is file. problem hides what it may hold
// with masked.
func AuditOf(environment, file string, found []audit.Finding, facts *audit.Facts, took time.Duration, problem error, masked func(string) string) EnvironmentAudit {
	e := EnvironmentAudit{
		Environment: environment, File: file, Seconds: took.Round(time.Millisecond).Seconds(), Findings: []audit.Finding{}, Exceptions: []audit.Finding{},
		Exposures: []audit.Exposure{}, Capabilities: []audit.Capability{}, Unasked: []audit.Unasked{}, Unjudged: map[string]audit.Part{},
	}
	counting, exceptions := audit.Split(found)
	e.Findings, e.Exceptions = append(e.Findings, counting...), append(e.Exceptions, exceptions...)
	if facts != nil {
		e.Exposures, e.Capabilities, e.Unjudged = audit.Exposures(facts), audit.Capabilities(facts), audit.Unjudged(facts)
		e.Unasked = append(e.Unasked, facts.Unasked...)
	}
	switch {
	case problem != nil:
		e.Error = &Problem{Code: fault.CodeOf(problem), Message: masked(problem.Error()), Hint: masked(fault.HintOf(problem))}
	case len(e.Unasked) > 0:
		parts := make([]string, 0, len(e.Unasked))
		for _, u := range e.Unasked {
			parts = append(parts, string(u.Part)+" ("+u.Why+")")
		}
		e.Error = &Problem{
			Code:    fault.Failed,
			Message: fmt.Sprintf("AWS did not tell everything, so that %s could not be applied: %s", console.Count(len(e.Unjudged), "rule"), strings.Join(parts, "; ")),
			Hint:    "infra apply " + environment + " --product baseline, which gives the plan role what it has to read",
		}
	}
	return e
}

// Code is the exit code of the report: what failed is worse than findings, and
// where everything failed in the same way the code says in which.
func (d AuditDocument) Code() fault.Code {
	return worst(d.Problems(), slices.ContainsFunc(d.Environments, d.fails))
}

// Problems are what went wrong with each environment, nil where nothing did.
func (d AuditDocument) Problems() []*Problem {
	problems := make([]*Problem, 0, len(d.Environments))
	for _, e := range d.Environments {
		problems = append(problems, e.Error)
	}
	return problems
}

// fails tells whether an environment has a finding that the pipeline stops at.
func (d AuditDocument) fails(e EnvironmentAudit) bool {
	var least audit.Severity
	return least.UnmarshalText([]byte(d.FailOn)) == nil && len(audit.AtLeast(e.Findings, least)) > 0
}

// AuditText shows the report to people. With all, exceptions and what only
// members of groups can reach are listed too.
func AuditText(doc AuditDocument, all bool) string {
	var b strings.Builder
	for _, e := range doc.Environments {
		fmt.Fprintf(&b, "\n%s: %s\n", e.Environment, auditVerdict(e))
		last := ""
		for _, f := range e.Findings {
			if title := fmt.Sprintf("  %s  %s: %s\n", strings.ToUpper(f.Severity.String()), f.Rule, f.Title); title != last {
				b.WriteString(title)
				last = title
			}
			b.WriteString("    " + console.Plain(f.Resource+": "+f.Detail) + "\n")
			b.WriteString("      " + console.Plain(whereFound(f)+ids(f)) + "\n")
		}
		if all {
			for _, f := range e.Exceptions {
				fmt.Fprintf(&b, "  known  %s: %s\n    because %s (%s)\n", f.Rule, console.Plain(f.Resource+": "+f.Detail), console.Plain(f.Exception.Reason), f.Exception.From)
			}
		}
		auditTables(&b, e, all)
		if e.Error != nil && len(doc.Environments) > 1 { // that of a single one ends the command
			fmt.Fprintf(&b, "  error: %s\n    next: %s\n", console.Plain(e.Error.Message), e.Error.Hint)
		}
		if next := auditNext(e); next != "" {
			fmt.Fprintf(&b, "  next: %s\n", next)
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// auditTables are who can reach what and who can do what.
func auditTables(b *strings.Builder, e EnvironmentAudit, all bool) {
	var rows [][]string
	groups := 0
	for _, x := range e.Exposures {
		if x.Class == audit.Members && !all {
			groups++
			continue
		}
		rows = append(rows, []string{string(x.Class), x.From, x.Ports, reaches(x)})
	}
	if len(e.Exposures) > 0 {
		b.WriteString("  Who can reach what\n")
		console.Table(b, "    ", rows...)
	}
	if groups > 0 {
		fmt.Fprintf(b, "    and %s among security groups; --verbose lists them\n", console.Count(groups, "rule"))
	}
	rows = nil
	for _, c := range e.Capabilities {
		rows = append(rows, []string{c.Name, strings.Join(c.Trust, ", "), capability(c), bounded(c), used(c)})
	}
	if len(rows) > 0 {
		b.WriteString("  Who can do what\n")
		console.Table(b, "    ", rows...)
	}
}

func reaches(x audit.Exposure) string {
	if len(x.Hosts) == 0 {
		return x.Group + ": nobody is in it"
	}
	text := x.Group + ": " + strings.Join(x.Hosts, ", ")
	if len(x.Public) > 0 {
		text += " at " + strings.Join(x.Public, ", ")
	}
	return text
}

func capability(c audit.Capability) string {
	return strings.TrimSuffix(string(c.Privilege)+": "+strings.Join(c.Of, ", "), ": ")
}

func bounded(c audit.Capability) string {
	if c.Bounded {
		return "bounded"
	}
	return "no boundary"
}

func used(c audit.Capability) string {
	if c.Used == "" {
		return "never used"
	}
	return "used " + c.Used
}

// whereFound is the line that made a thing.
func whereFound(f audit.Finding) string {
	switch {
	case f.Place != nil:
		return f.Place.String() + " " + f.Address
	case f.Address != "":
		return f.Stack + " " + f.Address + ", whose block is not in this checkout"
	case f.Near != nil:
		return "not in the code; it is in what " + f.Near.String() + " makes"
	default:
		return "not in the code"
	}
}

func ids(f audit.Finding) string {
	if len(f.Public) == 0 {
		return ""
	}
	return "  [" + strings.Join(f.Public, ", ") + "]"
}

// auditVerdict is a sentence about one environment.
func auditVerdict(e EnvironmentAudit) string {
	var parts []string
	for _, s := range audit.Severities() {
		n := len(slices.DeleteFunc(slices.Clone(e.Findings), func(f audit.Finding) bool { return f.Severity != s }))
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case text == "" && e.Error != nil:
		text = "could not be looked at as a whole"
	case text == "":
		text = "no findings"
	}
	if n := len(e.Exceptions); n > 0 {
		text += fmt.Sprintf(" (%s, --verbose lists them)", console.Count(n, "known exception"))
	}
	return text
}

// auditNext is what deals with the worst finding.
func auditNext(e EnvironmentAudit) string {
	if len(e.Findings) == 0 {
		return ""
	}
	f := e.Findings[0]
	if f.Address == "" {
		return "infra drift " + e.Environment + " shows what else was done by hand; " + f.Rule + ": " + f.Mend
	}
	return f.Rule + ": " + f.Mend + "; then infra plan " + e.Environment
}
