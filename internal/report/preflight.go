package report

import (
	"strings"

	"infra/internal/console"
	"infra/internal/install"
	"infra/internal/preflight"
)

// PreflightDocument is what `infra install ENV --output json` prints when the
// account cannot take the platform.
type PreflightDocument struct {
	Schema      string              `json:"schema"` // infra/preflight/v1
	Environment string              `json:"environment"`
	Refused     bool                `json:"refused"`
	Findings    []preflight.Finding `json:"findings"`
}

// Preflight makes the document.
func Preflight(environment string, findings []preflight.Finding) PreflightDocument {
	return PreflightDocument{Schema: "infra/preflight/v1", Environment: environment, Refused: len(preflight.Refused(findings)) > 0, Findings: findings}
}

// PreflightText shows all findings to people.
func PreflightText(findings []preflight.Finding) string {
	rows := make([][]string, 0, len(findings))
	for _, f := range findings {
		rows = append(rows, []string{strings.ToUpper(string(f.Result)), f.Check, console.Plain(f.Detail)})
		if f.Mend != "" {
			rows = append(rows, []string{"", "", "mend: " + console.Plain(f.Mend)})
		}
	}
	return console.Columns(rows)
}

// AcceptanceText shows the checks of an acceptance to people.
func AcceptanceText(checks []install.Check) string {
	rows := make([][]string, 0, len(checks))
	for _, c := range checks {
		mark := "OK"
		if !c.OK {
			mark = "BAD"
		}
		rows = append(rows, []string{mark, c.Check, console.Plain(c.Detail)})
		if c.Mend != "" {
			rows = append(rows, []string{"", "", "mend: " + console.Plain(c.Mend)})
		}
	}
	return console.Columns(rows)
}
