package report

import (
	"fmt"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/orphan"
)

// UninstallDocument is `infra uninstall ENV --output json`: the proof that
// nothing is left.
type UninstallDocument struct {
	Schema      string            `json:"schema"` // infra/uninstall/v1
	Environment string            `json:"environment"`
	Gone        bool              `json:"gone"` // everything was asked and nothing is left
	Verdict     string            `json:"verdict"`
	Did         []string          `json:"did"` // by this run
	Asked       []orphan.Question `json:"asked"`
	Left        []Remnant         `json:"left"`
	Leaving     []orphan.Leaving  `json:"leaving"` // AWS deletes it by itself
}

// Remnant is something that is left.
type Remnant struct {
	orphan.Resource
	Delete string `json:"delete,omitempty"` // command that removes it; empty: not in one command
}

// Uninstall makes the document. endpoint is that of an emulator, empty for AWS
// itself.
func Uninstall(environment, region, endpoint string, did []string, r orphan.Remains) UninstallDocument {
	doc := UninstallDocument{
		Schema: "infra/uninstall/v1", Environment: environment, Gone: r.Gone(), Did: append([]string{}, did...), Asked: r.Asked, Left: []Remnant{}, Leaving: r.Leaving,
	}
	for _, left := range r.Left {
		doc.Left = append(doc.Left, Remnant{left, deleteCommand(region, endpoint, left)})
	}
	unheard := 0
	for _, q := range r.Asked {
		if q.Problem != "" {
			unheard++
		}
	}
	switch {
	case len(doc.Left) > 0:
		doc.Verdict = console.Count(len(doc.Left), "thing") + " of it left"
	case unheard > 0:
		doc.Verdict = "not proven: " + console.Count(unheard, "question") + " not answered"
	default:
		doc.Verdict = fmt.Sprintf("nothing is left: %s asked, 0 found", console.Count(len(r.Asked), "question"))
	}
	return doc
}

// UninstallText shows what was asked and what was found to people.
func UninstallText(doc UninstallDocument) string {
	var b strings.Builder
	rows := [][]string{{"FOUND", "ASKED FOR"}}
	for _, q := range doc.Asked {
		found := fmt.Sprint(q.Found)
		if q.Problem != "" {
			found = "?"
		}
		rows = append(rows, []string{found, strings.TrimSuffix(q.What+": "+console.Plain(q.Problem), ": ")})
	}
	b.WriteString(console.Columns(rows))
	for _, left := range doc.Left {
		fmt.Fprintf(&b, "left: %s\n", console.Plain(left.Label()))
		if left.Delete != "" {
			fmt.Fprintf(&b, "  remove: %s\n", left.Delete)
		}
	}
	for _, l := range doc.Leaving {
		at := "later"
		if !l.At.IsZero() {
			at = "on " + l.At.UTC().Format(time.DateOnly)
		}
		fmt.Fprintf(&b, "AWS deletes %s: %s\n", at, console.Plain(l.What))
	}
	fmt.Fprintf(&b, "%s: %s\n", doc.Environment, doc.Verdict)
	return b.String()
}
