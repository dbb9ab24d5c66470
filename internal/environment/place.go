package environment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Place is where a value stands. Line and Column count from 1; both are 0
// when the file as a whole is meant.
type Place struct {
	File         string // relative to the project
	Line, Column int
}

// String is the file:line:column form that editors follow.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing wrong at one place.
type Problem struct {
	Place   Place
	Message string
}

// Error is place and message.
func (p Problem) Error() string { return p.Place.String() + ": " + p.Message }

// Problems is everything found wrong, in the order of its places.
type Problems []Problem

// mostShown is how many problems a text lists: after so many the file is
// something else altogether.
const mostShown = 30

// Error has a line for each problem, and a last one that counts those beyond
// the first mostShown.
func (ps Problems) Error() string {
	var lines []string
	for i, p := range ps {
		if i == mostShown {
			lines = append(lines, fmt.Sprintf("and %d more", len(ps)-i))
			break
		}
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the problems one by one.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// sorted orders problems by place and drops those said twice, which happens
// when two environments share a broken base.
func (ps Problems) sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Place.File, b.Place.File),
			cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(a.Place.Column, b.Place.Column),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(out)
}
