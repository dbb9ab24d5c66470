package orphan

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Remains is what is left of an environment that was taken away: everything
// that carries its tags, and what has no tags but its name. No state knows it
// any more.
type Remains struct {
	Asked   []Question `json:"asked"`
	Left    []Resource `json:"left"`
	Leaving []Leaving  `json:"leaving"` // AWS deletes it by itself, at its time
}

// Question is what was asked, and how much was found.
type Question struct {
	What    string `json:"what"`
	Found   int    `json:"found"`
	Problem string `json:"problem,omitempty"` // why nobody answered: then nothing is proven
}

// Leaving is something that is to be deleted at a time.
type Leaving struct {
	What string    `json:"what"`
	At   time.Time `json:"at,omitzero"` // zero: AWS did not say
}

// Gone tells whether everything was asked and nothing is left.
func (r Remains) Gone() bool {
	return len(r.Left) == 0 && !slices.ContainsFunc(r.Asked, func(q Question) bool { return q.Problem != "" })
}

// question asks one service for what is left.
type question struct {
	what string
	ask  func(context.Context) ([]Resource, []Leaving, error)
}

// plainly asks for what has no time to leave at.
func plainly(ask func(context.Context) ([]Resource, error)) func(context.Context) ([]Resource, []Leaving, error) {
	return func(ctx context.Context) ([]Resource, []Leaving, error) {
		found, err := ask(ctx)
		return found, nil, err
	}
}

// Belongings are what an environment has had besides what carries its tags.
type Belongings struct {
	Buckets   []string // by name
	Key       string   // description of the key of its states; empty: another environment has it too
	PathStyle bool     // how buckets are addressed, for emulators
}

// Remains asks AWS for everything that is left of the environment.
func (a Account) Remains(ctx context.Context, b Belongings) Remains {
	questions := []question{
		{"instances with the environment's tags (ec2)", plainly(a.machines)},
		{"network interfaces with the environment's tags (ec2)", plainly(a.interfaces)},
		{"buckets by name (s3)", plainly(func(ctx context.Context) ([]Resource, error) { return a.buckets(ctx, b) })},
		{"roles by name (iam)", plainly(func(ctx context.Context) ([]Resource, error) { return a.roles(ctx, nil) })},
		{"instance profiles by name (iam)", plainly(func(ctx context.Context) ([]Resource, error) { return a.profiles(ctx, nil) })},
		{"policies by name (iam)", plainly(a.policies)},
		{"aliases of keys by name (kms)", plainly(func(ctx context.Context) ([]Resource, error) { return a.aliases(ctx, time.Time{}) })},
		{"keys with the environment's tag, and that of its states (kms)", func(ctx context.Context) ([]Resource, []Leaving, error) { return a.keys(ctx, b.Key) }},
		{"secrets with the environment's tag (secretsmanager)", a.secrets},
		{"security configurations by name (emr)", plainly(func(ctx context.Context) ([]Resource, error) { return a.securityConfigurations(ctx, time.Time{}) })},
	}
	for _, region := range a.regions() {
		questions = append(questions, question{
			"everything tagged environment=" + a.Environment + ", managed_by=infra in " + region + " (tagging API)",
			plainly(func(ctx context.Context) ([]Resource, error) { return a.stillTagged(ctx, region) }),
		})
	}
	return answers(ctx, questions)
}

// answers asks all of them side by side. What two of them name is left once.
func answers(ctx context.Context, questions []question) Remains {
	r := Remains{Asked: make([]Question, len(questions)), Left: []Resource{}, Leaving: []Leaving{}}
	found, leaving := make([][]Resource, len(questions)), make([][]Leaving, len(questions))
	var group sync.WaitGroup
	for i, q := range questions {
		group.Go(func() {
			var err error
			found[i], leaving[i], err = q.ask(ctx)
			r.Asked[i] = Question{What: q.what, Found: len(found[i])}
			if err != nil {
				r.Asked[i].Problem = brief(err).Error()
			}
		})
	}
	group.Wait()
	for _, one := range slices.Concat(found...) {
		if !slices.ContainsFunc(r.Left, func(l Resource) bool { return l.ARN == one.ARN }) {
			r.Left = append(r.Left, one)
		}
	}
	r.Leaving = append(r.Leaving, slices.Concat(leaving...)...)
	slices.SortFunc(r.Left, func(a, b Resource) int { return strings.Compare(a.Label(), b.Label()) })
	return r
}

// stillTagged leaves out what the tagging API still lists although it is gone,
// or leaves at its time.
func (a Account) stillTagged(ctx context.Context, region string) ([]Resource, error) {
	all, err := a.tagged(ctx, region, marks{"environment": a.Environment, "managed_by": "infra"})
	if err != nil {
		return nil, err
	}
	left, err := a.present(ctx, all)
	if err != nil {
		return nil, err
	}
	// Secrets are asked for themselves, with their date.
	return slices.DeleteFunc(left, func(r Resource) bool { return r.Type == "aws_secretsmanager_secret" }), nil
}

// ours are the tags of the environment as filters of EC2.
func (a Account) ours() []ec2types.Filter {
	return []ec2types.Filter{
		{Name: aws.String("tag:environment"), Values: []string{a.Environment}}, {Name: aws.String("tag:managed_by"), Values: []string{"infra"}},
	}
}

func (a Account) arn(service, rest string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", a.Partition, service, a.Region, a.Account, rest)
}

// machines are the instances that still run or could, those of EMR among them.
func (a Account) machines(ctx context.Context) ([]Resource, error) {
	var left []Resource
	pages := ec2.NewDescribeInstancesPaginator(ec2.NewFromConfig(a.AWS), &ec2.DescribeInstancesInput{Filters: a.ours()})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the instances: %w", err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if !over(i) {
					left = append(left, FromARN(a.arn("ec2", "instance/"+aws.ToString(i.InstanceId)), ""))
				}
			}
		}
	}
	return left, nil
}

func (a Account) interfaces(ctx context.Context) ([]Resource, error) {
	var left []Resource
	pages := ec2.NewDescribeNetworkInterfacesPaginator(ec2.NewFromConfig(a.AWS), &ec2.DescribeNetworkInterfacesInput{Filters: a.ours()})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the network interfaces: %w", err)
		}
		for _, i := range page.NetworkInterfaces {
			left = append(left, FromARN(a.arn("ec2", "network-interface/"+aws.ToString(i.NetworkInterfaceId)), ""))
		}
	}
	return left, nil
}

// buckets are the environment's by name.
func (a Account) buckets(ctx context.Context, had Belongings) ([]Resource, error) {
	out, err := s3.NewFromConfig(a.AWS, func(o *s3.Options) { o.UsePathStyle = had.PathStyle }).ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return nil, fmt.Errorf("list the buckets: %w", err)
	}
	var left []Resource
	for _, b := range out.Buckets {
		if slices.Contains(had.Buckets, aws.ToString(b.Name)) {
			left = append(left, FromARN("arn:"+a.Partition+":s3:::"+aws.ToString(b.Name), ""))
		}
	}
	return left, nil
}

func (a Account) policies(ctx context.Context) ([]Resource, error) {
	var left []Resource
	pages := iam.NewListPoliciesPaginator(iam.NewFromConfig(a.AWS), &iam.ListPoliciesInput{Scope: iamtypes.PolicyScopeTypeLocal})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the IAM policies: %w", err)
		}
		for _, p := range page.Policies {
			if a.named(aws.ToString(p.PolicyName)) {
				left = append(left, FromARN(aws.ToString(p.Arn), ""))
			}
		}
	}
	return left, nil
}
