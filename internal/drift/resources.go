package drift

import (
	"slices"
	"strings"
)

// Change is one resource of a plan.
type Change struct {
	Address    string
	Type       string
	Action     string // create, update, replace, delete, move, import, forget
	Reason     string
	Attributes []Attribute // what differs; empty where it is not known
}

// Plan is what Terraform found in one stack.
type Plan struct {
	Stack   string
	Never   string    // why the stack could not be planned: it was never applied
	Outside []Change  // what is not as the state says
	Planned []Change  // what apply would do, which includes undoing the former
	Outputs bool      // outputs would change
	Managed []Managed // all resources that the state manages
}

// Managed is one resource of a state, as far as others are concerned.
type Managed struct {
	Address, Type string
	Names         []string // its id and ARN
	Of            []string // ids, ARNs or names of the resources that it is a part of
}

// Judge tells of a stack what was changed outside and what the code wants.
func (p Plan) Judge(ignore Ignore) []Finding {
	if p.Never != "" {
		return []Finding{{Kind: Code, Stack: p.Stack, Action: "create", Detail: p.Never}}
	}
	var found []Finding
	outside := map[string]Change{}
	for _, c := range p.Outside {
		outside[c.Address] = c
		found = append(found, p.outside(c, ignore))
	}
	missing := slices.ContainsFunc(p.Outside, func(c Change) bool { return c.Action == "delete" && ignore.resource(c.Address) == "" })
	for _, c := range p.Planned {
		before, touched := outside[c.Address]
		if touched && c.undoes(before) {
			continue // it is there as what somebody changed
		}
		found = append(found, p.planned(c, before, missing, ignore))
	}
	if p.Outputs && len(found) == 0 {
		found = append(found, Finding{Kind: Code, Stack: p.Stack, Action: "update", Detail: "only outputs change"})
	}
	return found
}

// outside is a resource that is not as the state says.
func (p Plan) outside(c Change, ignore Ignore) Finding {
	f := Finding{Kind: Outside, Stack: p.Stack, Address: c.Address, Action: c.Action, Attributes: c.Attributes}
	planned := slices.IndexFunc(p.Planned, func(w Change) bool { return w.Address == c.Address })
	f.Undone = planned >= 0
	if f.Noise = ignore.resource(c.Address); f.Noise != "" || c.Action != "update" {
		return f
	}
	f.Attributes, f.Noise = p.real(c, f.Undone, ignore)
	return f
}

// real leaves of a changed resource what is no noise; where nothing is left, it
// says why.
func (p Plan) real(c Change, undone bool, ignore Ignore) (kept []Attribute, why string) {
	var alike bool
	for _, a := range c.Attributes {
		reason := ignore.attribute(c.Address, a.Path)
		switch {
		case reason != "":
		case empty(a.Before) && empty(a.After):
			alike = true
			continue
		case !undone:
			reason = p.sibling(c, a)
		}
		if reason == "" {
			kept = append(kept, a)
		} else {
			why = reason
		}
	}
	switch {
	case len(kept) > 0:
		return kept, ""
	case why == "" && alike:
		why = "the provider writes an empty value in another way"
	case why == "":
		why = "no value of it differs"
	}
	return c.Attributes, why
}

// planned is a resource that apply would change for another reason than to undo
// what somebody did to it.
func (p Plan) planned(c, before Change, missing bool, ignore Ignore) Finding {
	f := Finding{Kind: Code, Stack: p.Stack, Address: c.Address, Action: c.Action, Detail: strings.ReplaceAll(c.Reason, "_", " ")}
	var known, hidden int
	for _, a := range c.Attributes {
		switch {
		case a.Unknown || touches(before, a.Path):
			continue
		case ignore.attribute(c.Address, a.Path) != "":
			hidden++
			f.Noise = ignore.attribute(c.Address, a.Path)
			continue
		}
		known++
		f.Attributes = append(f.Attributes, a)
	}
	if known > 0 || hidden == 0 {
		f.Noise = ""
	}
	if known == 0 && hidden == 0 && len(c.Attributes) > 0 && missing {
		// It refers to something that somebody deleted and that apply makes anew.
		f.Kind, f.Detail, f.Undone = Outside, "it refers to what is missing", true
	}
	if reason := ignore.resource(c.Address); reason != "" {
		f.Noise = reason
	}
	return f
}

// undoes tells whether a planned change does nothing but undo what was done
// outside.
func (c Change) undoes(outside Change) bool {
	if outside.Action == "delete" {
		return c.Action == "create"
	}
	known := 0
	for _, a := range c.Attributes {
		if a.Unknown {
			continue
		}
		if !touches(outside, a.Path) {
			return false
		}
		known++
	}
	return known > 0
}

// touches tells whether a path is one that was changed outside, above or below
// such a one. A list or map that is now empty is one value, and several when it
// is not.
func touches(outside Change, path string) bool {
	return slices.ContainsFunc(outside.Attributes, func(a Attribute) bool {
		return below(a.Path, path) || below(path, a.Path) || mirrored(a.Path) == mirrored(path)
	})
}

// mirrored is the path of a tag: the provider has each twice, in tags and, with
// the default ones, in tags_all.
func mirrored(path string) string { return strings.Replace(path, "tags_all", "tags", 1) }

func below(root, path string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func empty(value string) bool {
	switch value {
	case "", "null", `""`, "[]", "{}", "0", "false":
		return true
	default:
		return false
	}
}
