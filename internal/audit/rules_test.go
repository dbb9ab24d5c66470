package audit_test

import (
	"slices"
	"strings"
	"testing"

	"infra/internal/audit"
)

// fault is a thing that a rule finds, and one beside it that it must not find.
type fault struct {
	rule     string
	severity audit.Severity
	plant    func(*testing.T, *audit.Facts)
	near     func(*testing.T, *audit.Facts)
}

// lets adds a rule to the bastion's group.
func lets(protocol string, from, to int, source string) func(*testing.T, *audit.Facts) {
	return func(_ *testing.T, f *audit.Facts) {
		f.Groups[0].Ingress = append(f.Groups[0].Ingress, ingress(protocol, from, to, source))
	}
}

// addressed gives the host an elastic address.
func addressed(allocation string) func(*testing.T, *audit.Facts) {
	return func(_ *testing.T, f *audit.Facts) {
		f.Hosts[0].Public, f.Hosts[0].Addressed = "203.0.113.9", &audit.Thing{Type: "aws_eip", ID: allocation}
	}
}

// admits gives the network an ACL of its own.
func admits(entries ...audit.Entry) func(*testing.T, *audit.Facts) {
	return change(func(f *audit.Facts) { f.ACLs = append(f.ACLs, acl("acl-2", false, entries...)) })
}

// may gives the role a policy.
func may(text string) func(*testing.T, *audit.Facts) {
	return func(t *testing.T, f *audit.Facts) {
		f.Principals[0].Policies = append(f.Principals[0].Policies, audit.Attached{Policy: policy(t, text)})
	}
}

// free is may without the boundary.
func free(text string) func(*testing.T, *audit.Facts) {
	return func(t *testing.T, f *audit.Facts) {
		f.Principals[0].Own, f.Principals[0].Boundary = false, nil
		may(text)(t, f)
	}
}

// trusts gives the role another trust policy.
func trusts(statement string) func(*testing.T, *audit.Facts) {
	return func(t *testing.T, f *audit.Facts) {
		f.Principals[0].Trust = policy(t, `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",`+statement+`}]}`)
	}
}

// change is a change of facts that needs no test.
func change(do func(*audit.Facts)) func(*testing.T, *audit.Facts) {
	return func(_ *testing.T, f *audit.Facts) { do(f) }
}

func open(t *testing.T, condition string) audit.Policy {
	t.Helper()
	return policy(t, `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"`+condition+`}]}`)
}

const fromOrganisation = `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`

func faults() []fault {
	return slices.Concat(networkFaults(), identityFaults(), publicFaults(), keepingFaults(), watchFaults())
}

func networkFaults() []fault {
	return []fault{
		{"ingress-all-internet", audit.High, lets("-1", -1, -1, "0.0.0.0/0"), lets("icmp", -1, -1, "10.1.2.0/24")},
		{"ingress-admin-internet", audit.High, lets("tcp", 20, 25, "::/0"), lets("tcp", 22, 22, "203.0.113.0/24")},
		{"ingress-data-internet", audit.High, lets("tcp", 5432, 5432, "128.0.0.0/1"), lets("tcp", 5432, 5432, "198.51.100.7/32")},
		{"ingress-internet", audit.Medium, lets("tcp", 443, 443, "0.0.0.0/0"), lets("tcp", 443, 443, "10.2.3.0/24")},
		{"ingress-wide", audit.Medium, lets("tcp", 2181, 2181, "172.16.0.0/12"), lets("tcp", 443, 443, "172.16.0.0/12")},
		{"ingress-everything", audit.Medium, lets("tcp", 0, 65535, "10.1.0.0/16"), lets("tcp", 1024, 65535, "10.1.0.0/16")},
		{"default-group", audit.Medium, change(func(f *audit.Facts) { f.Groups[1].Egress = 1 }), change(func(f *audit.Facts) { f.Groups[0].Egress = 9 })},
		{"subnet-public-address", audit.Medium, change(func(f *audit.Facts) { f.Subnets[0].Public = true }), change(func(f *audit.Facts) { f.Subnets = nil })},
		{"host-public-address", audit.Medium, addressed("eipalloc-1"), addressed("eipalloc-2")},
		{"host-public-by-hand", audit.High, addressed("eipalloc-2"), addressed("eipalloc-1")},
		{"host-metadata", audit.High, change(func(f *audit.Facts) { f.Hosts[0].OldTokens = true }), change(func(f *audit.Facts) { f.Hosts[0].OldTokens = false })},
		{"balancer-public", audit.Low, change(func(f *audit.Facts) { f.Balancer[0].Public = true }), change(func(f *audit.Facts) { f.Balancer = nil })},
		{"balancer-logs", audit.Low, change(func(f *audit.Facts) { f.Balancer[0].Logs = false }), change(func(f *audit.Facts) { f.Balancer = nil })},
		{"acl-all-internet", audit.Medium, admits(entry(false, "-1", -1, -1, "0.0.0.0/0")), admits(entry(true, "-1", -1, -1, "0.0.0.0/0"), entry(false, "-1", -1, -1, "0.0.0.0/0"))},
		{"acl-all-internet", audit.Medium, admits(entry(true, "-1", -1, -1, "0.0.0.0/0"), entry(false, "6", 0, 65535, "::/0")), admits(entry(false, "-1", -1, -1, "203.0.113.0/24"))},
		{"acl-admin-internet", audit.Medium, admits(entry(false, "6", 20, 3389, "0.0.0.0/0")), admits(entry(true, "6", 3389, 3389, "0.0.0.0/0"), entry(false, "6", 100, 4000, "0.0.0.0/0"))},
		{"acl-admin-internet", audit.Medium, admits(entry(true, "6", 22, 22, "0.0.0.0/1"), entry(false, "6", 22, 22, "0.0.0.0/0")), admits(entry(false, "1", -1, -1, "0.0.0.0/0"))},
		{"flow-logs", audit.Medium, change(func(f *audit.Facts) { f.VPC.Flows = false }), change(func(f *audit.Facts) { f.VPC = audit.VPC{} })},
	}
}

func identityFaults() []fault {
	oidc := `"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.example.com"},"Condition":{"StringLike":{"token.example.com:sub":"repo:`
	return []fault{
		{"privilege-administrator", audit.Critical, free(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`), may(`{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)},
		{
			"privilege-escalation", audit.High, free(`{"Statement":{"Effect":"Allow","Action":"iam:P*Role","Resource":"arn:aws:iam::123456789012:role/*"}}`),
			free(`{"Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/one"}}`),
		},
		{"privilege-wildcard", audit.Medium, may(`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`), may(`{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}`)},
		{"no-boundary", audit.Medium, change(func(f *audit.Facts) { f.Principals[0].Boundary = nil }), change(func(f *audit.Facts) { f.Principals[0].Boundary, f.Principals[0].Own = nil, false })},
		{"trust-everybody", audit.Critical, trusts(`"Principal":{"AWS":"*"}`), trusts(`"Principal":"*"` + fromOrganisation)},
		{
			"trust-external-id", audit.High, trusts(`"Principal":{"AWS":"arn:aws:iam::999999999999:root"}`),
			trusts(`"Principal":{"AWS":"999999999999"},"Condition":{"StringEquals":{"sts:ExternalId":"x"}}`),
		},
		{"trust-federated", audit.High, trusts(oidc + `*"}}`), trusts(oidc + `example/platform:*"}}`)},
		{"role-unused", audit.Low, change(func(f *audit.Facts) { f.Principals[0].Used = daysAgo(91) }), change(func(f *audit.Facts) { f.Principals[0].Created, f.Principals[0].Used = daysAgo(5), daysAgo(99) })},
		{
			"key-old", audit.Medium, change(func(f *audit.Facts) { f.Principals[1].Keys[0].Created = daysAgo(91) }),
			change(func(f *audit.Facts) { f.Principals[1].Keys[0] = audit.AccessKey{ID: "AKIA1", Created: daysAgo(400)} }),
		},
		{"key-unused", audit.Medium, change(func(f *audit.Facts) { f.Principals[1].Keys[0].Used = daysAgo(46) }), change(func(f *audit.Facts) { f.Principals[1].Keys[0].Used = daysAgo(44) })},
		{"user-policies", audit.Low, change(func(f *audit.Facts) { f.Principals[1].Policies[0].Direct = true }), change(func(f *audit.Facts) { f.Principals[0].Policies[0].Direct = true })},
		{"user-mfa", audit.Medium, change(func(f *audit.Facts) { f.Principals[1].Console = true }), change(func(f *audit.Facts) { f.Principals[1].Console, f.Principals[1].MFA = true, true })},
		{"root-mfa", audit.Critical, change(func(f *audit.Facts) { f.RootMFA = false }), change(func(f *audit.Facts) { f.RootMFA = true })},
		{"root-key", audit.Critical, change(func(f *audit.Facts) { f.RootKeys = 1 }), change(func(f *audit.Facts) { f.RootKeys = 0 })},
	}
}

func publicFaults() []fault {
	return []fault{
		{"bucket-public", audit.Critical, func(t *testing.T, f *audit.Facts) {
			f.AccountBlock, f.Buckets[0].Blocked = false, false
			f.Buckets[0].Policy = open(t, "")
		}, func(t *testing.T, f *audit.Facts) {
			f.AccountBlock, f.Buckets[0].Blocked = false, false
			f.Buckets[0].Policy = open(t, fromOrganisation)
		}},
		{"bucket-block", audit.High, change(func(f *audit.Facts) { f.Buckets[0].Blocked = false }), change(func(f *audit.Facts) { f.AccountBlock = false })},
		{"account-block", audit.Medium, change(func(f *audit.Facts) { f.AccountBlock = false }), change(func(f *audit.Facts) { f.Buckets[0].Blocked = false })},
		{
			"bucket-transport", audit.Medium, func(t *testing.T, f *audit.Facts) {
				f.Buckets[0].Policy = policy(t, strings.Replace(tlsOnly, "false", "true", 1))
			},
			func(t *testing.T, f *audit.Facts) { f.Buckets[0].Policy = policy(t, tlsOnly) },
		},
		{"copy-public", audit.Critical, change(func(f *audit.Facts) { f.Shared[0].Public = true }), change(func(f *audit.Facts) { f.Shared[0].Accounts = []string{otherAccount} })},
		{"copy-shared", audit.Medium, change(func(f *audit.Facts) { f.Shared[0].Accounts = []string{otherAccount} }), change(func(f *audit.Facts) { f.Shared[0].Public = true })},
		{"database-public", audit.Critical, change(func(f *audit.Facts) { f.Databases[0].Public = true }), change(func(f *audit.Facts) { f.Databases = nil })},
		{
			"message-public", audit.High, func(t *testing.T, f *audit.Facts) { f.Messages[0].Policy = open(t, "") },
			func(t *testing.T, f *audit.Facts) {
				f.Messages[0].Policy = open(t, `,"Condition":{"StringEquals":{"AWS:SourceOwner":"123456789012"}}`)
			},
		},
		{
			"kms-public", audit.Critical, func(t *testing.T, f *audit.Facts) {
				f.Keys[0].Grants = open(t, `,"Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}`)
			},
			func(t *testing.T, f *audit.Facts) {
				f.Keys[0].Grants = open(t, `,"Condition":{"StringEquals":{"kms:CallerAccount":"123456789012"}}`)
			},
		},
		{"emr-block", audit.Medium, change(func(f *audit.Facts) { f.EMRBlocks = false }), change(func(f *audit.Facts) { f.Clusters = nil; f.Alarms = f.Alarms[:4] })},
	}
}

func keepingFaults() []fault {
	return []fault{
		{"volume-unencrypted", audit.High, change(func(f *audit.Facts) { f.Volumes[0].Encrypted = false }), change(func(f *audit.Facts) { f.EncryptByDefault = false })},
		{"copy-unencrypted", audit.High, change(func(f *audit.Facts) { f.Shared[0].Encrypted = false }), change(func(f *audit.Facts) { f.Volumes[0].Encrypted = false })},
		{"volume-default", audit.Medium, change(func(f *audit.Facts) { f.EncryptByDefault = false }), change(func(f *audit.Facts) { f.Volumes[0].Encrypted = false })},
		{"bucket-unencrypted", audit.Low, change(func(f *audit.Facts) { f.Buckets[0].Encryption = "AES256" }), change(func(f *audit.Facts) { f.Buckets[0].Encryption, f.Buckets[0].LogsOf = "AES256", true })},
		{"database-unencrypted", audit.High, change(func(f *audit.Facts) { f.Databases[0].Encrypted = false }), change(func(f *audit.Facts) { f.Databases[0].Logs = false })},
		{"cluster-unencrypted", audit.High, change(func(f *audit.Facts) { f.Clusters[0].AtRest = false }), change(func(f *audit.Facts) { f.Clusters[0].InTransit = false })},
		{"cluster-transit", audit.Medium, change(func(f *audit.Facts) { f.Clusters[0].InTransit = false }), change(func(f *audit.Facts) { f.Clusters[0].AtRest = false })},
		{"message-unencrypted", audit.Medium, change(func(f *audit.Facts) { f.Messages[0].Encrypted = false }), change(func(f *audit.Facts) { f.Messages = nil })},
		{"logs-unencrypted", audit.Low, change(func(f *audit.Facts) { f.Logs[0].Encrypted = false }), change(func(f *audit.Facts) { f.Logs[0].Forever = true })},
		{"trail-unencrypted", audit.Medium, change(func(f *audit.Facts) { f.Trails[0].Encrypted = false }), change(func(f *audit.Facts) { f.Trails[0].Validated = false })},
		{"kms-rotation", audit.Medium, change(func(f *audit.Facts) { f.Keys[0].Rotates = false }), change(func(f *audit.Facts) { f.Keys[0].Rotates, f.Keys[0].Rotatable = false, false })},
		{"kms-deletion", audit.High, change(func(f *audit.Facts) { f.Keys[0].Leaving = true }), change(func(f *audit.Facts) { f.Keys[0].Rotates = false })},
		{"trail", audit.High, change(func(f *audit.Facts) { f.Trails[0].Everywhere = false }), change(func(f *audit.Facts) { f.Trails = append(f.Trails, audit.Trail{Logging: true}) })},
		{"trail-stopped", audit.High, change(func(f *audit.Facts) { f.Trails[0].Logging = false }), change(func(f *audit.Facts) { f.Trails = nil })},
		{"trail-validation", audit.Low, change(func(f *audit.Facts) { f.Trails[0].Validated = false }), change(func(f *audit.Facts) { f.Trails = nil })},
		{"bucket-logs", audit.Low, change(func(f *audit.Facts) { f.Buckets[0].LogsTo = "" }), change(func(f *audit.Facts) { f.Buckets[0].LogsTo, f.Buckets[0].LogsOf = "", true })},
		{"logs-forever", audit.Low, change(func(f *audit.Facts) { f.Logs[0].Forever = true }), change(func(f *audit.Facts) { f.Logs[0].Encrypted = false })},
		{"database-logs", audit.Medium, change(func(f *audit.Facts) { f.Databases[0].Logs = false }), change(func(f *audit.Facts) { f.Databases[0].Public = true })},
	}
}

func watchFaults() []fault {
	drop := func(at int) func(*testing.T, *audit.Facts) {
		return change(func(f *audit.Facts) { f.Alarms = slices.Delete(f.Alarms, at, at+1) })
	}
	return []fault{
		{"alarm-gone", audit.High, drop(0), drop(1)},
		{"alarm-mute", audit.Medium, change(func(f *audit.Facts) { f.Alarms[1].Acts = false }), drop(1)},
		{"unwatched-host", audit.High, change(func(f *audit.Facts) { f.Alarms[0].Acts = false }), change(func(f *audit.Facts) { f.Hosts[0].Layer = "vpc"; f.Alarms[0].Metrics = nil })},
		{"unwatched-ensemble", audit.High, drop(2), change(func(f *audit.Facts) { f.Hosts[0].Cluster = ""; f.Alarms[2].Metrics = nil })},
		{"unwatched-volume", audit.Medium, drop(1), change(func(f *audit.Facts) { f.Volumes[0].Layer = "emr"; f.Alarms[1].Metrics = nil })},
		{"unwatched-database", audit.High, drop(3), drop(4)},
		{"unwatched-cluster", audit.Medium, drop(4), drop(3)},
	}
}

// TestRules plants every fault into sound facts: its rule finds it, and does not
// find what is beside it. No rule is without a fault.
func TestRules(t *testing.T) {
	t.Parallel()
	if found := audit.Judge(sound(t), nil); len(found) > 0 {
		t.Fatalf("of sound facts: %+v", found)
	}
	planted := map[string]bool{}
	for _, f := range faults() {
		planted[f.rule] = true
		t.Run(f.rule, func(t *testing.T) {
			t.Parallel()
			facts := sound(t)
			f.plant(t, facts)
			found := of(audit.Judge(facts, nil), f.rule)
			if len(found) != 1 {
				t.Fatalf("%d findings: %+v", len(found), found)
			}
			if found[0].Severity != f.severity || found[0].Detail == "" || found[0].Resource == "" || found[0].Fingerprint == "" {
				t.Errorf("%+v", found[0])
			}
			facts = sound(t)
			f.near(t, facts)
			if found := of(audit.Judge(facts, nil), f.rule); len(found) > 0 {
				t.Errorf("and of what is no fault: %+v", found)
			}
		})
	}
	for _, r := range audit.Rules() {
		if !planted[r.ID] {
			t.Errorf("nothing shows that the rule %s finds anything", r.ID)
		}
	}
}

func of(all []audit.Finding, rule string) []audit.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f audit.Finding) bool { return f.Rule != rule })
}

// TestRulesSayWhatTheyAre is about the table itself.
func TestRulesSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range audit.Rules() {
		if seen[r.ID] || r.Title == "" || r.Mend == "" || r.Severity < audit.Low {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
		for _, id := range r.Public {
			name, uri := audit.Standard(id)
			if name == "" || !strings.HasPrefix(uri, "https://") || strings.Contains(id, ".") == strings.HasPrefix(id, "CKV") {
				t.Errorf("%s: %q is of %q at %q", r.ID, id, name, uri)
			}
		}
	}
	if _, uri := audit.Standard("EC2.19"); uri != "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-19" {
		t.Error(uri)
	}
}
