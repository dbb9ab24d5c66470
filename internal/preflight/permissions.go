package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	clusters "infra/internal/emr"
)

// call is a request that shows whether the caller may do something.
type call struct {
	action string // as policies name it
	make   func(context.Context) error
}

// calls are a reading call of each service that an installation needs, and dry
// runs of what it makes in EC2: those AWS judges as if they were made (of calls
// that emulators know to be dry runs, too: to a VPC they do not). IAM's own
// simulation is not asked: it needs permissions that an apply role has no use
// for, and does not see what an organisation denies.
func (s Sources) calls() []call {
	cfg := s.AWS
	machines := ec2.NewFromConfig(cfg)
	dry := aws.Bool(true)
	return []call{
		{"s3:ListAllMyBuckets", func(ctx context.Context) error {
			_, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = s.Env.Emulated() }).ListBuckets(ctx, &s3.ListBucketsInput{})
			return err
		}},
		{"kms:ListAliases", func(ctx context.Context) error {
			_, err := kms.NewFromConfig(cfg).ListAliases(ctx, &kms.ListAliasesInput{})
			return err
		}},
		{"iam:ListRoles", func(ctx context.Context) error {
			_, err := iam.NewFromConfig(cfg).ListRoles(ctx, &iam.ListRolesInput{})
			return err
		}},
		{"elasticmapreduce:ListClusters", func(ctx context.Context) error {
			_, err := emr.NewFromConfig(cfg).ListClusters(ctx, &emr.ListClustersInput{})
			return err
		}},
		{"rds:DescribeDBInstances", func(ctx context.Context) error {
			_, err := rds.NewFromConfig(cfg).DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{})
			return err
		}},
		{"cloudwatch:DescribeAlarms", func(ctx context.Context) error {
			_, err := clusters.NewClients(cfg).CloudWatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{})
			return err
		}},
		{"secretsmanager:ListSecrets", func(ctx context.Context) error {
			_, err := secretsmanager.NewFromConfig(cfg).ListSecrets(ctx, &secretsmanager.ListSecretsInput{})
			return err
		}},
		{"ssm:DescribeParameters", func(ctx context.Context) error {
			_, err := ssm.NewFromConfig(cfg).DescribeParameters(ctx, &ssm.DescribeParametersInput{})
			return err
		}},
		{"route53:ListHostedZones", func(ctx context.Context) error {
			_, err := route53.NewFromConfig(cfg).ListHostedZones(ctx, &route53.ListHostedZonesInput{})
			return err
		}},
		{"tag:GetResources", func(ctx context.Context) error {
			_, err := resourcegroupstaggingapi.NewFromConfig(cfg).GetResources(ctx, &resourcegroupstaggingapi.GetResourcesInput{})
			return err
		}},
		{"ec2:AllocateAddress", func(ctx context.Context) error {
			_, err := machines.AllocateAddress(ctx, &ec2.AllocateAddressInput{DryRun: dry})
			return dryRun(err)
		}},
		{"ec2:CreateInternetGateway", func(ctx context.Context) error {
			_, err := machines.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{DryRun: dry})
			return dryRun(err)
		}},
		{"ec2:CreateVolume", func(ctx context.Context) error {
			_, err := machines.CreateVolume(ctx, &ec2.CreateVolumeInput{
				AvailabilityZone: aws.String(s.Env.Region() + s.Env.Pipeline().VPC.Zones[0]), Size: aws.Int32(1), DryRun: dry,
			})
			return dryRun(err)
		}},
	}
}

// dryRun turns the answer to a dry run into that of the real thing: what would
// have been done comes as an error.
func dryRun(err error) error {
	var api smithy.APIError
	switch {
	case err == nil:
		return errors.New("what was to be tried only was done")
	case errors.As(err, &api) && api.ErrorCode() == "DryRunOperation":
		return nil
	}
	return err
}

// permissions makes the calls and says which were denied.
func (s Sources) permissions(ctx context.Context) []Finding {
	const check = "permissions"
	calls := s.calls()
	failed := make([]error, len(calls))
	var group sync.WaitGroup
	for i, c := range calls {
		group.Go(func() { failed[i] = c.make(ctx) })
	}
	group.Wait()
	var denied, unclear []string
	for i, err := range failed {
		switch {
		case err == nil:
		case isDenied(err):
			denied = append(denied, calls[i].action)
		default:
			unclear = append(unclear, calls[i].action+" ("+gist(err)+")")
		}
	}
	slices.Sort(denied)
	var found []Finding
	if len(denied) > 0 {
		found = append(found, Finding{check, Bad, "denied: " + strings.Join(denied, ", "), "give the role what the apply role of terraform/products/baseline has (permissions.tf)"})
	}
	if len(unclear) > 0 {
		found = append(found, Finding{check, Warning, "not known: " + strings.Join(unclear, ", "), "look at what the service says"})
	}
	if len(found) == 0 {
		found = append(found, Finding{Check: check, Result: Good, Detail: fmt.Sprintf("%d calls are allowed: one that reads of each service, dry runs of EC2; what else is made is known when it is", len(calls))})
	}
	return found
}

func isDenied(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	code := api.ErrorCode()
	return strings.HasPrefix(code, "AccessDenied") || code == "UnauthorizedOperation" || code == "AuthorizationError" || code == "Forbidden"
}
