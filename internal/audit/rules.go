package audit

import (
	"maps"
	"slices"
	"strings"
)

// Rule is what must not be, with its ids in public standards. Their numbers
// were read in these sources: CIS AWS Foundations Benchmark 3.0.0 and AWS
// Security Hub's controls (of which the Foundational Security Best Practices
// are a choice) as prowler-cloud/prowler lists them in prowler/compliance/aws
// (cis_3.0_aws.json, aws_foundational_security_best_practices_aws.json); checkov
// 3.2.500's in its own checks. Where no standard has the rule, there is none.
type Rule struct {
	ID       string
	Severity Severity // unless the check says another
	Title    string
	Public   []string
	Mend     string // what to do

	needs []Part
	check func(*Facts) []hit
}

// hit is a thing that a rule does not like.
type hit struct {
	thing    Thing
	holder   *Thing // what it is a part of
	detail   string
	about    string // which of several hits on one thing; part of its fingerprint
	severity Severity
}

// Rules are all rules, by subject.
func Rules() []Rule {
	var all []Rule
	for _, subject := range [][]Rule{ingressRules(), networkRules(), aclRules(), privilegeRules(), trustRules(), credentialRules(), publicRules(), encryptionRules(), alarmRules(), keyRules(), evidenceRules()} {
		all = append(all, subject...)
	}
	return all
}

// Standard is the name of the standard that an id belongs to, and where that
// standard explains it.
func Standard(id string) (name, uri string) {
	switch {
	case strings.HasPrefix(id, "CIS "):
		return "CIS AWS Foundations Benchmark", "https://www.cisecurity.org/benchmark/amazon_web_services"
	case strings.HasPrefix(id, "CKV"):
		return "checkov", "https://www.checkov.io/5.Policy%20Index/terraform.html"
	default: // Security Hub's, such as EC2.19
		service, number, _ := strings.Cut(strings.ToLower(id), ".")
		return "AWS Security Hub", "https://docs.aws.amazon.com/securityhub/latest/userguide/" + service + "-controls.html#" + service + "-" + number
	}
}

// each makes a check of one kind of thing: wrong says what is wrong with it,
// empty when nothing is.
func each[T interface{ itself() Thing }](list func(*Facts) []T, wrong func(T) string) func(*Facts) []hit {
	return func(f *Facts) []hit {
		var hits []hit
		for _, t := range list(f) {
			if detail := wrong(t); detail != "" {
				hits = append(hits, hit{thing: t.itself(), detail: detail})
			}
		}
		return hits
	}
}

// account makes a check of a setting of the account as a whole, which is a
// resource of its own wherever it is in the code.
func account(kind string, wrong func(*Facts) bool, detail string) func(*Facts) []hit {
	return func(f *Facts) []hit {
		if !wrong(f) {
			return nil
		}
		thing := Thing{Type: kind, ID: f.Account}
		for _, key := range slices.Sorted(maps.Keys(f.Managed)) {
			if id, ok := strings.CutPrefix(key, kind+" "); ok {
				thing = Thing{Type: kind, ID: id, Name: f.Account}
				break
			}
		}
		return []hit{{thing: thing, detail: detail}}
	}
}

// when is a text on a condition.
func when(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

// The lists that rules go through.
func groupsOf(f *Facts) []Group         { return f.Groups }
func subnetsOf(f *Facts) []Subnet       { return f.Subnets }
func aclsOf(f *Facts) []ACL             { return f.ACLs }
func hostsOf(f *Facts) []Host           { return f.Hosts }
func balancersOf(f *Facts) []Balancer   { return f.Balancer }
func bucketsOf(f *Facts) []Bucket       { return f.Buckets }
func volumesOf(f *Facts) []Volume       { return f.Volumes }
func sharedOf(f *Facts) []Shared        { return f.Shared }
func databasesOf(f *Facts) []Database   { return f.Databases }
func clustersOf(f *Facts) []Cluster     { return f.Clusters }
func messagesOf(f *Facts) []Message     { return f.Messages }
func keysOf(f *Facts) []Key             { return f.Keys }
func logsOf(f *Facts) []LogGroup        { return f.Logs }
func trailsOf(f *Facts) []Trail         { return f.Trails }
func alarmsOf(f *Facts) []Alarm         { return f.Alarms }
func principalsOf(f *Facts) []Principal { return f.Principals }
