// Package audit judges who can reach and do what in an environment. Facts that
// somebody else has gathered go in, findings come out; it is pure.
//
// Each rule looks at one kind of thing and says what is wrong with which. A
// finding carries the rule's public ids and, through the states, the line of
// code that made the thing; what nobody's code made says so. Exceptions are
// still listed, each with its reason: they stand in audit.ignore of the
// environment's file, or inside the resource's block as a comment of checkov's
// form, #audit:skip=RULE:REASON or #checkov:skip=ID:REASON.
package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Severity is how much a finding matters.
type Severity int

// The severities, from the least.
const (
	Low Severity = iota + 1
	Medium
	High
	Critical
)

// Severities are all of them, the worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low} }

func (s Severity) String() string {
	return map[Severity]string{Low: "low", Medium: "medium", High: "high", Critical: "critical"}[s]
}

// MarshalText writes the name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name.
func (s *Severity) UnmarshalText(text []byte) error {
	for _, known := range Severities() {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("%q is none of critical, high, medium, low", text)
}

// Place is a line of the project's files.
type Place struct {
	File string `json:"file"` // relative to the project, with slashes
	Line int    `json:"line"`
}

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Finding is one thing that a rule does not like.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Public   []string `json:"public"` // ids of the rule in standards
	Type     string   `json:"type"`   // Terraform's type of the thing
	Resource string   `json:"resource"`
	Detail   string   `json:"detail"`
	Mend     string   `json:"mend"`

	Stack   string `json:"stack,omitempty"`   // whose state has it; empty: not in the code
	Address string `json:"address,omitempty"` // in that state
	Place   *Place `json:"place,omitempty"`   // of its block; nil: not in the code
	Near    *Place `json:"near,omitempty"`    // of what it is a part of, when it has no block itself

	Fingerprint string     `json:"fingerprint"` // the same in every audit for as long as it is not mended
	Exception   *Exception `json:"exception,omitempty"`
}

// Exception is why a finding does not count, and where that is said.
type Exception struct {
	Reason string `json:"reason"`
	From   string `json:"from"` // audit.ignore, or the line of a comment in the code
}

// Judge lets every rule look at the facts. The worst comes first; exceptions
// are marked, not left out.
func Judge(f *Facts, ignore Ignore) []Finding {
	var found []Finding
	for _, r := range Rules() {
		if f.missing(r.needs) != "" {
			continue
		}
		for _, h := range r.check(f) {
			found = append(found, f.finding(r, h, ignore))
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(-cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Detail, b.Detail))
	})
	return found
}

// Unjudged are the rules that could not be applied, each with the part of the
// facts that is missing.
func Unjudged(f *Facts) map[string]Part {
	out := map[string]Part{}
	for _, r := range Rules() {
		if part := f.missing(r.needs); part != "" {
			out[r.ID] = part
		}
	}
	return out
}

// Split tells the findings that count from the known exceptions.
func Split(all []Finding) (counting, exceptions []Finding) {
	for _, f := range all {
		if f.Exception == nil {
			counting = append(counting, f)
		} else {
			exceptions = append(exceptions, f)
		}
	}
	return counting, exceptions
}

// AtLeast are the findings of a severity or a worse one.
func AtLeast(all []Finding, least Severity) []Finding {
	var out []Finding
	for _, f := range all {
		if f.Severity >= least {
			out = append(out, f)
		}
	}
	return out
}

// finding makes a hit of a rule into what is reported.
func (f *Facts) finding(r Rule, h hit, ignore Ignore) Finding {
	out := Finding{
		Rule: r.ID, Severity: cmp.Or(h.severity, r.Severity), Title: r.Title, Public: append([]string{}, r.Public...), Mend: r.Mend,
		Type: h.thing.Type, Resource: h.thing.label(), Detail: h.detail,
	}
	held := f.Managed[h.thing.Key()]
	if held.Address != "" {
		out.Stack, out.Address, out.Place = held.Stack, held.Address, held.Place
	} else if h.holder != nil {
		held = f.Managed[h.holder.Key()]
		out.Near = held.Place
	}
	// A detail holds ages, so it does not belong to what a finding is.
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Environment, r.ID, h.thing.Type, cmp.Or(out.Address, h.thing.ID), h.about}, "\x00")))
	out.Fingerprint = hex.EncodeToString(sum[:16])
	out.Exception = ignore.reason(out)
	if out.Exception == nil && out.Address != "" {
		out.Exception = held.skip(append([]string{r.ID}, r.Public...))
	}
	return out
}

// skip is the reason that the resource's block gives for one of a rule's ids.
func (m Managed) skip(ids []string) *Exception {
	for _, s := range m.Skips {
		if slices.Contains(ids, s.ID) {
			return &Exception{s.Reason, s.Place.String()}
		}
	}
	return nil
}
