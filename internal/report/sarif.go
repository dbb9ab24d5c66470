package report

import (
	"fmt"
	"io"
	"slices"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"infra/internal/audit"
)

// rootID is how the places in a SARIF file say that they are relative to the
// repository; readers put the checkout's folder in its place.
const rootID = "%SRCROOT%"

// AuditSARIF writes the report as SARIF 2.1.0 with one run an environment, each
// under a category of its own, so that one does not close another's findings.
func AuditSARIF(doc AuditDocument, w io.Writer) error {
	log := sarif.NewReport()
	for _, e := range doc.Environments {
		run := sarif.NewRunWithInformationURI("infra audit", "https://docs.aws.amazon.com/securityhub/latest/userguide/standards-reference.html")
		run.WithAutomationDetails(sarif.NewRunAutomationDetails().WithID("infra/audit/" + e.Environment + "/"))
		for _, r := range audit.Rules() {
			run.Tool.Driver.AddRule(sarifRule(r))
		}
		for _, f := range slices.Concat(e.Findings, e.Exceptions) {
			run.AddResult(sarifResult(run, e.File, f))
		}
		invocation := sarif.NewInvocation().WithExecutionSuccessful(e.Error == nil)
		if e.Error != nil {
			invocation.AddToolExecutionNotification(sarif.NewNotification().WithLevel("error").WithMessage(sarif.NewTextMessage(e.Error.Message)))
		}
		log.AddRun(run.AddInvocation(invocation))
	}
	if err := log.PrettyWrite(w); err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

// securitySeverity is the number by which GitHub sorts; its own bounds of the
// words are 9, 7, 4 and 0.1.
func securitySeverity(s audit.Severity) string {
	return map[audit.Severity]string{audit.Critical: "9.5", audit.High: "8.0", audit.Medium: "5.5", audit.Low: "2.0"}[s]
}

func sarifLevel(s audit.Severity) string {
	return map[audit.Severity]string{audit.Critical: "error", audit.High: "error", audit.Medium: "warning", audit.Low: "note"}[s]
}

func sarifRule(r audit.Rule) *sarif.ReportingDescriptor {
	help := "Mend: " + r.Mend + "."
	rule := sarif.NewRule(r.ID).WithName(r.ID).WithDescription(r.Title)
	tags := []string{"security"}
	for i, id := range r.Public {
		standard, uri := audit.Standard(id)
		help += fmt.Sprintf("\n- [%s](%s) of %s", id, uri, standard)
		tags = append(tags, id)
		if i == 0 {
			rule.WithHelpURI(uri)
		}
	}
	properties := sarif.NewPropertyBag()
	properties.Add("tags", tags)
	properties.Add("security-severity", securitySeverity(r.Severity))
	return rule.WithMarkdownHelp(help).WithProperties(properties).WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevel(r.Severity)))
}

func sarifResult(run *sarif.Run, settings string, f audit.Finding) *sarif.Result {
	result := sarif.NewRuleResult(f.Rule).WithRuleIndex(run.GetRuleIndex(f.Rule)).WithLevel(sarifLevel(f.Severity)).
		WithMessage(sarif.NewTextMessage(f.Title + ". " + f.Resource + ": " + f.Detail + ". Where: " + whereFound(f) + ". Mend: " + f.Mend + ".")).
		WithPartialFingerprints(map[string]string{"infraAudit/v1": f.Fingerprint}).
		WithLocations([]*sarif.Location{sarifLocation(settings, f)})
	if f.Exception != nil {
		kind := "inSource"
		if f.Exception.From == audit.FromIgnore {
			kind = "external"
		}
		result.AddSuppression(sarif.NewSuppression().WithKind(kind).WithJustification(f.Exception.Reason + " (" + f.Exception.From + ")"))
	}
	properties := sarif.NewPropertyBag()
	properties.Add("security-severity", securitySeverity(f.Severity))
	return result.WithProperties(properties)
}

// sarifLocation is the block, or that of what the thing is a part of. What no
// code made is shown at the environment's settings: readers want a place.
func sarifLocation(settings string, f audit.Finding) *sarif.Location {
	place := audit.Place{File: settings, Line: 1}
	switch {
	case f.Place != nil:
		place = *f.Place
	case f.Near != nil:
		place = *f.Near
	}
	location := sarif.NewLocation().WithPhysicalLocation(sarif.NewPhysicalLocation().
		WithArtifactLocation(sarif.NewArtifactLocation().WithURI(place.File).WithURIBaseID(rootID)).
		WithRegion(sarif.NewRegion().WithStartLine(place.Line)))
	name := f.Resource
	if f.Address != "" {
		name = f.Address
	}
	return location.AddLogicalLocation(sarif.NewLogicalLocation().WithFullyQualifiedName(name).WithKind("resource"))
}
