package survey

import (
	"context"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"infra/internal/audit"
)

// people are the roles, users and groups of the account as IAM lists them, with
// the documents of the policies that they refer to.
type people struct {
	roles    []types.RoleDetail
	users    []types.UserDetail
	groups   map[string]types.GroupDetail
	policies map[string]audit.Policy // by ARN
}

func (s *surveyor) identity(ctx context.Context) error {
	client := iam.NewFromConfig(s.aws)
	all, err := listPeople(ctx, client)
	if err != nil {
		return err
	}
	for _, r := range all.roles {
		if err := s.role(ctx, client, all, r); err != nil {
			return err
		}
	}
	for _, u := range all.users {
		if err := s.user(ctx, client, all, u); err != nil {
			return err
		}
	}
	summary, err := client.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	if err != nil {
		return err
	}
	s.facts.RootMFA = summary.SummaryMap[string(types.SummaryKeyTypeAccountMFAEnabled)] > 0
	s.facts.RootKeys = int(summary.SummaryMap[string(types.SummaryKeyTypeAccountAccessKeysPresent)])
	return nil
}

// listPeople asks for everything but AWS' own policies, of which there are more
// than a thousand: those that somebody has are asked for singly.
func listPeople(ctx context.Context, client *iam.Client) (*people, error) {
	all := &people{groups: map[string]types.GroupDetail{}, policies: map[string]audit.Policy{}}
	pages := iam.NewGetAccountAuthorizationDetailsPaginator(client, &iam.GetAccountAuthorizationDetailsInput{
		Filter: []types.EntityType{types.EntityTypeRole, types.EntityTypeUser, types.EntityTypeGroup, types.EntityTypeLocalManagedPolicy},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all.roles = append(all.roles, page.RoleDetailList...)
		all.users = append(all.users, page.UserDetailList...)
		for _, g := range page.GroupDetailList {
			all.groups[aws.ToString(g.GroupName)] = g
		}
		for _, p := range page.Policies {
			for _, v := range p.PolicyVersionList {
				if !v.IsDefaultVersion {
					continue
				}
				if all.policies[aws.ToString(p.Arn)], err = document(v.Document); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}

// document reads a policy, which IAM escapes as a part of an address.
func document(text *string) (audit.Policy, error) {
	plain := aws.ToString(text)
	if !strings.HasPrefix(strings.TrimSpace(plain), "{") {
		var err error
		if plain, err = url.QueryUnescape(plain); err != nil {
			return audit.Policy{}, err
		}
	}
	return audit.ParsePolicy(plain)
}

// policy is a managed policy by its ARN.
func (all *people) policy(ctx context.Context, client *iam.Client, arn string) (audit.Policy, error) {
	if known, ok := all.policies[arn]; ok {
		return known, nil
	}
	found, err := client.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return audit.Policy{}, err
	}
	version, err := client.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: found.Policy.DefaultVersionId})
	if err != nil {
		return audit.Policy{}, err
	}
	all.policies[arn], err = document(version.PolicyVersion.Document)
	return all.policies[arn], err
}

// attached are inline and managed policies together.
func (all *people) attached(ctx context.Context, client *iam.Client, inline []types.PolicyDetail, managed []types.AttachedPolicy, direct bool) ([]audit.Attached, error) {
	var out []audit.Attached
	for _, p := range inline {
		policy, err := document(p.PolicyDocument)
		if err != nil {
			return nil, err
		}
		out = append(out, audit.Attached{Policy: policy, Direct: direct})
	}
	for _, p := range managed {
		policy, err := all.policy(ctx, client, aws.ToString(p.PolicyArn))
		if err != nil {
			return nil, err
		}
		out = append(out, audit.Attached{Policy: policy, Direct: direct})
	}
	return out, nil
}

func (all *people) boundary(ctx context.Context, client *iam.Client, b *types.AttachedPermissionsBoundary) (*audit.Policy, error) {
	if b == nil || aws.ToString(b.PermissionsBoundaryArn) == "" {
		return nil, nil // none is an answer
	}
	policy, err := all.policy(ctx, client, aws.ToString(b.PermissionsBoundaryArn))
	return &policy, err
}

func iamTag(t types.Tag) (key, value *string) { return t.Key, t.Value }

func (s *surveyor) role(ctx context.Context, client *iam.Client, all *people, r types.RoleDetail) error {
	tags := tagsOf(r.Tags, iamTag)
	thing := audit.Thing{Type: "aws_iam_role", ID: aws.ToString(r.RoleName)}
	if !s.concerns(thing, tags) {
		return nil
	}
	p := audit.Principal{
		Thing: thing, Own: s.own(thing, tags), Created: aws.ToTime(r.CreateDate),
		Service: strings.HasPrefix(aws.ToString(r.Path), "/aws-service-role/"),
	}
	if r.RoleLastUsed != nil {
		p.Used = aws.ToTime(r.RoleLastUsed.LastUsedDate)
	}
	var err error
	if p.Trust, err = document(r.AssumeRolePolicyDocument); err != nil {
		return err
	}
	if p.Policies, err = all.attached(ctx, client, r.RolePolicyList, r.AttachedManagedPolicies, true); err != nil {
		return err
	}
	if p.Boundary, err = all.boundary(ctx, client, r.PermissionsBoundary); err != nil {
		return err
	}
	s.facts.Principals = append(s.facts.Principals, p)
	return nil
}

func (s *surveyor) user(ctx context.Context, client *iam.Client, all *people, u types.UserDetail) error {
	tags := tagsOf(u.Tags, iamTag)
	thing := audit.Thing{Type: "aws_iam_user", ID: aws.ToString(u.UserName)}
	if !s.concerns(thing, tags) {
		return nil
	}
	p := audit.Principal{Thing: thing, Own: s.own(thing, tags), Created: aws.ToTime(u.CreateDate)}
	var err error
	if p.Policies, err = all.attached(ctx, client, u.UserPolicyList, u.AttachedManagedPolicies, true); err != nil {
		return err
	}
	for _, name := range u.GroupList {
		g := all.groups[name]
		inherited, err := all.attached(ctx, client, g.GroupPolicyList, g.AttachedManagedPolicies, false)
		if err != nil {
			return err
		}
		p.Policies = append(p.Policies, inherited...)
	}
	if p.Boundary, err = all.boundary(ctx, client, u.PermissionsBoundary); err != nil {
		return err
	}
	if p.Keys, err = accessKeys(ctx, client, u.UserName); err != nil {
		return err
	}
	if p.Console, p.MFA, err = signsIn(ctx, client, u.UserName); err != nil {
		return err
	}
	s.facts.Principals = append(s.facts.Principals, p)
	return nil
}

// signsIn tells whether a user has a password for the console, and whether a
// second factor.
func signsIn(ctx context.Context, client *iam.Client, user *string) (password, second bool, err error) {
	_, err = client.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: user})
	if err != nil && !isError(err, "NoSuchEntity") {
		return false, false, err
	}
	devices, failed := client.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: user}) // the first page says whether there is any
	if failed != nil {
		return false, false, failed
	}
	return err == nil, len(devices.MFADevices) > 0, nil
}

func accessKeys(ctx context.Context, client *iam.Client, user *string) ([]audit.AccessKey, error) {
	var keys []audit.AccessKey
	pages := iam.NewListAccessKeysPaginator(client, &iam.ListAccessKeysInput{UserName: user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, k := range page.AccessKeyMetadata {
			one := audit.AccessKey{ID: aws.ToString(k.AccessKeyId), Active: k.Status == types.StatusTypeActive, Created: aws.ToTime(k.CreateDate)}
			used, err := client.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId})
			if err != nil {
				return nil, err
			}
			if used.AccessKeyLastUsed != nil {
				one.Used = aws.ToTime(used.AccessKeyLastUsed.LastUsedDate)
			}
			keys = append(keys, one)
		}
	}
	return keys, nil
}
