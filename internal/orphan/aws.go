package orphan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/smithy-go"
)

// Account is where to look, and for what.
type Account struct {
	AWS         aws.Config
	Account     string // 12 digits
	Region      string
	Partition   string   // "aws", "aws-cn", "aws-us-gov"
	Environment string   // names in it begin with infra-<environment>
	Others      []string // all environments of the project: their names may begin like this one's
}

// Seen are the resources that exist and that a run has created: what carries
// its tag, and what has no tags but a name of the environment and was made
// since the run began. AWS lists a new resource after seconds, sometimes a
// minute. unheard says which witness could not be asked, and why: what it would
// have told is missing.
func (a Account) Seen(ctx context.Context, run string, since time.Time) (seen []Resource, unheard []error) {
	witnesses := []func(context.Context) ([]Resource, error){
		func(ctx context.Context) ([]Resource, error) { return a.roles(ctx, madeBy(run)) },
		func(ctx context.Context) ([]Resource, error) { return a.profiles(ctx, madeBy(run)) },
		func(ctx context.Context) ([]Resource, error) { return a.aliases(ctx, since) },
		func(ctx context.Context) ([]Resource, error) { return a.securityConfigurations(ctx, since) },
	}
	for _, region := range a.regions() {
		witnesses = append(witnesses, func(ctx context.Context) ([]Resource, error) { return a.tagged(ctx, region, madeBy(run)) })
	}
	found, failed := make([][]Resource, len(witnesses)), make([]error, len(witnesses))
	var group sync.WaitGroup
	for i, witness := range witnesses {
		group.Go(func() { found[i], failed[i] = witness(ctx) })
	}
	group.Wait()
	seen, err := a.present(ctx, slices.Concat(found...))
	for _, err := range append(failed, err) {
		if err != nil {
			unheard = append(unheard, brief(err))
		}
	}
	return seen, unheard
}

// brief leaves out of an error of the SDK which request it was.
func brief(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	what, _, _ := strings.Cut(err.Error(), ": operation error")
	return fmt.Errorf("%s: %s: %s", what, api.ErrorCode(), api.ErrorMessage())
}

// regions are those that list the environment's resources: its own, and the
// one that lists those which have no region.
func (a Account) regions() []string {
	global := map[string]string{"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[a.Partition]
	if global == "" || global == a.Region {
		return []string{a.Region}
	}
	return []string{a.Region, global}
}

// named tells whether a name is one that the products make in the environment:
// infra-<environment>, and what follows a hyphen. The names of infra-prod-eu
// begin with infra-prod too.
func (a Account) named(name string) bool {
	begins := func(environment string) bool {
		own := "infra-" + environment
		return name == own || strings.HasPrefix(name, own+"-")
	}
	return begins(a.Environment) && !slices.ContainsFunc(a.Others, func(other string) bool {
		return len(other) > len(a.Environment) && begins(other)
	})
}

// marks are tags that a resource must have, all of them.
type marks map[string]string

// madeBy is the mark of what a run has made.
func madeBy(run string) marks { return marks{Tag: run} }

// tagged asks AWS for everything with the tags.
func (a Account) tagged(ctx context.Context, region string, m marks) ([]Resource, error) {
	client := resourcegroupstaggingapi.NewFromConfig(a.AWS, func(o *resourcegroupstaggingapi.Options) { o.Region = region })
	in := &resourcegroupstaggingapi.GetResourcesInput{ResourcesPerPage: aws.Int32(100)}
	for key, value := range m {
		in.TagFilters = append(in.TagFilters, tagtypes.TagFilter{Key: aws.String(key), Values: []string{value}})
	}
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(client, in)
	var found []Resource
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list what is tagged %v in %s: %w", m, region, err)
		}
		for _, mapping := range page.ResourceTagMappingList {
			name, made := "", true
			for _, tag := range mapping.Tags {
				switch key := aws.ToString(tag.Key); {
				case key == "Name":
					name = aws.ToString(tag.Value)
				case strings.HasPrefix(key, "aws:elasticmapreduce:"):
					made = false // EMR's own instances and volumes, which go with the cluster
				}
			}
			if made {
				found = append(found, FromARN(aws.ToString(mapping.ResourceARN), name))
			}
		}
	}
	return found, nil
}

// roles are IAM's, which AWS does not list by tag.
func (a Account) roles(ctx context.Context, m marks) ([]Resource, error) {
	client := iam.NewFromConfig(a.AWS)
	var found []Resource
	pages := iam.NewListRolesPaginator(client, &iam.ListRolesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the IAM roles: %w", err)
		}
		for _, role := range page.Roles {
			if !a.named(aws.ToString(role.RoleName)) {
				continue
			}
			whole, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: role.RoleName}) // the list leaves tags out
			if err != nil {
				return nil, fmt.Errorf("read the IAM role %s: %w", aws.ToString(role.RoleName), err)
			}
			if m.carried(whole.Role.Tags) {
				found = append(found, FromARN(aws.ToString(role.Arn), ""))
			}
		}
	}
	return found, nil
}

// profiles are IAM's instance profiles.
func (a Account) profiles(ctx context.Context, m marks) ([]Resource, error) {
	client := iam.NewFromConfig(a.AWS)
	var found []Resource
	pages := iam.NewListInstanceProfilesPaginator(client, &iam.ListInstanceProfilesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the IAM instance profiles: %w", err)
		}
		for _, profile := range page.InstanceProfiles {
			if !a.named(aws.ToString(profile.InstanceProfileName)) {
				continue
			}
			whole, err := client.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: profile.InstanceProfileName})
			if err != nil {
				return nil, fmt.Errorf("read the instance profile %s: %w", aws.ToString(profile.InstanceProfileName), err)
			}
			if m.carried(whole.InstanceProfile.Tags) {
				found = append(found, FromARN(aws.ToString(profile.Arn), ""))
			}
		}
	}
	return found, nil
}

// carried tells whether all of the marks are among the tags.
func (m marks) carried(tags []iamtypes.Tag) bool {
	found := 0
	for _, tag := range tags {
		if value, wanted := m[aws.ToString(tag.Key)]; wanted && value == aws.ToString(tag.Value) {
			found++
		}
	}
	return found == len(m)
}

// aliases of keys have no tags.
func (a Account) aliases(ctx context.Context, since time.Time) ([]Resource, error) {
	var found []Resource
	pages := kms.NewListAliasesPaginator(kms.NewFromConfig(a.AWS), &kms.ListAliasesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the aliases of keys: %w", err)
		}
		for _, alias := range page.Aliases {
			if a.named(strings.TrimPrefix(aws.ToString(alias.AliasName), "alias/")) && younger(alias.CreationDate, since) {
				found = append(found, FromARN(aws.ToString(alias.AliasArn), ""))
			}
		}
	}
	return found, nil
}

// securityConfigurations are EMR's, which have no tags and no ARN: theirs is
// made up, in the form that their kind would have.
func (a Account) securityConfigurations(ctx context.Context, since time.Time) ([]Resource, error) {
	var found []Resource
	pages := emr.NewListSecurityConfigurationsPaginator(emr.NewFromConfig(a.AWS), &emr.ListSecurityConfigurationsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list EMR's security configurations: %w", err)
		}
		for _, c := range page.SecurityConfigurations {
			if a.named(aws.ToString(c.Name)) && younger(c.CreationDateTime, since) {
				found = append(found, FromARN(fmt.Sprintf("arn:%s:elasticmapreduce:%s:%s:security-configuration/%s", a.Partition, a.Region, a.Account, aws.ToString(c.Name)), ""))
			}
		}
	}
	return found, nil
}

// younger tells whether something was made since then; when AWS does not say,
// it may have been. Clocks may differ a little.
func younger(made *time.Time, since time.Time) bool {
	return made == nil || made.After(since.Add(-5*time.Minute))
}
