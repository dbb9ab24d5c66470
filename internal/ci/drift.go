package ci

import (
	"fmt"

	"infra/internal/report"
)

// DriftSummary is a report of drift in Markdown of at most limit bytes, for a
// job's summary: a row an environment, then the report as a person would see it
// typed.
func DriftSummary(doc report.DriftDocument, limit int) string {
	differ, failed := 0, 0
	rows := ""
	for i, e := range doc.Environments {
		if e.Drift {
			differ++
		}
		if e.Error != nil {
			failed++
		}
		if i < summaryRows {
			rows += fmt.Sprintf("| %s | %s |\n", cell(e.Environment), cell(report.DriftVerdict(e)))
		}
	}
	text := fmt.Sprintf("## infra: drift in %d of %d environments", differ, len(doc.Environments))
	if failed > 0 {
		text += fmt.Sprintf(", %d could not be looked at as a whole", failed)
	}
	text += "\n\n"
	if rows != "" {
		text += "| environment | result |\n|---|---|\n" + rows
	}
	if more := len(doc.Environments) - summaryRows; more > 0 {
		text += fmt.Sprintf("\nand %d more.\n", more)
	}
	const end = "\n**Cut** to what the service takes: the rest is in the report.\n"
	details := report.DriftText(doc, false)
	room := limit - len(text) - len(end) - 64
	clipped := clip(details, max(room, 0))
	text += "\n" + fence("", clipped)
	if clipped != details {
		text += end
	}
	return text
}

// summaryRows is how many environments have a row before the rest is counted.
const summaryRows = 300
