package report

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"infra/internal/ansible"
	"infra/internal/console"
	"infra/internal/provision"
)

// RunDocument is what apply, configure and destroy print as JSON.
type RunDocument struct {
	Schema      string       `json:"schema"` // infra/run/v1
	Run         string       `json:"run"`
	Verb        string       `json:"verb"`
	Environment string       `json:"environment"`
	Changed     bool         `json:"changed"`
	Seconds     float64      `json:"seconds"`
	Stacks      []StackRun   `json:"stacks"`
	Hosts       []HostResult `json:"hosts"`
	Tasks       []string     `json:"changed_tasks"`
}

// StackRun is one stack of a run.
type StackRun struct {
	Stack   string  `json:"stack"`
	Applied int     `json:"applied"` // resources
	Seconds float64 `json:"seconds"`
}

// HostResult is one host of a run.
type HostResult struct {
	ID string `json:"id"`
	ansible.Recap
}

// Run makes the document of a run.
func Run(verb, environment, id string, started time.Time, stacks []provision.StackResult, hosts ansible.Result) RunDocument {
	doc := RunDocument{
		Schema: "infra/run/v1", Run: id, Verb: verb, Environment: environment, Seconds: time.Since(started).Seconds(),
		Stacks: []StackRun{}, Hosts: []HostResult{}, Tasks: []string{},
	}
	for _, s := range stacks {
		doc.Stacks = append(doc.Stacks, StackRun{Stack: s.Stack.String(), Applied: s.Applied, Seconds: s.Took.Seconds()})
		doc.Changed = doc.Changed || s.Applied > 0
	}
	for host, recap := range hosts.Recaps {
		doc.Hosts = append(doc.Hosts, HostResult{ID: host, Recap: recap})
		doc.Changed = doc.Changed || recap.Changed > 0
	}
	sort.Slice(doc.Hosts, func(i, j int) bool { return doc.Hosts[i].ID < doc.Hosts[j].ID })
	tasks := map[string]bool{}
	for _, c := range hosts.Changes {
		if !tasks[c.Task] {
			tasks[c.Task] = true
			doc.Tasks = append(doc.Tasks, c.Task)
		}
	}
	return doc
}

// RunText is the closing line of a run.
func RunText(doc RunDocument) string {
	resources, changed := 0, 0
	for _, s := range doc.Stacks {
		resources += s.Applied
	}
	for _, h := range doc.Hosts {
		changed += h.Changed
	}
	took := console.Elapsed(time.Duration(doc.Seconds * float64(time.Second)))
	if !doc.Changed {
		return fmt.Sprintf("%s of %s: nothing changed (%s).\n", doc.Verb, doc.Environment, took)
	}
	parts := []string{fmt.Sprintf("%d resources", resources)}
	if len(doc.Hosts) > 0 {
		parts = append(parts, fmt.Sprintf("%d changes on %d hosts", changed, len(doc.Hosts)))
	}
	return fmt.Sprintf("%s of %s: done in %s, %s.\n", doc.Verb, doc.Environment, took, strings.Join(parts, ", ")) + changedText(doc.Tasks)
}

// tasksShown is how many changed tasks are listed before the rest is counted.
const tasksShown = 10

// changedText lists what changed on the hosts; a first apply changes so much
// that only its count is of interest.
func changedText(tasks []string) string {
	if len(tasks) == 0 || len(tasks) > tasksShown {
		return ""
	}
	return "  changed on hosts: " + strings.Join(tasks, "; ") + "\n"
}
