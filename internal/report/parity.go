package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"infra/internal/console"
	"infra/internal/parity"
)

// DiffDocument is `infra diff --output json`.
type DiffDocument struct {
	Schema       string              `json:"schema"` // infra/diff/v1
	Environments []string            `json:"environments"`
	Differences  bool                `json:"differences"` // some that count
	Found        []parity.Difference `json:"found"`
	Matrix       []DiffPair          `json:"matrix"`
	Unasked      []Unasked           `json:"unasked"` // what is not known, and so not compared
}

// DiffPair counts the differences between two environments; those that lie in
// the nature of things are left out.
type DiffPair struct {
	One   string `json:"one"`
	Other string `json:"other"`
	Count int    `json:"differences"`
}

// Unasked is what could not be had of an environment.
type Unasked struct {
	Environment string         `json:"environment"`
	Section     parity.Section `json:"section"`
	Why         string         `json:"why"`
}

// Diff makes the document.
func Diff(environments []parity.Environment) DiffDocument {
	doc := DiffDocument{Schema: "infra/diff/v1", Environments: []string{}, Found: []parity.Difference{}, Matrix: []DiffPair{}, Unasked: []Unasked{}}
	doc.Found = append(doc.Found, parity.Compare(environments...)...)
	doc.Differences = len(parity.Counting(doc.Found)) > 0
	for _, e := range environments {
		doc.Environments = append(doc.Environments, e.Name)
	}
	counts := parity.Pairs(doc.Found, doc.Environments)
	for i, e := range environments {
		for j := i + 1; j < len(environments); j++ {
			doc.Matrix = append(doc.Matrix, DiffPair{One: e.Name, Other: environments[j].Name, Count: counts[i][j]})
		}
		for _, section := range parity.Sections() {
			if why, ok := e.Unasked[section]; ok {
				doc.Unasked = append(doc.Unasked, Unasked{Environment: e.Name, Section: section, Why: why})
			}
		}
	}
	return doc
}

// DiffText shows it to people: of two environments their values side by side, of
// more a matrix, and of each fact who has which value. With all, what lies in
// the nature of things is listed too.
func DiffText(doc DiffDocument, all bool) string {
	var b strings.Builder
	counting := parity.Counting(doc.Found)
	if len(doc.Environments) > 2 {
		b.WriteString(diffMatrix(doc))
	}
	shown := counting
	if all {
		shown = doc.Found
	}
	for _, section := range parity.Sections() {
		of := slices.DeleteFunc(slices.Clone(shown), func(d parity.Difference) bool { return d.Section != section })
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s\n", section.Title())
		if len(doc.Environments) == 2 {
			b.WriteString(sideBySide(doc.Environments, of))
			continue
		}
		for _, d := range of {
			fmt.Fprintf(&b, "  %s\n", console.Plain(d.Name+natural(d)))
			for _, g := range d.Groups() {
				fmt.Fprintf(&b, "    %s: %s\n", console.Plain(cut(shownValue(g.Value, g.Missing))), strings.Join(whoAndWhere(g, all), ", "))
			}
		}
	}
	if len(counting) == 0 {
		fmt.Fprintf(&b, "\nNo differences between %s.\n", strings.Join(doc.Environments, ", "))
	}
	if own := len(doc.Found) - len(counting); own > 0 && !all {
		fmt.Fprintf(&b, "\n%d more lie in the nature of things (account, network, keys): --verbose lists them.\n", own)
	}
	for _, u := range doc.Unasked {
		if u.Why == parity.LeftOut {
			continue // as it was asked for
		}
		fmt.Fprintf(&b, "not compared: %s of %s: %s\n", strings.ToLower(u.Section.Title()), u.Environment, console.Plain(u.Why))
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// whoAndWhere are the environments that have a value, with its place when all is
// asked for.
func whoAndWhere(g parity.Group, all bool) []string {
	names := slices.Clone(g.Environments)
	for i := range names {
		if all && g.Places[i] != "" {
			names[i] += " (" + console.Plain(g.Places[i]) + ")"
		}
	}
	return names
}

func natural(d parity.Difference) string {
	if d.Own {
		return " (its own)"
	}
	return ""
}

func shownValue(value string, missing bool) string {
	if missing {
		return "(none)"
	}
	return cmp.Or(value, `""`)
}

// sideBySide is a table of two environments, each value with its place below.
func sideBySide(names []string, differences []parity.Difference) string {
	rows := [][]string{{"  WHAT", strings.ToUpper(names[0]), strings.ToUpper(names[1])}}
	for _, d := range differences {
		row, places := []string{"  " + console.Plain(d.Name+natural(d))}, []string{"  "}
		for _, v := range d.Values {
			row, places = append(row, console.Plain(cut(shownValue(v.Value, v.Missing)))), append(places, console.Plain(cmp.Or(v.Place, "-")))
		}
		rows = append(rows, row)
		if slices.ContainsFunc(d.Values, func(v parity.Value) bool { return v.Place != "" }) {
			rows = append(rows, places)
		}
	}
	return console.Columns(rows)
}

// diffMatrix counts the differences of every pair.
func diffMatrix(doc DiffDocument) string {
	counts := map[[2]string]int{}
	for _, p := range doc.Matrix {
		counts[[2]string{p.One, p.Other}], counts[[2]string{p.Other, p.One}] = p.Count, p.Count
	}
	rows := [][]string{append([]string{""}, doc.Environments...)}
	for _, one := range doc.Environments {
		row := []string{one}
		for _, other := range doc.Environments {
			cell := "."
			if n, ok := counts[[2]string{one, other}]; ok {
				cell = fmt.Sprint(n)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return "Differences that count\n" + console.Columns(rows)
}
