//go:build endtoend

package main

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/orphan"
)

// realCustomer installs a customer with the real baseline and the layers
// without hosts, a second time, and takes it away.
func realCustomer(t *testing.T) {
	c := newCloud(t)
	withoutHosts(t, c)
	c.customer(t, "alpha", alphaAccount, "10.60.0.0/20")
	began := time.Now()
	doc, said := c.installed(t, "alpha")
	if !doc.Accepted || !doc.Changed {
		t.Fatalf("%+v\n%s", doc, said)
	}
	tellInstall("a real platform without hosts installed in %s", time.Since(began).Round(time.Second))
	began = time.Now()
	if again, said := c.installed(t, "alpha"); again.Changed || !again.Accepted {
		t.Errorf("a second run: %+v\n%s", again, said)
	}
	tellInstall("installed again, nothing changed, in %s", time.Since(began).Round(time.Second))
	began = time.Now()
	gone := c.uninstalled(t, "alpha", "--delete-data")
	if !gone.Gone || len(gone.Leaving) < 4 { // three keys of the baseline, and that of the states
		t.Errorf("left %+v, leaving %+v", gone.Left, gone.Leaving)
	}
	tellInstall("taken away in %s", time.Since(began).Round(time.Second))
	c.empty(t, alphaAccount)
}

// twoCustomers installs two customers, one after the other, shows that neither
// has anything of the other, and takes both away.
func twoCustomers(t *testing.T) {
	c := newCloud(t)
	c.tinyPlatform(t)
	c.customer(t, "alpha", alphaAccount, "10.60.0.0/20")
	c.customer(t, "beta", betaAccount, "10.61.0.0/20")
	accounts := map[string]string{"alpha": alphaAccount, "beta": betaAccount}
	for _, name := range []string{"alpha", "beta"} {
		began := time.Now()
		doc, said := c.installed(t, name)
		if !doc.Accepted || !doc.Changed {
			t.Fatalf("%s: %+v\n%s", name, doc, said)
		}
		tellInstall("%s installed in %s", name, time.Since(began).Round(time.Second))
	}
	c.isolated(t, "alpha", "beta", betaAccount)
	c.isolated(t, "beta", "alpha", alphaAccount)
	began := time.Now()
	if again, said := c.installed(t, "alpha"); again.Changed || !again.Accepted {
		t.Errorf("a second run: %+v\n%s", again, said)
	}
	tellInstall("alpha installed again, nothing changed, in %s", time.Since(began).Round(time.Second))

	// A network of the account is in the way of another customer's.
	c.run(t, 0, "env", "new", "gamma", "--from", "customers", "--account", "777777777777", "--region", "eu-west-1", "--cidr", "10.70.0.0/20", "--role", "arn:aws:iam::777777777777:role/infra-apply")
	made, err := ec2.NewFromConfig(c.configOf(t, "777777777777")).CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.70.8.0/21")})
	if err != nil {
		t.Fatal(err)
	}
	before := c.changesOf(t, 0).last
	if _, said := c.run(t, 3, "install", "gamma", "--auto-approve"); !strings.Contains(said, aws.ToString(made.Vpc.VpcId)) || !strings.Contains(said, "10.70.16.0/20") {
		t.Errorf("of a network in the way it says:\n%s", said)
	}
	if changed := c.changesOf(t, before).made; len(changed) > 0 {
		t.Errorf("a refused installation has done %v", changed)
	}

	// What somebody made by hand is found, and named with what removes it.
	address, err := ec2.NewFromConfig(c.configOf(t, alphaAccount)).AllocateAddress(t.Context(), &ec2.AllocateAddressInput{
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeElasticIp, Tags: []types.Tag{
			{Key: aws.String("environment"), Value: aws.String("alpha")}, {Key: aws.String("managed_by"), Value: aws.String("infra")},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.backup(t, alphaAccount)
	if _, said := c.run(t, 3, "uninstall", "alpha", "--confirm", "alpha"); !strings.Contains(said, "--delete-data") {
		t.Errorf("of backups it says:\n%s", said)
	}
	_, said := c.run(t, 1, "uninstall", "alpha", "--confirm", "alpha", "--delete-data")
	if !strings.Contains(said, "aws ec2 release-address --allocation-id") || !strings.Contains(said, aws.ToString(address.AllocationId)) {
		t.Errorf("what is left is not named:\n%s", said)
	}
	if !strings.Contains(said, "aws s3 rb s3://infra-backup-alpha-"+alphaAccount) {
		t.Errorf("a bucket that is left is not named:\n%s", said)
	}
	if _, err := c.s3Of(t, alphaAccount).DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("infra-backup-alpha-" + alphaAccount)}); err != nil {
		t.Errorf("it was to be empty: %v", err)
	}
	if _, err := ec2.NewFromConfig(c.configOf(t, alphaAccount)).ReleaseAddress(t.Context(), &ec2.ReleaseAddressInput{AllocationId: address.AllocationId}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alpha", "beta"} {
		gone := c.uninstalled(t, name, "--delete-data")
		if !gone.Gone || !slices.ContainsFunc(gone.Leaving, func(l orphan.Leaving) bool { return strings.HasPrefix(l.What, "key ") && !l.At.IsZero() }) {
			t.Errorf("%s: %+v", name, gone)
		}
		c.empty(t, accounts[name])
	}
}

// isolated wants that one customer has a key and a bucket of its own, that
// nothing in its account is another one's, and that its role does not get at
// the other one's bucket.
func (c *cloud) isolated(t *testing.T, name, other, otherAccount string) {
	t.Helper()
	account := map[string]string{"alpha": alphaAccount, "beta": betaAccount}[name]
	cfg := c.configOf(t, account)
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(resourcegroupstaggingapi.NewFromConfig(cfg), &resourcegroupstaggingapi.GetResourcesInput{})
	found := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.ResourceTagMappingList {
			found++
			if arn := aws.ToString(r.ResourceARN); strings.Contains(arn, otherAccount) || strings.Contains(arn, "infra-"+other) {
				t.Errorf("%s has %s of %s", name, arn, other)
			}
			for _, tag := range r.Tags {
				if key := aws.ToString(tag.Key); (key == "environment" || key == "customer") && aws.ToString(tag.Value) != name {
					t.Errorf("%s has %s with the tag of %s", name, aws.ToString(r.ResourceARN), aws.ToString(tag.Value))
				}
			}
		}
	}
	if found < 3 { // the bucket of the states, that of its logs, and the key
		t.Errorf("%s has only %d resources with tags", name, found)
	}
	key, err := kms.NewFromConfig(cfg).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/infra-state")})
	if err != nil || !strings.Contains(aws.ToString(key.KeyMetadata.Arn), ":"+account+":") {
		t.Errorf("the key of %s: %+v, %v", name, key, err)
	}
	// The bucket's owner is checked with each request, so that a mistaken name ends here.
	bucket := "infra-state-" + otherAccount + "-eu-west-1"
	_, err = c.s3Of(t, account).GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: &bucket, Key: aws.String("baseline/" + other + "/terraform.tfstate"), ExpectedBucketOwner: aws.String(account),
	})
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() != http.StatusForbidden {
		t.Errorf("%s reads the states of %s as its own: %v", name, other, err)
	}
	tellInstall("%s: %d resources with tags, none of %s; its own key and bucket", name, found, other)
}

// backup makes the bucket of backups, that small stacks have none of, and puts
// something into it.
func (c *cloud) backup(t *testing.T, account string) {
	t.Helper()
	bucket := aws.String("infra-backup-alpha-" + account)
	_, err := c.s3Of(t, account).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraintEuWest1},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.s3Of(t, account).PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("archive/backup.info"), Body: strings.NewReader("a backup"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// empty asks the account once more, without infra.
func (c *cloud) empty(t *testing.T, account string) {
	t.Helper()
	cfg := c.configOf(t, account)
	buckets, err := c.s3Of(t, account).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil || len(buckets.Buckets) > 0 {
		t.Errorf("account %s has buckets %+v, %v", account, buckets, err)
	}
	networks, err := ec2.NewFromConfig(cfg).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("is-default"), Values: []string{"false"}}}})
	if err != nil || len(networks.Vpcs) > 0 {
		t.Errorf("account %s has networks %+v, %v", account, networks, err)
	}
}
