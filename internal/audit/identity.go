package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	roleType = "aws_iam_role"
	userType = "aws_iam_user"
)

// The ages after which something counts as old: those of CIS 3.0.0 1.14 and
// 1.12 for keys, and for a role as long as a quarter.
const (
	day        = 24 * time.Hour
	keyAge     = 90 * day
	keyUnused  = 45 * day
	roleUnused = 90 * day
)

// trusted are those whom a principal's trust policy lets in, in a few words.
func (p Principal) trusted() []string {
	out := []string{}
	for _, s := range p.Trust.Statements {
		if !s.Allow {
			continue
		}
		for kind, all := range s.Principals {
			for _, who := range all {
				text := strings.TrimPrefix(who, "arn:aws:iam::")
				if kind == "Federated" {
					_, text, _ = strings.Cut(who, "provider/")
				}
				switch {
				case len(s.condition("sts:ExternalId")) > 0:
					text += " with an external id"
				case len(s.condition("aws:MultiFactorAuthPresent")) > 0:
					text += " with a second factor"
				}
				out = append(out, text)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// used is when a principal was last at work.
func (p Principal) used() time.Time {
	last := p.Used
	for _, k := range p.Keys {
		if k.Used.After(last) {
			last = k.Used
		}
	}
	return last
}

func trustRules() []Rule {
	return []Rule{
		{
			ID: "trust-everybody", Severity: Critical, Title: "Anybody may become a role", needs: []Part{Identity},
			Public: []string{"CKV_AWS_60", "CKV_AWS_61"}, Mend: "name the account, service or provider that may",
			check: trust(func(_ *Facts, s Statement, kind, who string) string {
				return when(kind == "AWS" && who == "*" && !s.bounded() && len(s.condition("sts:ExternalId")) == 0, "its trust policy has Principal *")
			}),
		},
		{
			ID: "trust-external-id", Severity: High, Title: "Another account may become a role without an external id", needs: []Part{Identity},
			Mend: "ask for sts:ExternalId, so that nobody can be made to use it for another (the confused deputy)",
			check: trust(func(f *Facts, s Statement, kind, who string) string {
				account := who
				if parts := strings.Split(who, ":"); len(parts) > 5 {
					account = parts[4]
				}
				other := kind == "AWS" && who != "*" && account != f.Account && len(account) == len("123456789012")
				return when(other && len(s.condition("sts:ExternalId")) == 0 && len(s.condition("aws:PrincipalOrgID")) == 0, "account "+account+" may, for whomever asks it to")
			}),
		},
		{
			ID: "trust-federated", Severity: High, Title: "A role trusts an identity provider, whoever comes from it", needs: []Part{Identity},
			Public: []string{"CKV_AWS_358"}, Mend: "want one subject: a repository and a branch",
			check: trust(func(_ *Facts, s Statement, kind, who string) string {
				_, host, oidc := strings.Cut(who, "oidc-provider/")
				if kind != "Federated" || !oidc {
					return ""
				}
				subjects := s.condition(host + ":sub")
				wide := slices.ContainsFunc(subjects, func(v string) bool {
					owner, _, _ := strings.Cut(v, "/")
					return strings.ContainsAny(owner, "*?")
				})
				return when(len(subjects) == 0, host+" without a condition on the subject") + when(wide, host+" for "+strings.Join(subjects, ", "))
			}),
		},
	}
}

// trust makes a check of everybody whom a trust policy lets in.
func trust(wrong func(f *Facts, s Statement, kind, who string) string) func(*Facts) []hit {
	return func(f *Facts) []hit {
		var hits []hit
		for _, p := range f.Principals {
			for _, s := range p.Trust.Statements {
				if !s.Allow || p.Service {
					continue
				}
				for kind, all := range s.Principals {
					for _, who := range all {
						if detail := wrong(f, s, kind, who); detail != "" {
							hits = append(hits, hit{thing: p.Thing, detail: detail, about: who})
						}
					}
				}
			}
		}
		return hits
	}
}

func credentialRules() []Rule {
	return []Rule{
		{
			ID: "role-unused", Severity: Low, Title: "A role is not used", needs: []Part{Identity},
			Mend: "delete it, or say in audit.ignore what it waits for",
			check: func(f *Facts) []hit {
				return each(principalsOf, func(p Principal) string {
					if p.Type != roleType || p.Service || f.Now.Sub(p.Created) < roleUnused || f.Now.Sub(p.used()) < roleUnused {
						return ""
					}
					return "made " + p.Created.UTC().Format(time.DateOnly) + ", " + last(p.used())
				})(f)
			},
		},
		{
			ID: "key-old", Severity: Medium, Title: "An access key is older than 90 days", needs: []Part{Identity},
			Public: []string{"IAM.3", "CIS 3.0.0 1.14"}, Mend: "make another, move its users over, delete it; better: a role",
			check: accessKeys(func(f *Facts, k AccessKey) string {
				return when(f.Now.Sub(k.Created) > keyAge, fmt.Sprintf("%s is %d days old", k.ID, int(f.Now.Sub(k.Created)/day)))
			}),
		},
		{
			ID: "key-unused", Severity: Medium, Title: "An access key was not used for 45 days", needs: []Part{Identity},
			Public: []string{"IAM.22", "CIS 3.0.0 1.12"}, Mend: "switch it off, then delete it",
			check: accessKeys(func(f *Facts, k AccessKey) string {
				return when(f.Now.Sub(k.Created) > keyUnused && f.Now.Sub(k.Used) > keyUnused, k.ID+", "+last(k.Used))
			}),
		},
		{
			ID: "user-policies", Severity: Low, Title: "A user has policies of its own", needs: []Part{Identity},
			Public: []string{"IAM.2", "CIS 3.0.0 1.15", "CKV_AWS_40"}, Mend: "give them to a group or, better, to a role that people assume",
			check: each(principalsOf, func(p Principal) string {
				direct := slices.ContainsFunc(p.Policies, func(a Attached) bool { return a.Direct })
				return when(p.Type == userType && direct, "nobody sees them who looks at groups and roles")
			}),
		},
		{
			ID: "user-mfa", Severity: Medium, Title: "A user comes into the console by a password alone", needs: []Part{Identity},
			Public: []string{"IAM.5", "CIS 3.0.0 1.10"}, Mend: "give the user a second factor; better: no password, and a role from your directory",
			check: each(principalsOf, func(p Principal) string {
				return when(p.Type == userType && p.Console && !p.MFA, "it has a password and no second factor")
			}),
		},
		{
			ID: "root-mfa", Severity: Critical, Title: "The account's root has no second factor", needs: []Part{Identity},
			Public: []string{"IAM.9", "CIS 3.0.0 1.5"}, Mend: "sign in as root and add one, best a key of hardware (CIS 3.0.0 1.6)",
			check: account("aws_account", func(f *Facts) bool { return !f.RootMFA }, "its password is enough for everything, and nothing bounds it"),
		},
		{
			ID: "root-key", Severity: Critical, Title: "The account's root has an access key", needs: []Part{Identity},
			Public: []string{"IAM.4", "CIS 3.0.0 1.4"}, Mend: "delete it",
			check: account("aws_account", func(f *Facts) bool { return f.RootKeys > 0 }, "whoever has it can do everything, and nothing bounds it"),
		},
	}
}

// accessKeys makes a check of the keys that are active.
func accessKeys(wrong func(*Facts, AccessKey) string) func(*Facts) []hit {
	return func(f *Facts) []hit {
		var hits []hit
		for _, p := range f.Principals {
			for _, k := range p.Keys {
				if detail := wrong(f, k); k.Active && detail != "" {
					hits = append(hits, hit{thing: p.Thing, detail: detail, about: k.ID})
				}
			}
		}
		return hits
	}
}

func last(used time.Time) string {
	if used.IsZero() {
		return "never used"
	}
	return "last used " + used.UTC().Format(time.DateOnly)
}
