package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"infra/internal/drift"
	"infra/internal/fault"
	"infra/internal/report"
	"infra/internal/sandbox/emulator"
)

// networkRoot stands for the pipeline, without a provider: its network is one
// that the test has made, and it has no hosts.
const networkRoot = `terraform {
  backend "s3" {}
}

output "hosts" { value = [] }
output "vpc" { value = { id = %q } }
`

// TestDrift looks for drift as the plan role, in an emulator that judges roles
// as AWS does: the role is enough, and whatever is found nothing is changed.
func TestDrift(t *testing.T) {
	t.Parallel()
	c := newCloud(t, func(o *emulator.Options) { o.EnforceRoles = true })
	machines := ec2.NewFromConfig(c.config(t))
	network := driftNetwork(t, c, machines)
	c.assume(t, "", "")
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")

	c.assume(t, "plan", "")
	found := c.drift(t, 2)
	if len(found.Findings) != 1 || found.Findings[0].Stack != "pipeline/cloud" || found.Findings[0].Detail != "it was never applied" {
		t.Errorf("of a stack that was never applied it says %+v", found.Findings)
	}
	c.assume(t, "", "")
	c.run(t, 0, "apply", "cloud", "--product", "pipeline", "--auto-approve")
	c.assume(t, "plan", "")
	if found := c.drift(t, 0); len(found.Findings) > 0 {
		t.Errorf("just applied, and yet %+v", found.Findings)
	}

	// Somebody tags a key, the code wants other log groups, and an instance is
	// started in the network.
	key := driftTag(t, c)
	stray := driftInstance(t, machines, network)
	c.assume(t, "plan", "    log_retention_days: 400\n")
	found = c.drift(t, 2)
	outside := only(t, found.Findings, drift.Outside)
	if outside.Address != key || !outside.Undone || !slices.ContainsFunc(outside.Attributes, func(a drift.Attribute) bool {
		return strings.HasPrefix(a.Path, "tags.cost") && a.After == `"42"`
	}) {
		t.Errorf("changed outside is %+v", outside)
	}
	for _, f := range found.Findings {
		if f.Kind == drift.Code && (f.Address == key || !slices.ContainsFunc(f.Attributes, func(a drift.Attribute) bool {
			return strings.Contains(a.Path, "retention") || strings.Contains(a.Path, "expiration")
		})) {
			t.Errorf("the code is said to want %+v", f)
		}
	}
	if n := len(found.Findings); n < 3 {
		t.Errorf("only %d findings", n)
	}
	if machine := only(t, found.Findings, drift.Instance); machine.ID != stray || machine.Name != "bitcoin" {
		t.Errorf("the stray instance is %+v", machine)
	}

	// What is listed does not count, and is shown.
	c.write(t, "environments/cloud.yaml", c.settings(t)+fmt.Sprintf("drift:\n  ignore:\n    - '%s#tags.cost'\n    - instance:bit*\n    - aws_cloudwatch_log_group.*\n    - aws_s3_bucket_lifecycle_configuration.*\n    - module.*\n", key))
	found = c.drift(t, 0, "--html", filepath.Join(c.project, "drift.html"))
	if len(found.Noise) < 3 {
		t.Errorf("noise is %+v", found.Noise)
	}
	if page, err := os.ReadFile(filepath.Join(c.project, "drift.html")); err != nil || !strings.Contains(string(page), "No drift.") || !strings.Contains(string(page), "instance:bit*") {
		t.Errorf("the page is %.400s, %v", page, err)
	}
}

// readOnly runs a command on the environment, wants an exit code and that
// nothing at all was changed, and reads its document.
func readOnly[D any](t *testing.T, c *cloud, code int, command ...string) D {
	t.Helper()
	before := c.changesOf(t, 0).last
	stdout, stderr := c.run(t, code, append(command, "cloud", "--output", "json")...)
	if made := c.changesOf(t, before).made; len(made) > 0 {
		t.Errorf("it is to read only, and has done %v", made)
	}
	var doc D
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
		t.Fatalf("%v: %s\n%s", err, stdout, stderr)
	}
	return doc
}

// drift runs it, wants an exit code, and that it has changed nothing at all: no
// lock, no lease, no state, no record.
func (c *cloud) drift(t *testing.T, code int, more ...string) report.EnvironmentDrift {
	t.Helper()
	doc := readOnly[report.DriftDocument](t, c, code, append([]string{"drift"}, more...)...)
	if len(doc.Environments) != 1 || doc.Schema != "infra/drift/v1" {
		t.Fatalf("%+v", doc)
	}
	if doc.Code() != fault.Code(code) {
		t.Errorf("the report means %d, the exit code is %d", doc.Code(), code)
	}
	t.Logf("%d findings, %d noise, %.1f s", len(doc.Environments[0].Findings), len(doc.Environments[0].Noise), doc.Environments[0].Seconds)
	for _, f := range doc.Environments[0].Noise {
		t.Logf("noise: %s %s: %s", f.Address, f.ID, f.Noise)
	}
	return doc.Environments[0]
}

// only is the one finding of a kind.
func only(t *testing.T, all []drift.Finding, kind drift.Kind) drift.Finding {
	t.Helper()
	var found []drift.Finding
	for _, f := range all {
		if f.Kind == kind {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d findings of %s: %+v", len(found), kind, all)
	}
	return found[0]
}

func (c *cloud) settings(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.project, "environments", "cloud.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// driftNetwork makes a network, and puts networkRoot into the place of the
// pipeline.
func driftNetwork(t *testing.T, c *cloud, machines *ec2.Client) string {
	t.Helper()
	vpc, err := machines.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.78.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(c.project, "terraform", "products", "pipeline")
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	c.write(t, "terraform/products/pipeline/main.tf", fmt.Sprintf(networkRoot, *vpc.Vpc.VpcId))
	return *vpc.Vpc.VpcId
}

// driftInstance starts an instance in the network that no state knows.
func driftInstance(t *testing.T, machines *ec2.Client, network string) string {
	t.Helper()
	subnet, err := machines.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &network, CidrBlock: aws.String("10.78.1.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	images, err := machines.DescribeImages(t.Context(), &ec2.DescribeImagesInput{})
	if err != nil || len(images.Images) == 0 {
		t.Fatalf("no image: %v", err)
	}
	out, err := machines.RunInstances(t.Context(), &ec2.RunInstancesInput{
		ImageId: images.Images[0].ImageId, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: subnet.Subnet.SubnetId, InstanceType: types.InstanceTypeT3Micro,
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("bitcoin")}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Instances[0].InstanceId
}

// driftTag tags the backup key by hand and returns its address.
func driftTag(t *testing.T, c *cloud) string {
	t.Helper()
	client := kms.NewFromConfig(c.config(t))
	described, err := client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/infra-cloud-backup")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.TagResource(t.Context(), &kms.TagResourceInput{
		KeyId: described.KeyMetadata.KeyId, Tags: []kmstypes.Tag{{TagKey: aws.String("cost"), TagValue: aws.String("42")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	stdout, _ := c.run(t, 0, "state", "list", "cloud")
	for line := range strings.Lines(stdout) {
		for _, word := range strings.Fields(line) {
			if strings.Contains(word, "aws_kms_key.") && strings.Contains(word, "backup") {
				return strings.TrimPrefix(word, "baseline:")
			}
		}
	}
	t.Fatalf("no backup key in the state:\n%s", stdout)
	return ""
}
