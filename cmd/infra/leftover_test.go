package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// thing is something in the account that has a life of its own, named as
// Terraform's state names it.
type thing struct {
	kind string // Terraform's type of resource
	id   string // the attribute id
}

// things are all of them that the baseline product can make. Keys that wait
// for their deletion are gone.
func (c *cloud) things(t *testing.T) map[thing]bool {
	t.Helper()
	found := map[thing]bool{}
	c.keys(t, found)
	c.identities(t, found)
	buckets, err := c.s3(t).ListBuckets(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range buckets.Buckets {
		found[thing{"aws_s3_bucket", *bucket.Name}] = true
	}
	trails, err := cloudtrail.NewFromConfig(c.config(t)).DescribeTrails(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, trail := range trails.TrailList {
		found[thing{"aws_cloudtrail", *trail.TrailARN}] = true
	}
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	c.ask(t, "logs", "Logs_20140328.DescribeLogGroups", "{}", &groups)
	for _, group := range groups.LogGroups {
		found[thing{"aws_cloudwatch_log_group", group.LogGroupName}] = true
	}
	var topics struct {
		ListTopicsResponse struct {
			ListTopicsResult struct{ Topics []struct{ TopicArn string } }
		}
	}
	c.ask(t, "sns", "", url.Values{"Action": {"ListTopics"}, "Version": {"2010-03-31"}, "ContentType": {"JSON"}}.Encode(), &topics)
	for _, topic := range topics.ListTopicsResponse.ListTopicsResult.Topics {
		found[thing{"aws_sns_topic", topic.TopicArn}] = true
	}
	return found
}

func (c *cloud) keys(t *testing.T, found map[thing]bool) {
	t.Helper()
	client := kms.NewFromConfig(c.config(t))
	keys, err := client.ListKeys(t.Context(), &kms.ListKeysInput{Limit: aws.Int32(1000)})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys.Keys {
		described, err := client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: key.KeyId})
		if err != nil {
			t.Fatal(err)
		}
		if described.KeyMetadata.KeyState != kmstypes.KeyStatePendingDeletion {
			found[thing{"aws_kms_key", *key.KeyId}] = true
		}
	}
	aliases, err := client.ListAliases(t.Context(), &kms.ListAliasesInput{Limit: aws.Int32(100)})
	if err != nil {
		t.Fatal(err)
	}
	for _, alias := range aliases.Aliases {
		if !strings.HasPrefix(*alias.AliasName, "alias/aws/") {
			found[thing{"aws_kms_alias", *alias.AliasName}] = true
		}
	}
}

func (c *cloud) identities(t *testing.T, found map[thing]bool) {
	t.Helper()
	client := iam.NewFromConfig(c.config(t))
	roles, err := client.ListRoles(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles.Roles {
		found[thing{"aws_iam_role", *role.RoleName}] = true
	}
	policies, err := client.ListPolicies(t.Context(), &iam.ListPoliciesInput{Scope: iamtypes.PolicyScopeTypeLocal})
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range policies.Policies {
		found[thing{"aws_iam_policy", *policy.Arn}] = true
	}
	profiles, err := client.ListInstanceProfiles(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, profile := range profiles.InstanceProfiles {
		found[thing{"aws_iam_instance_profile", *profile.InstanceProfileName}] = true
	}
}

// ask calls an API for which the module has no client: JSON with a target, or
// a form that asks for JSON.
func (c *cloud) ask(t *testing.T, service, target, body string, answer any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.endpoint+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=sandbox/20260101/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if target != "" {
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("X-Amz-Target", target)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%s", service, response.Status, err, text)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatalf("%s: %v\n%s", service, err, text)
	}
}

// inState are the things that a state holds; none without a state.
func (c *cloud) inState(t *testing.T, key string) map[thing]bool {
	t.Helper()
	found := map[thing]bool{}
	for _, version := range c.stateVersions(t, key) {
		if !version.latest {
			continue
		}
		var state struct {
			Resources []struct {
				Mode, Type string
				Instances  []struct {
					Attributes struct{ ID, ARN string }
				}
			}
		}
		if err := json.Unmarshal(c.object(t, key, version.id), &state); err != nil {
			t.Fatal(err)
		}
		for _, resource := range state.Resources {
			for _, instance := range resource.Instances {
				if resource.Mode != "managed" {
					continue
				}
				id := instance.Attributes.ID
				if resource.Type == "aws_cloudtrail" {
					id = instance.Attributes.ARN
				}
				found[thing{resource.Type, id}] = true
			}
		}
	}
	return found
}

// stateVersion is one version of a state in S3.
type stateVersion struct {
	id      string
	latest  bool
	serial  uint64
	lineage string
}

// stateVersions are all versions of a state, newest first. A state that was
// deleted is an error: nothing ever deletes one.
func (c *cloud) stateVersions(t *testing.T, key string) []stateVersion {
	t.Helper()
	out, err := c.s3(t).ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &c.bucket, Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToBool(out.IsTruncated) {
		t.Fatal("more versions than one answer holds")
	}
	for _, marker := range out.DeleteMarkers {
		if *marker.Key == key {
			t.Fatalf("the state %s was deleted", key)
		}
	}
	var found []stateVersion
	for _, version := range out.Versions {
		if *version.Key != key {
			continue
		}
		var content struct {
			Serial  uint64
			Lineage string
		}
		if err := json.Unmarshal(c.object(t, key, *version.VersionId), &content); err != nil {
			t.Fatalf("version %s of %s: %v", *version.VersionId, key, err)
		}
		found = append(found, stateVersion{id: *version.VersionId, latest: aws.ToBool(version.IsLatest), serial: content.Serial, lineage: content.Lineage})
	}
	return found
}

// object is the content of an object; of its latest version when none is
// named.
func (c *cloud) object(t *testing.T, key, version string) []byte {
	t.Helper()
	input := &s3.GetObjectInput{Bucket: &c.bucket, Key: &key}
	if version != "" {
		input.VersionId = &version
	}
	out, err := c.s3(t).GetObject(t.Context(), input)
	if err != nil {
		t.Fatal(fmt.Errorf("%s %s: %w", key, version, err))
	}
	data, err := io.ReadAll(out.Body)
	if err := out.Body.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}
