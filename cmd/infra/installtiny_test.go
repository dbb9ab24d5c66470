package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"infra/internal/install"
	"infra/internal/report"
)

// configOf is an SDK configuration for another account of the emulator.
func (c *cloud) configOf(t *testing.T, account string) aws.Config {
	t.Helper()
	out, err := sts.NewFromConfig(c.config(t)).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + account + ":role/infra-apply"), RoleSessionName: aws.String("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.config(t)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
	return cfg
}

func (c *cloud) s3Of(t *testing.T, account string) *s3.Client {
	t.Helper()
	return s3.NewFromConfig(c.configOf(t, account), func(o *s3.Options) { o.UsePathStyle = true })
}

// installed runs install and gives its report.
func (c *cloud) installed(t *testing.T, name string, more ...string) (report.InstallDocument, string) {
	t.Helper()
	out, said := c.run(t, 0, append([]string{"install", name, "--auto-approve", "--output", "json"}, more...)...)
	var doc report.InstallDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, said)
	}
	return doc, said
}

// TestInstallOfSmallStacks is about what has nothing to do with AWS resources:
// the phases and their record, the second run, and the end.
func TestInstallOfSmallStacks(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tinyPlatform(t)
	c.customer(t, "alpha", alphaAccount, "10.60.0.0/20")
	first, said := c.installed(t, "alpha")
	if !first.Accepted || !first.Changed || len(first.Phases) != len(install.Phases()) {
		t.Errorf("the first installation: %+v\n%s", first, said)
	}
	// Of all quotas the emulator's Service Quotas knows those of VPC alone.
	if !regexp.MustCompile(`OK +quota: NAT gateways in a zone +5 allowed, 0 used`).MatchString(said) || !strings.Contains(said, "quota: elastic addresses") {
		t.Errorf("what preflight says of quotas:\n%s", said)
	}
	second, said := c.installed(t, "alpha")
	if second.Changed || !second.Accepted || !strings.Contains(said, "nothing was changed") {
		t.Errorf("the second: %+v\n%s", second, said)
	}
	c.run(t, 3, "uninstall", "alpha") // nobody can type the name
	c.run(t, 3, "uninstall", "alpha", "--confirm", "beta")
	gone := c.uninstalled(t, "alpha")
	if !gone.Gone || len(gone.Left) > 0 || len(gone.Did) < 5 {
		t.Errorf("the end: %+v", gone)
	}
	if again := c.uninstalled(t, "alpha"); !again.Gone || len(again.Did) > 0 {
		t.Errorf("a second end: %+v", again)
	}
}

// uninstalled takes a customer away and gives the proof.
func (c *cloud) uninstalled(t *testing.T, name string, more ...string) report.UninstallDocument {
	t.Helper()
	out, said := c.run(t, 0, append([]string{"uninstall", name, "--confirm", name, "--output", "json"}, more...)...)
	var doc report.UninstallDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, said)
	}
	t.Logf("%s\n%s", said, report.UninstallText(doc))
	return doc
}
