package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// unknown is what is in the account, was not there at the start and is in no
// state.
func (k *killing) unknown(t *testing.T) []thing {
	t.Helper()
	known := k.inState(t, baselineKey)
	var found []thing
	for one := range k.things(t) {
		if !k.before[one] && !known[one] {
			found = append(found, one)
		}
	}
	return found
}

// missed wants nothing in the account to be unknown.
func (k *killing) missed(t *testing.T, said string) {
	t.Helper()
	for _, one := range k.unknown(t) {
		t.Errorf("%s %s is in no state and nobody says so:\n%s", one.kind, one.id, said)
	}
}

// orphans wants everything unknown to be on recover's list, and puts it right:
// the first that has a whole command is imported by typing it, the others are
// deleted. It tells how many there were.
func (k *killing) orphans(t *testing.T, said string) int {
	t.Helper()
	unknown := k.unknown(t)
	imported := false
	for _, one := range unknown {
		command, listed := listing(said, one)
		if !listed {
			t.Errorf("recover does not list %s %s:\n%s", one.kind, one.id, said)
		}
		if imported || len(command) == 0 {
			k.remove(t, one)
			continue
		}
		imported = true
		k.take(t, one, command)
	}
	k.tally.orphans += len(unknown)
	return len(unknown)
}

// listing finds a thing in what recover says, and the command that imports it
// when nothing in it is for the reader to fill in.
func listing(text string, one thing) (command []string, listed bool) {
	for line := range strings.Lines(text) {
		_, after, found := strings.Cut(line, "keep it:")
		if !found {
			listed = listed || strings.Contains(line, one.id)
			continue
		}
		words := shellWords(after)
		switch {
		case len(words) < 6:
		case words[5] == one.id && words[4] != "ADDRESS":
			return words[1:], true
		case words[5] == one.id || words[5] == "ID" && strings.HasPrefix(words[4], one.kind+"."):
			listed = true
		}
	}
	return nil, listed
}

// shellWords are the words of a command whose odd ones stand in single quotes.
func shellWords(line string) []string {
	var words []string
	for i, part := range strings.Split(strings.TrimSpace(line), "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

// take imports an orphan by the command that recover gave, and by what that
// command in turn says to type.
func (k *killing) take(t *testing.T, one thing, command []string) {
	t.Helper()
	for range hops {
		code, text := k.enter(t, command)
		if code == 0 {
			if !k.inState(t, baselineKey)[one] {
				t.Errorf("%v went well, but %s %s is not in the state:\n%s", command, one.kind, one.id, text)
			}
			return
		}
		if command = hint(command, text); len(command) == 0 {
			t.Errorf("%s %s cannot be imported: exit %d\n%s", one.kind, one.id, code, text)
			break
		}
	}
	k.remove(t, one)
}

// remove deletes a thing as the owner of the account would.
func (k *killing) remove(t *testing.T, one thing) {
	t.Helper()
	var err error
	switch one.kind {
	case "aws_kms_key":
		_, err = kms.NewFromConfig(k.config(t)).ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: &one.id, PendingWindowInDays: aws.Int32(7)})
	case "aws_kms_alias":
		_, err = kms.NewFromConfig(k.config(t)).DeleteAlias(t.Context(), &kms.DeleteAliasInput{AliasName: &one.id})
	case "aws_s3_bucket":
		err = k.removeBucket(t, one.id)
	case "aws_cloudtrail":
		_, err = cloudtrail.NewFromConfig(k.config(t)).DeleteTrail(t.Context(), &cloudtrail.DeleteTrailInput{Name: &one.id})
	case "aws_cloudwatch_log_group":
		k.ask(t, "logs", "Logs_20140328.DeleteLogGroup", `{"logGroupName":"`+one.id+`"}`, nil)
	case "aws_sns_topic":
		k.ask(t, "sns", "", "Action=DeleteTopic&Version=2010-03-31&TopicArn="+one.id, nil)
	case "aws_iam_policy":
		_, err = iam.NewFromConfig(k.config(t)).DeletePolicy(t.Context(), &iam.DeletePolicyInput{PolicyArn: &one.id})
	case "aws_iam_role":
		err = k.removeRole(t, one.id)
	case "aws_iam_instance_profile":
		_, err = iam.NewFromConfig(k.config(t)).DeleteInstanceProfile(t.Context(), &iam.DeleteInstanceProfileInput{InstanceProfileName: &one.id})
	default:
		t.Fatalf("nobody knows how to delete %v", one)
	}
	// What is gone is deleted: an answer may have been lost, and the request made again.
	var api smithy.APIError
	if err != nil && (!errors.As(err, &api) || api.ErrorCode() != "NoSuchEntity") {
		t.Fatalf("delete %v: %v", one, err)
	}
}

func (k *killing) removeRole(t *testing.T, name string) error {
	t.Helper()
	client := iam.NewFromConfig(k.config(t))
	inline, err := client.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return err
	}
	for _, policy := range inline.PolicyNames {
		if _, err := client.DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: aws.String(policy)}); err != nil {
			return err
		}
	}
	_, err = client.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: &name})
	return err
}

func (k *killing) removeBucket(t *testing.T, name string) error {
	t.Helper()
	versions, err := k.s3(t).ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &name})
	if err != nil {
		return err
	}
	for _, version := range versions.Versions {
		if _, err := k.s3(t).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: version.Key, VersionId: version.VersionId}); err != nil {
			return err
		}
	}
	for _, marker := range versions.DeleteMarkers {
		if _, err := k.s3(t).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: marker.Key, VersionId: marker.VersionId}); err != nil {
			return err
		}
	}
	_, err = k.s3(t).DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &name})
	return err
}
