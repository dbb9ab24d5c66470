package ci

import (
	"fmt"
	"slices"
	"strings"

	"infra/internal/drift"
)

// How much of tasks is shown before the rest is counted.
const (
	namesShown   = 5   // of a host's tasks
	nameLimit    = 100 // bytes of a name
	unaskedLimit = 400 // bytes of why hosts were not asked
)

// hostTasks are the tasks of one play that would change one host.
type hostTasks struct {
	environment, host, play string
	names                   []string
}

// tasks are what Ansible would change on hosts that exist, by host and play, in
// at most so many bytes; and where they were not asked, why.
func tasks(p Plan, most int) string {
	var rows []hostTasks
	total := 0
	for _, e := range p.Environments {
		rows = append(rows, byPlay(e.Name, e.Tasks)...)
		total += len(e.Tasks)
	}
	text := unasked(p)
	if total == 0 {
		return text
	}
	text += fmt.Sprintf("### Tasks that would change hosts: %d\n\n| environment | host | play | tasks |\n|---|---|---|---|\n", total)
	for i, row := range rows {
		line := fmt.Sprintf("| %s | %s | %s | %d: %s |\n", cell(row.environment), cell(row.host), cell(clipWords(row.play, nameLimit)), len(row.names), cell(list(row.names, namesShown)))
		if i == rowsShown || len(text)+len(line) > most {
			return text + fmt.Sprintf("\nand those of %d more hosts and plays, in the job's JSON.\n\n", len(rows)-i)
		}
		text += line
	}
	return text + "\n"
}

// byPlay groups an environment's tasks, in the order in which they would run.
func byPlay(environment string, all []drift.TaskChange) []hostTasks {
	var rows []hostTasks
	for _, t := range all {
		i := slices.IndexFunc(rows, func(row hostTasks) bool { return row.host == t.Host && row.play == t.Play })
		if i < 0 {
			i, rows = len(rows), append(rows, hostTasks{environment: environment, host: t.Host, play: t.Play})
		}
		rows[i].names = append(rows[i].names, clipWords(t.Task, nameLimit))
	}
	return rows
}

// unasked says which environments' hosts nobody could ask.
func unasked(p Plan) string {
	var lines []string
	for _, e := range p.Environments {
		if e.Unasked != "" {
			lines = append(lines, fmt.Sprintf("- %s: %s\n", cell(e.Name), cell(clipWords(e.Unasked, unaskedLimit))))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	text := "**Hosts were not asked** what tasks would change, or not all of them:\n" + strings.Join(lines[:min(len(lines), rowsShown)], "")
	if more := len(lines) - rowsShown; more > 0 {
		text += fmt.Sprintf("- and %d more\n", more)
	}
	return text + "\n"
}
