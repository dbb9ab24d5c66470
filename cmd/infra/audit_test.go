//go:build endtoend

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/account"
	"infra/internal/audit"
	"infra/internal/fault"
	"infra/internal/report"
	"infra/internal/sandbox/emulator"
)

// TestAudit builds the whole platform, and audits it as the plan role in an
// emulator that judges roles as AWS does: the role is enough, and nothing is
// changed. Of the shipped code nothing is found that is not excepted with a
// reason; what is done to it by hand then is found, each by its rule.
func TestAudit(t *testing.T) {
	t.Parallel()
	c := newCloud(t, func(o *emulator.Options) { o.EnforceRoles = true })
	c.assume(t, "", "")
	c.applyWithoutHosts(t)

	c.assume(t, "plan", "")
	for _, f := range c.audit(t, 0, "--fail-on", "low").Findings {
		t.Errorf("of the shipped code: %+v", f)
	}
	c.assume(t, "", "")
	plantFaults(t, c)
	plantBeside(t, c)
	c.assume(t, "plan", "")
	file := filepath.Join(c.project, "audit.sarif")
	found := c.audit(t, 2, "--sarif", file)
	for _, want := range []struct{ rule, id, code, near string }{
		{"ingress-admin-internet", "EC2.13", "", `terraform/layers/vpc/bastion.tf resource "aws_security_group" "bastion" {`},
		{"privilege-administrator", "IAM.1", "", ""},
		{"bucket-public", "S3.2", `terraform/products/baseline/backup.tf resource "aws_s3_bucket" "backup" {`, ""},
		{"bucket-block", "CIS 3.0.0 2.1.4", `terraform/products/baseline/backup.tf resource "aws_s3_bucket" "backup" {`, ""},
		{"volume-unencrypted", "EC2.3", "", ""},
		{"kms-rotation", "CKV_AWS_7", `terraform/products/baseline/keys.tf resource "aws_kms_key" "this" {`, ""},
		{"alarm-gone", "", `terraform/layers/host/alarms.tf resource "aws_cloudwatch_metric_alarm" "host" {`, ""},
		{"unwatched-host", "", `terraform/layers/host/main.tf resource "aws_instance" "this" {`, ""},
		{"trail-stopped", "CloudTrail.3", `terraform/products/baseline/trail.tf resource "aws_cloudtrail" "this" {`, ""},
		{"acl-all-internet", "EC2.21", "", ""},
		{"acl-admin-internet", "CIS 3.0.0 5.1", "", ""},
		{"user-mfa", "IAM.5", "", ""},
		{"ingress-data-internet", "EC2.19", "", `terraform/layers/vpc/bastion.tf resource "aws_security_group" "bastion" {`}, // by a prefix list
		{"message-public", "CKV_AWS_168", "", ""},
		{"database-public", "RDS.2", "", ""},
		{"database-unencrypted", "RDS.3", "", ""},
		{"unwatched-database", "", "", ""},
	} {
		at := slices.IndexFunc(found.Findings, func(f audit.Finding) bool { return f.Rule == want.rule })
		if at < 0 {
			t.Errorf("%s finds nothing", want.rule)
			continue
		}
		f := found.Findings[at]
		if c.blockAt(t, f.Place) != want.code || c.blockAt(t, f.Near) != want.near || want.id != "" && !slices.Contains(f.Public, want.id) {
			t.Errorf("%s: %+v at %q near %q", want.rule, f, c.blockAt(t, f.Place), c.blockAt(t, f.Near))
		}
	}
	if found.Error != nil {
		t.Errorf("not everything was told: %+v", found.Error)
	}
	if !slices.ContainsFunc(found.Exceptions, func(f audit.Finding) bool { return f.Rule == "root-mfa" && slices.Contains(f.Public, "CIS 3.0.0 1.5") }) {
		t.Errorf("the emulator's root has a second factor: %+v", found.Exceptions)
	}
	if !slices.ContainsFunc(found.Exposures, func(e audit.Exposure) bool { return e.Class == audit.Peer && e.From == "10.99.0.0/16" }) {
		t.Errorf("no peer reaches anything in %+v", found.Exposures)
	}
	if !slices.ContainsFunc(found.Exposures, func(e audit.Exposure) bool { return e.Class == audit.Internet && e.Ports == "tcp 22" }) {
		t.Errorf("nobody reaches SSH in %+v", found.Exposures)
	}
	if !slices.ContainsFunc(found.Capabilities, func(p audit.Capability) bool {
		return p.Name == "deploy" && p.Privilege == audit.Administrator && !p.Bounded
	}) {
		t.Errorf("deploy is no administrator in %+v", found.Capabilities)
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), "terraform/products/baseline/keys.tf") {
		t.Errorf("the SARIF file is %.300s, %v", text, err)
	}
}

// plantFaults does by hand what should not be done.
func plantFaults(t *testing.T, c *cloud) {
	t.Helper()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	machines, identities := ec2.NewFromConfig(c.config(t)), iam.NewFromConfig(c.config(t))
	groups, err := machines.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{{Name: aws.String("group-name"), Values: []string{"infra-cloud-bastion"}}}})
	if err != nil || len(groups.SecurityGroups) != 1 {
		t.Fatalf("the bastion's group: %v", err)
	}
	must(machines.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: groups.SecurityGroups[0].GroupId, IpPermissions: []ec2types.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}},
	}}))
	must(machines.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String("eu-west-1a"), Size: aws.Int32(1)}))
	must(identities.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String("deploy"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}`),
	}))
	must(identities.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("deploy"), PolicyName: aws.String("all"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`),
	}))
	bucket := aws.String("infra-backup-cloud-" + cloudAccount)
	must(c.s3(t).DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: bucket}))
	must(c.s3(t).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{
		Bucket: bucket, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + *bucket + `/*"}]}`),
	}))
	keys := kms.NewFromConfig(c.config(t))
	key, err := keys.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/infra-cloud-data")})
	if err != nil {
		t.Fatal(err)
	}
	must(keys.DisableKeyRotation(t.Context(), &kms.DisableKeyRotationInput{KeyId: key.KeyMetadata.KeyId}))
	alarms := account.CloudWatch(c.config(t))
	must(alarms.DeleteAlarms(t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"infra-cloud-zookeeper-1-status"}}))
	must(cloudtrail.NewFromConfig(c.config(t)).StopLogging(t.Context(), &cloudtrail.StopLoggingInput{Name: aws.String("infra-cloud")}))
}

// blockAt is the file and the line at a place; empty without one.
func (c *cloud) blockAt(t *testing.T, place *audit.Place) string {
	t.Helper()
	if place == nil {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(c.project, place.File))
	if err != nil {
		t.Fatal(err)
	}
	return place.File + " " + strings.Split(string(text), "\n")[place.Line-1]
}

// audit runs it, wants an exit code, and that it has changed nothing at all.
func (c *cloud) audit(t *testing.T, code int, more ...string) report.EnvironmentAudit {
	t.Helper()
	doc := readOnly[report.AuditDocument](t, c, code, append([]string{"audit"}, more...)...)
	if len(doc.Environments) != 1 || doc.Schema != "infra/audit/v1" {
		t.Fatalf("%+v", doc)
	}
	if doc.Code() != fault.Code(code) {
		t.Errorf("the report means %d, the exit code is %d", doc.Code(), code)
	}
	e := doc.Environments[0]
	t.Logf("%d findings, %d exceptions, %d exposures, %d principals, %.1f s", len(e.Findings), len(e.Exceptions), len(e.Exposures), len(e.Capabilities), e.Seconds)
	for _, f := range e.Exceptions {
		t.Logf("excepted: %s %s: %s", f.Rule, f.Resource, f.Exception.Reason)
	}
	return e
}
