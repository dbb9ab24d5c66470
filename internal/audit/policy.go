package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Policy is a policy document of IAM.
type Policy struct {
	Statements []Statement
}

// Statement is one of its statements, with every single value as a list.
type Statement struct {
	Allow        bool
	Principals   map[string][]string // AWS, Service, Federated; "*" for everybody
	NotPrincipal bool
	Actions      []string
	NotActions   []string
	Resources    []string
	NotResources []string
	Conditions   map[string]map[string][]string // operator -> key -> values
}

// texts is a value that may be one text or a list of them. Conditions may have
// numbers and truths in the place of texts.
type texts []string

func (t *texts) UnmarshalJSON(raw []byte) error {
	var many []json.RawMessage
	if json.Unmarshal(raw, &many) != nil {
		many = []json.RawMessage{raw}
	}
	for _, one := range many {
		var text string
		if json.Unmarshal(one, &text) != nil {
			text = string(one)
		}
		*t = append(*t, text)
	}
	return nil
}

// ParsePolicy reads a policy document; an empty text is an empty policy.
func ParsePolicy(text string) (Policy, error) {
	if strings.TrimSpace(text) == "" {
		return Policy{}, nil
	}
	var document struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return Policy{}, fmt.Errorf("read a policy: %w", err)
	}
	type raw struct {
		Effect                                   string
		Principal, NotPrincipal                  json.RawMessage
		Action, NotAction, Resource, NotResource texts
		Condition                                map[string]map[string]texts
	}
	var list []raw
	if json.Unmarshal(document.Statement, &list) != nil {
		var one raw
		if err := json.Unmarshal(document.Statement, &one); err != nil {
			return Policy{}, fmt.Errorf("read the statements of a policy: %w", err)
		}
		list = []raw{one}
	}
	var p Policy
	for _, r := range list {
		if r.Effect != "Allow" && r.Effect != "Deny" {
			return Policy{}, errors.New("read a policy: a statement neither allows nor denies")
		}
		s := Statement{
			Allow: r.Effect == "Allow", NotPrincipal: len(r.NotPrincipal) > 0, Actions: r.Action, NotActions: r.NotAction,
			Resources: r.Resource, NotResources: r.NotResource, Principals: principals(r.Principal), Conditions: map[string]map[string][]string{},
		}
		for operator, keys := range r.Condition {
			s.Conditions[operator] = map[string][]string{}
			for key, values := range keys {
				s.Conditions[operator][strings.ToLower(key)] = values
			}
		}
		p.Statements = append(p.Statements, s)
	}
	return p, nil
}

func principals(raw json.RawMessage) map[string][]string {
	var kinds map[string]texts
	if json.Unmarshal(raw, &kinds) != nil {
		var one texts
		if len(raw) == 0 || json.Unmarshal(raw, &one) != nil {
			return nil
		}
		return map[string][]string{"AWS": one} // "*"
	}
	out := map[string][]string{}
	for kind, who := range kinds {
		out[kind] = who
	}
	return out
}

// names tells whether a statement is about an action.
func (s Statement) names(action string) bool {
	if len(s.NotActions) > 0 {
		return !anyMatches(s.NotActions, action)
	}
	return anyMatches(s.Actions, action)
}

// wide tells whether a statement is about all resources of a kind: "*", or an
// ARN with nothing but stars for its name.
func (s Statement) wide() bool {
	return len(s.NotResources) > 0 || slices.ContainsFunc(s.Resources, func(r string) bool {
		if r == "*" {
			return true
		}
		parts := strings.SplitN(r, ":", 6)
		if len(parts) < 6 {
			return false
		}
		kind, name, some := strings.Cut(parts[5], "/")
		if !some || parts[2] == "s3" { // where the first part is the name of a bucket
			name = kind
		}
		return strings.Trim(name, "*/") == ""
	})
}

// unconditional tells whether a statement holds whatever the request is.
func (s Statement) unconditional() bool { return len(s.Conditions) == 0 }

// condition are the values that a statement wants of a key, by operators that
// want them to be so.
func (s Statement) condition(key string) []string {
	var values []string
	for operator, keys := range s.Conditions {
		if strings.Contains(operator, "Not") || strings.HasSuffix(operator, "IfExists") || operator == "Null" {
			continue
		}
		values = append(values, keys[strings.ToLower(key)]...)
	}
	return values
}

// everybody tells whether a statement is for anybody at all.
func (s Statement) everybody() bool { return slices.Contains(s.Principals["AWS"], "*") }

// open are the actions that a policy allows to everybody. A condition that
// names accounts, an organisation, networks or a source bounds it.
func (p Policy) open() []string {
	var out []string
	for _, s := range p.Statements {
		if s.Allow && (s.everybody() || s.NotPrincipal) && !s.bounded() {
			out = append(out, s.Actions...)
			if len(s.NotActions) > 0 {
				out = append(out, "*")
			}
		}
	}
	return out
}

// bounded tells whether a condition says from whom or where a request comes.
// The keys are those by which S3 itself tells a public policy from another
// (Amazon S3 user guide, "The meaning of public").
func (s Statement) bounded() bool {
	for _, key := range []string{
		"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:sourceaccount", "aws:sourcearn",
		"aws:sourceip", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "aws:userid", "kms:calleraccount", "s3:dataaccesspointaccount",
	} {
		values := s.condition(key)
		if len(values) > 0 && !slices.ContainsFunc(values, func(v string) bool { return v == "*" || v == "0.0.0.0/0" || v == "::/0" }) {
			return true
		}
	}
	return false
}

func anyMatches(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, action) })
}

// matches compares as IAM does: case does not count, * and ? stand for others.
func matches(pattern, action string) bool {
	// path.Match knows classes in brackets and keeps slashes apart; actions have neither.
	ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(action))
	return err == nil && ok
}
