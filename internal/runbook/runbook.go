// Package runbook holds what to look at and what to type for every alarm and
// every exit code.
package runbook

import (
	_ "embed" // the runbook itself
	"slices"
	"strings"
)

//go:embed README.md
var text string

// Section is what the runbook says about one alarm or one exit code.
type Section struct {
	Name string // LAYER/ALARM, or the exit code
	Text string // in Markdown, without its heading
}

// Sections are all, as they stand in the runbook.
func Sections() []Section {
	var out []Section
	for _, part := range strings.Split(text, "\n### ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		body, _, _ = strings.Cut(body, "\n## ")
		out = append(out, Section{Name: name, Text: strings.TrimSpace(body)})
	}
	return out
}

// Find gives the sections that a name means: one for a section's own name, and
// for the name of an alarm in CloudWatch, as infra-prod-postgresql-1-memory,
// those with the longest key that it ends in, of the layer that is in the name
// where one is.
func Find(name string) []Section {
	sections := Sections()
	if at := slices.IndexFunc(sections, func(s Section) bool { return s.Name == name }); at >= 0 {
		return sections[at : at+1]
	}
	longest := 0
	var found []Section
	for _, s := range sections {
		_, key, alarm := strings.Cut(s.Name, "/")
		if !alarm || !strings.HasSuffix(name, "-"+key) && !nat(name, key) || len(key) < longest {
			continue
		}
		if len(key) > longest {
			longest, found = len(key), nil
		}
		found = append(found, s)
	}
	inName := slices.DeleteFunc(slices.Clone(found), func(s Section) bool {
		layer, _, _ := strings.Cut(s.Name, "/")
		return !strings.Contains(name, "-"+layer+"-")
	})
	if len(inName) > 0 {
		return inName
	}
	return found
}

// nat tells whether a name is that of a gateway's alarm, which ends in its zone
// and its metric.
func nat(name, key string) bool { return key == "nat" && strings.Contains(name, "-vpc-nat-") }
