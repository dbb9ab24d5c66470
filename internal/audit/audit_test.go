package audit_test

import (
	"slices"
	"strings"
	"testing"

	"infra/internal/audit"
)

// A public address behind a rule makes it worse, whichever rule it is.
func TestReachedFromTheInternet(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]struct {
		port int
		want audit.Severity
	}{"ingress-admin-internet": {22, audit.Critical}, "ingress-data-internet": {2181, audit.Critical}, "ingress-internet": {443, audit.High}} {
		f := sound(t)
		f.Groups[0].Members[0].Public = "203.0.113.5"
		lets("tcp", c.port, c.port, "0.0.0.0/0")(t, f)
		found := of(audit.Judge(f, nil), rule)
		if len(found) != 1 || found[0].Severity != c.want || !strings.Contains(found[0].Detail, "bastion at 203.0.113.5") {
			t.Errorf("%s: %+v", rule, found)
		}
	}
}

// A finding says which code made the thing, or that none did and beside what.
func TestWhose(t *testing.T) {
	t.Parallel()
	f := sound(t)
	lets("tcp", 22, 22, "0.0.0.0/0")(t, f)
	f.Hosts[0].Public, f.Hosts[0].Addressed = "203.0.113.9", &audit.Thing{Type: "aws_eip", ID: "eipalloc-1"}
	found := audit.Judge(f, nil)
	byHand := of(found, "ingress-admin-internet")[0]
	if byHand.Address != "" || byHand.Place != nil || byHand.Near == nil || byHand.Near.Line != 50 {
		t.Errorf("by hand: %+v", byHand)
	}
	if host := of(found, "host-public-address")[0]; host.Address != "module.vpc.aws_eip.bastion[0]" || host.Detail != "203.0.113.9 leads to i-1" {
		t.Errorf("an address of the code: %+v", host)
	}
	f.Managed["aws_vpc_security_group_ingress_rule sgr-2"] = audit.Managed{Stack: "pipeline/prod", Address: "aws_vpc_security_group_ingress_rule.x", Place: &audit.Place{File: "x.tf", Line: 3}}
	inCode := of(audit.Judge(f, nil), "ingress-admin-internet")[0]
	if inCode.Stack != "pipeline/prod" || inCode.Place.String() != "x.tf:3" || inCode.Fingerprint == byHand.Fingerprint {
		t.Errorf("in the code: %+v", inCode)
	}
	if found[0].Severity < found[len(found)-1].Severity {
		t.Error("the worst is not first")
	}
}

// What an age says changes every day; the finding is the same.
func TestFingerprintsLast(t *testing.T) {
	t.Parallel()
	f := sound(t)
	f.Principals[1].Keys[0].Created = daysAgo(100)
	one := of(audit.Judge(f, nil), "key-old")[0]
	f.Now = f.Now.AddDate(0, 0, 7)
	other := of(audit.Judge(f, nil), "key-old")[0]
	if one.Detail == other.Detail || one.Fingerprint != other.Fingerprint {
		t.Errorf("%+v\n%+v", one, other)
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	f := sound(t)
	f.Buckets = append(f.Buckets, audit.Bucket{Thing: thing("aws_s3_bucket", "logs"), Policy: policy(t, tlsOnly), Blocked: true, Encryption: "AES256", LogsTo: "logs"})
	f.Keys[0].Rotates, f.Keys[0].Name = false, "old"
	ignore, err := audit.ParseIgnore([]string{"kms-rotation old because its material is imported soon", "kms-deletion * because of nothing"})
	if err != nil {
		t.Fatal(err)
	}
	counting, known := audit.Split(audit.Judge(f, ignore))
	if len(counting) > 0 || len(known) != 2 {
		t.Fatalf("%+v\n%+v", counting, known)
	}
	reasons := []string{known[0].Exception.Reason + " " + known[0].Exception.From, known[1].Exception.Reason + " " + known[1].Exception.From}
	slices.Sort(reasons)
	if want := []string{"S3 wants its own key here terraform/products/baseline/logs.tf:4", "its material is imported soon audit.ignore"}; !slices.Equal(reasons, want) {
		t.Errorf("%q", reasons)
	}
}

func TestCheckIgnore(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"no-boundary aws_iam_role.plan because it only reads": "",
		"no-boundary * because so it is":                      "",
		"no-boundary aws_iam_role.plan":                       "has no reason",
		"no-boundary aws_iam_role.plan because ":              "has no reason",
		"no-boundary because it only reads":                   "must name one rule",
		"bounds aws_iam_role.plan because it only reads":      `names "bounds"`,
	} {
		got := audit.CheckIgnore(text)
		if (got == nil) != (want == "") || got != nil && !strings.HasPrefix(got.Error(), want) {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Without the facts nothing is claimed.
func TestUnasked(t *testing.T) {
	t.Parallel()
	f := sound(t)
	f.Alarms = nil
	f.Unasked = []audit.Unasked{{Part: audit.Alarms, Why: "AccessDenied"}}
	if found := audit.Judge(f, nil); len(found) > 0 {
		t.Errorf("%+v", found)
	}
	if unjudged := audit.Unjudged(f); unjudged["alarm-gone"] != audit.Alarms || unjudged["unwatched-host"] != audit.Alarms || len(unjudged) != 7 {
		t.Errorf("%v", unjudged)
	}
}

func TestExposures(t *testing.T) {
	t.Parallel()
	f := sound(t)
	for _, source := range []string{"10.2.9.0/24", "192.168.0.0/24", "10.1.4.0/24", "::/0", "2001:db8::/32"} {
		lets("tcp", 5432, 5433, source)(t, f)
	}
	var got []string
	for _, e := range audit.Exposures(f) {
		got = append(got, string(e.Class)+" "+e.From+" "+e.Ports)
	}
	want := []string{
		"internet ::/0 tcp 5432-5433", "outside 2001:db8::/32 tcp 5432-5433", "outside 203.0.113.0/24 tcp 22", "private 192.168.0.0/24 tcp 5432-5433",
		"peer 10.2.9.0/24 tcp 5432-5433", "vpc 10.1.4.0/24 tcp 5432-5433", "group sg-1 everything",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(*testing.T, *audit.Facts)
		want  audit.Privilege
	}{
		"reads":                           {may(`{"Statement":[]}`), audit.Reader},
		"writes":                          {may(`{"Statement":{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::one/*"}}`), audit.Writer},
		"everything of a service":         {may(`{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`), audit.Wildcard},
		"what the boundary does not have": {may(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`), audit.Wildcard},
		"all but identities":              {free(`{"Statement":{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}}`), audit.Wildcard},
		"everything":                      {free(`{"Statement":{"Effect":"Allow","Action":["*"],"Resource":["*"]}}`), audit.Administrator},
		"can give itself all":             {free(`{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}`), audit.Escalation},
		"refused for one bucket":          {may(`{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::one/*"}]}`), audit.Wildcard},
		"refused again":                   {free(`{"Statement":[{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}`), audit.Writer},
	} {
		f := sound(t)
		f.Principals = f.Principals[:1]
		c.plant(t, f)
		if got := audit.Capabilities(f)[0]; got.Privilege != c.want || !slices.Equal(got.Trust, []string{"ec2.amazonaws.com"}) || got.Used != "2026-11-26" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{`, `{"Statement":"x"}`, `{"Statement":[{"Effect":"Maybe"}]}`} {
		if _, err := audit.ParsePolicy(text); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
	if p, err := audit.ParsePolicy(" "); err != nil || len(p.Statements) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
}
