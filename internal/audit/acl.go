package audit

import (
	"fmt"
	"slices"
	"strings"
)

// aclRules are about network ACLs. That which a network has from its beginning
// lets everything pass, and groups are what guards then: it is not judged, and
// neither does EC2.21.
func aclRules() []Rule {
	return []Rule{
		{
			ID: "acl-all-internet", Severity: Medium, Title: "A network ACL lets the internet through to every port", needs: []Part{Network},
			Public: []string{"EC2.21", "CIS 3.0.0 5.1", "CKV_AWS_352"}, Mend: "name the ports that need it, or take the ACL away",
			check: fromACLs(func(f *Facts, a ACL) string {
				return when(a.admitsAll(f), "every port is open to the internet, as far as groups let it in")
			}),
		},
		{
			ID: "acl-admin-internet", Severity: Medium, Title: "A network ACL lets the internet through to a port of administration", needs: []Part{Network},
			Public: []string{"EC2.21", "CIS 3.0.0 5.1", "CKV_AWS_231", "CKV_AWS_232"}, Mend: "name the networks that need it",
			check: fromACLs(func(f *Facts, a ACL) string {
				var open []string
				for _, port := range adminPorts() {
					if !a.admitsAll(f) && a.admits(f, port) {
						open = append(open, fmt.Sprint(port))
					}
				}
				return when(len(open) > 0, "open to the internet, as far as groups let it in: "+strings.Join(open, ", "))
			}),
		},
	}
}

func fromACLs(wrong func(*Facts, ACL) string) func(*Facts) []hit {
	return func(f *Facts) []hit {
		return each(aclsOf, func(a ACL) string {
			if a.Default {
				return ""
			}
			return wrong(f, a)
		})(f)
	}
}

// admits tells whether the ACL lets the internet through to a port.
func (a ACL) admits(f *Facts, port int) bool {
	return a.open(f, func(e Entry) bool {
		return slices.Contains([]string{"-1", "6", "17"}, e.Protocol) && (e.From < 0 || e.From <= port && port <= e.To)
	})
}

// admitsAll tells whether the ACL lets the internet through to every port.
func (a ACL) admitsAll(f *Facts) bool {
	return a.open(f, func(e Entry) bool {
		return e.Protocol == "-1" || e.Protocol == "6" && (e.From < 0 || e.From <= 1 && e.To >= 65535)
	})
}

// open tells whether the internet comes through the entries that fit. The first
// of them decides, for each of the two internets by itself; one that keeps out
// a part of it decides nothing.
func (a ACL) open(f *Facts, fits func(Entry) bool) bool {
	for _, four := range []bool{true, false} {
		for _, e := range a.Entries {
			if !e.Range.IsValid() || e.Range.Addr().Is4() != four || !fits(e) {
				continue
			}
			if !e.Deny && f.classOfRange(e.Range) == Internet {
				return true
			}
			if e.Deny && e.Range.Bits() == 0 {
				break
			}
		}
	}
	return false
}
