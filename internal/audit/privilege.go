package audit

import (
	"cmp"
	"slices"
	"strings"
)

// Privilege is how much a principal can do, from the most.
type Privilege string

// The privileges.
const (
	Administrator Privilege = "administrator" // everything
	Escalation    Privilege = "escalation"    // can give itself everything
	Wildcard      Privilege = "wildcard"      // everything of a service
	Writer        Privilege = "writes"
	Reader        Privilege = "reads"
	Nothing       Privilege = "nothing"
	privileges              = "administrator escalation wildcard writes reads nothing"
)

// escalations are actions by any of which, on any resource, a principal can
// give itself every other (Rhino Security Labs, "AWS IAM privilege escalation
// methods"; checkov's CKV_AWS_286 and CKV_AWS_110 go by the same list).
func escalations() []string {
	return []string{
		"iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:CreateAccessKey", "iam:CreateLoginProfile",
		"iam:CreatePolicyVersion", "iam:PassRole", "iam:PutGroupPolicy", "iam:PutRolePolicy", "iam:PutUserPolicy", "iam:SetDefaultPolicyVersion",
		"iam:UpdateAssumeRolePolicy", "iam:UpdateLoginProfile",
	}
}

// Capability is a row of who can do what.
type Capability struct {
	Name      string    `json:"name"`
	Kind      string    `json:"kind"` // role or user
	Own       bool      `json:"own"`  // made for this environment
	Trust     []string  `json:"trust"`
	Privilege Privilege `json:"privilege"`
	Of        []string  `json:"of"` // the services or actions that make it so
	Bounded   bool      `json:"bounded"`
	Used      string    `json:"used"` // a day; empty: never, as far as AWS knows
}

// Capabilities is who can do what, the most privileged first. Roles that AWS
// made for its own services are left out: nobody can change them.
func Capabilities(f *Facts) []Capability {
	out := []Capability{}
	for _, p := range f.Principals {
		if p.Service {
			continue
		}
		c := Capability{Name: p.ID, Kind: strings.TrimPrefix(p.Type, "aws_iam_"), Own: p.Own, Trust: p.trusted(), Bounded: p.Boundary != nil}
		c.Privilege, c.Of = p.privilege()
		if used := p.used(); !used.IsZero() {
			c.Used = used.UTC().Format("2006-01-02")
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Capability) int {
		return cmp.Or(cmp.Compare(strings.Index(privileges, string(a.Privilege)), strings.Index(privileges, string(b.Privilege))), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// privilege is how much a principal can do, with what makes it so.
func (p Principal) privilege() (Privilege, []string) {
	if p.may("an:action") { // which only a pattern for everything allows
		if p.may("iam:an-action") {
			return Administrator, []string{}
		}
		return Wildcard, []string{"everything but identities"}
	}
	var found []string
	for _, action := range escalations() {
		if p.may(action) {
			found = append(found, action)
		}
	}
	if len(found) > 0 {
		return Escalation, found
	}
	if found = p.wildcards(); len(found) > 0 {
		return Wildcard, found
	}
	level := Nothing
	for _, s := range p.allowed() {
		for _, action := range s.Actions {
			switch {
			case !reads(action):
				return Writer, []string{}
			case p.mayAnywhere(action):
				level = Reader
			}
		}
	}
	return level, []string{}
}

// may tells whether an action is allowed on every resource of its kind: by a
// policy and, where there is one, by the boundary. A condition does not make a
// grant smaller here, since what it asks for may well be had; only a refusal
// without one takes it away.
func (p Principal) may(action string) bool {
	allows := func(statements []Statement, deny bool) bool {
		return slices.ContainsFunc(statements, func(s Statement) bool {
			return s.Allow != deny && s.names(action) && s.wide() && (!deny || s.unconditional())
		})
	}
	own := p.statements()
	if !allows(own, false) || allows(own, true) {
		return false
	}
	return p.Boundary == nil || allows(p.Boundary.Statements, false) && !allows(p.Boundary.Statements, true)
}

// mayAnywhere is may for whatever resources.
func (p Principal) mayAnywhere(action string) bool {
	return p.Boundary == nil || slices.ContainsFunc(p.Boundary.Statements, func(s Statement) bool { return s.Allow && s.names(action) })
}

// wildcards are the services of which everything is allowed on everything.
func (p Principal) wildcards() []string {
	var services []string
	granted := p.allowed()
	if p.Boundary != nil { // of a policy that allows everything, the boundary's services are left
		granted = append(granted, p.Boundary.Statements...)
	}
	for _, s := range granted {
		for _, action := range s.Actions {
			service, what, _ := strings.Cut(action, ":")
			if s.Allow && what == "*" && s.wide() && p.may(service+":an-action") {
				services = append(services, service+":*")
			}
		}
	}
	slices.Sort(services)
	return slices.Compact(services)
}

func (p Principal) statements() []Statement {
	var all []Statement
	for _, policy := range p.Policies {
		all = append(all, policy.Statements...)
	}
	return all
}

func (p Principal) allowed() []Statement {
	return slices.DeleteFunc(p.statements(), func(s Statement) bool { return !s.Allow })
}

// reads tells whether an action changes nothing, by its name.
func reads(action string) bool {
	_, name, some := strings.Cut(action, ":")
	return some && slices.ContainsFunc([]string{"BatchGet", "Describe", "Get", "Head", "List", "Lookup", "Search", "Select"}, func(verb string) bool {
		return strings.HasPrefix(name, verb)
	})
}

func privilegeRules() []Rule {
	is := func(want Privilege) func(Principal) string {
		return func(p Principal) string {
			got, of := p.privilege()
			if p.Service || got != want {
				return ""
			}
			text := "trusts " + cmp.Or(strings.Join(p.trusted(), ", "), "nobody")
			if len(of) > 0 {
				text = strings.Join(of, ", ") + " on every resource; " + text
			}
			return text + when(p.Boundary == nil, "; no boundary")
		}
	}
	return []Rule{
		{
			ID: "privilege-administrator", Severity: Critical, Title: "A principal may do everything", needs: []Part{Identity},
			Public: []string{"IAM.1", "CIS 3.0.0 1.16", "CKV_AWS_62", "CKV_AWS_63"}, Mend: "name the actions and resources that it needs",
			check: each(principalsOf, is(Administrator)),
		},
		{
			ID: "privilege-escalation", Severity: High, Title: "A principal can give itself every privilege", needs: []Part{Identity},
			Public: []string{"CKV_AWS_286", "CKV_AWS_110"}, Mend: "allow these actions on named roles and policies only, or within a permissions boundary",
			check: each(principalsOf, is(Escalation)),
		},
		{
			ID: "privilege-wildcard", Severity: Medium, Title: "A principal may do everything of a service", needs: []Part{Identity},
			Public: []string{"IAM.21", "CKV_AWS_290", "CKV_AWS_355"}, Mend: "name the actions and resources that it needs",
			check: each(principalsOf, is(Wildcard)),
		},
		{
			ID: "no-boundary", Severity: Medium, Title: "A role of the environment has no permissions boundary", needs: []Part{Identity},
			Mend: "set permissions_boundary to the environment's",
			check: each(principalsOf, func(p Principal) string {
				got, _ := p.privilege()
				return when(p.Own && !p.Service && p.Type == roleType && p.Boundary == nil, "whatever policy it is given counts; now it "+string(got))
			}),
		},
	}
}
