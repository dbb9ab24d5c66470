package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"infra/internal/audit"
	"infra/internal/fault"
	"infra/internal/report"
)

// auditFacts are of an environment with a port opened by hand, a key of the code
// that is not rotated, and one that is excepted.
func auditFacts() *audit.Facts {
	place := func(line int) *audit.Place {
		return &audit.Place{File: "terraform/products/baseline/keys.tf", Line: line}
	}
	return &audit.Facts{
		Environment: "prod", Account: "123456789012", Now: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC),
		AccountBlock: true, EncryptByDefault: true, EMRBlocks: true, RootMFA: true,
		Trails: []audit.Trail{{Logging: true, Everywhere: true, Validated: true, Encrypted: true}},
		VPC:    audit.VPC{Ranges: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}},
		Groups: []audit.Group{{
			Thing: audit.Thing{Type: "aws_security_group", ID: "sg-1", Name: "infra-prod-bastion"}, Members: []audit.Member{{Name: "bastion", Public: "203.0.113.5"}},
			Ingress: []audit.Ingress{
				{Thing: audit.Thing{Type: "aws_vpc_security_group_ingress_rule", ID: "sgr-1"}, Protocol: "tcp", From: 22, To: 22, Ranges: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
				{Thing: audit.Thing{Type: "aws_vpc_security_group_ingress_rule", ID: "sgr-2"}, Protocol: "tcp", From: 2181, To: 2181, Group: "sg-1", Name: "infra-prod-bastion"},
			},
		}},
		Principals: []audit.Principal{{Thing: audit.Thing{Type: "aws_iam_role", ID: "infra-prod-plan"}, Boundary: &audit.Policy{}, Created: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)}},
		Keys: []audit.Key{
			{Thing: audit.Thing{Type: "aws_kms_key", ID: "k-1"}, Rotatable: true},
			{Thing: audit.Thing{Type: "aws_kms_key", ID: "k-2"}, Rotatable: true},
			{Thing: audit.Thing{Type: "aws_kms_key", ID: "k-3"}, Rotatable: true},
		},
		Managed: map[string]audit.Managed{
			"aws_security_group sg-1": {Stack: "pipeline/prod", Address: "module.vpc.aws_security_group.bastion[0]", Place: &audit.Place{File: "terraform/layers/vpc/bastion.tf", Line: 51}},
			"aws_kms_key k-1":         {Stack: "baseline/prod", Address: `aws_kms_key.this["data"]`, Place: place(57)},
			"aws_kms_key k-2":         {Stack: "baseline/prod", Address: `aws_kms_key.other`, Place: place(80), Skips: []audit.Skip{{ID: "CKV_AWS_7", Reason: "asked for by law", Place: *place(81)}}},
			"aws_kms_key k-3":         {Stack: "baseline/prod", Address: `aws_kms_key.third`, Place: place(90)},
		},
	}
}

func auditDocument(t *testing.T, failOn string) report.AuditDocument {
	t.Helper()
	ignore, err := audit.ParseIgnore([]string{"kms-rotation aws_kms_key.third because it goes next week"})
	if err != nil {
		t.Fatal(err)
	}
	facts := auditFacts()
	return report.Audit(time.Now(), failOn, []report.EnvironmentAudit{report.AuditOf("prod", "environments/eu/prod.yaml", audit.Judge(facts, ignore), facts, time.Second, nil, strings.ToLower)})
}

func TestAuditText(t *testing.T) {
	t.Parallel()
	doc := auditDocument(t, "high")
	short, long := report.AuditText(doc, false), report.AuditText(doc, true)
	for _, want := range []string{
		"prod: 1 critical, 1 medium (2 known exceptions, --verbose lists them)\n",
		"  CRITICAL  ingress-admin-internet: The internet may reach a port of administration\n    sgr-1: 0.0.0.0/0 reaches bastion at 203.0.113.5 (tcp 22)\n",
		"      not in the code; it is in what terraform/layers/vpc/bastion.tf:51 makes  [EC2.13, EC2.14, CIS 3.0.0 5.2,",
		"      terraform/products/baseline/keys.tf:57 aws_kms_key.this[\"data\"]  [KMS.4, CIS 3.0.0 3.6, CKV_AWS_7]\n",
		"    internet  0.0.0.0/0  tcp 22  infra-prod-bastion: bastion at 203.0.113.5\n    and 1 rule among security groups",
		"    infra-prod-plan  -  nothing  bounded  never used\n",
		"  next: infra drift prod shows what else was done by hand; ingress-admin-internet: let in",
	} {
		if !strings.Contains(short, want) {
			t.Errorf("there is no %q in\n%s", want, short)
		}
	}
	for _, want := range []string{"because it goes next week (audit.ignore)", "because asked for by law (terraform/products/baseline/keys.tf:81)", "group     infra-prod-bastion  tcp 2181"} {
		if !strings.Contains(long, want) || strings.Contains(short, want) {
			t.Errorf("%q belongs to the long report alone:\n%s", want, long)
		}
	}
}

func TestAuditCode(t *testing.T) {
	t.Parallel()
	for failOn, want := range map[string]fault.Code{"critical": fault.Differences, "low": fault.Differences, report.NoSeverity: fault.OK} {
		if got := auditDocument(t, failOn).Code(); got != want {
			t.Errorf("%s: %d", failOn, got)
		}
	}
	mild := auditFacts()
	mild.Groups = nil
	half := auditFacts()
	half.Unasked = []audit.Unasked{{Part: audit.Network, Why: "EC2 DescribeVpcs: UnauthorizedOperation: no"}}
	of := func(f *audit.Facts, problem error) fault.Code {
		var found []audit.Finding
		if f != nil {
			found = audit.Judge(f, nil)
		}
		return report.Audit(time.Now(), "high", []report.EnvironmentAudit{report.AuditOf("prod", "environments/eu/prod.yaml", found, f, 0, problem, strings.ToLower)}).Code()
	}
	if got := of(mild, nil); got != fault.OK {
		t.Errorf("with nothing that is high: %d", got)
	}
	if got := of(half, nil); got != fault.Failed {
		t.Errorf("with half of the facts: %d", got)
	}
	if got := of(nil, fault.New(fault.Locked, "", errors.New("held"), "")); got != fault.Locked {
		t.Errorf("while another run goes on: %d", got)
	}
}

func TestAuditPage(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := report.AuditPage(auditDocument(t, "high")).Write(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Findings: prod.", `<td class="bad">critical</td>`, `<td class="bad">internet</td>`, "known: it goes next week (audit.ignore)", "who can do what"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("there is no %q", want)
		}
	}
}

// The file is valid against the schema of SARIF 2.1.0, and says of each finding
// what a reader of such files looks for.
// What no code made is shown at the environment's file, wherever that is.
func TestSARIFOfWhatIsInNoCode(t *testing.T) {
	t.Parallel()
	facts := auditFacts()
	facts.Managed = nil
	e := report.AuditOf("acme", "environments/customers/acme.yaml", audit.Judge(facts, nil), facts, time.Second, nil, strings.ToLower)
	var text bytes.Buffer
	if err := report.AuditSARIF(report.Audit(time.Now(), "high", []report.EnvironmentAudit{e}), &text); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), `"uri": "environments/customers/acme.yaml"`); n != len(e.Findings) || n == 0 {
		t.Errorf("%d of %d findings are at the file", n, len(e.Findings))
	}
}

func TestAuditSARIF(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	if err := report.AuditSARIF(auditDocument(t, "high"), &text); err != nil {
		t.Fatal(err)
	}
	read, err := sarif.FromBytes(text.Bytes(), sarif.WithStrictValidation())
	if err != nil {
		t.Fatal(err)
	}
	if err := read.Validate(); err != nil {
		t.Error(err)
	}
	read.Runs[0].Results[0].Level = "dreadful"
	if read.Validate() == nil {
		t.Error("the schema accepts anything")
	}
	var doc struct {
		Version string
		Runs    []struct {
			AutomationDetails struct{ ID string }
			Tool              struct {
				Driver struct {
					Rules []struct {
						ID, HelpURI string
						Properties  map[string]any
					}
				}
			}
			Results []struct {
				RuleID, Level       string
				RuleIndex           int
				PartialFingerprints map[string]string
				Suppressions        []struct{ Kind, Justification string }
				Locations           []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI, URIBaseID string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text.Bytes(), &doc); err != nil || doc.Version != "2.1.0" || len(doc.Runs) != 1 {
		t.Fatalf("%v: %.300s", err, text.String())
	}
	run := doc.Runs[0]
	if run.AutomationDetails.ID != "infra/audit/prod/" || len(run.Tool.Driver.Rules) != len(audit.Rules()) {
		t.Errorf("%q with %d rules", run.AutomationDetails.ID, len(run.Tool.Driver.Rules))
	}
	var got []string
	for _, r := range run.Results {
		place := r.Locations[0].PhysicalLocation
		line := r.Level + " " + r.RuleID + " " + audit.Place{File: place.ArtifactLocation.URI, Line: place.Region.StartLine}.String()
		for _, s := range r.Suppressions {
			line += " " + s.Kind
		}
		got = append(got, line)
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || r.PartialFingerprints["infraAudit/v1"] == "" || place.ArtifactLocation.URIBaseID != "%SRCROOT%" {
			t.Errorf("%+v", r)
		}
	}
	want := []string{
		"error ingress-admin-internet terraform/layers/vpc/bastion.tf:51", "warning kms-rotation terraform/products/baseline/keys.tf:57",
		"warning kms-rotation terraform/products/baseline/keys.tf:80 inSource", "warning kms-rotation terraform/products/baseline/keys.tf:90 external",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
