package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/emr"
)

// zones makes sure that the environment's zones exist and offer the types of
// its machines.
func (s Sources) zones(ctx context.Context) []Finding {
	const check = "zones"
	p := s.Env.Pipeline()
	var wanted []string
	for _, letter := range p.VPC.Zones {
		wanted = append(wanted, s.Env.Region()+letter)
	}
	client := ec2.NewFromConfig(s.AWS)
	zones, err := client.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil {
		return unknown(check, err)
	}
	var there []string
	for _, z := range zones.AvailabilityZones {
		if z.State == types.AvailabilityZoneStateAvailable {
			there = append(there, aws.ToString(z.ZoneName))
		}
	}
	for _, zone := range wanted {
		if !slices.Contains(there, zone) {
			return []Finding{{check, Bad, "the account has no zone " + zone + ", only " + strings.Join(there, ", "), "set products.pipeline.vpc.zones"}}
		}
	}
	offered, err := offers(ctx, client, needsOf(p).Machines)
	if err != nil {
		return unknown(check, err)
	}
	if lacking := notOffered(needsOf(p).Machines, wanted, offered); len(lacking) > 0 {
		return []Finding{{check, Bad, strings.Join(lacking, "; "), "choose another instance_type, or other products.pipeline.vpc.zones"}}
	}
	return []Finding{{Check: check, Result: Good, Detail: strings.Join(wanted, ", ") + " offer every instance type that is wanted there"}}
}

// offers are the zones that offer each type.
func offers(ctx context.Context, client *ec2.Client, all []machines) (map[string][]string, error) {
	var names []string
	for _, m := range all {
		names = append(names, m.Type)
	}
	slices.Sort(names)
	found := map[string][]string{}
	pages := ec2.NewDescribeInstanceTypeOfferingsPaginator(client, &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZone, Filters: []types.Filter{{Name: aws.String("instance-type"), Values: slices.Compact(names)}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.InstanceTypeOfferings {
			found[string(o.InstanceType)] = append(found[string(o.InstanceType)], aws.ToString(o.Location))
		}
	}
	return found, nil
}

// notOffered says which types are missing where. Machines that stand in each
// zone want all of them, others one.
func notOffered(all []machines, zones []string, offered map[string][]string) []string {
	var lacking []string
	for _, m := range all {
		without := slices.DeleteFunc(slices.Clone(zones), func(zone string) bool { return slices.Contains(offered[m.Type], zone) })
		text := fmt.Sprintf("%s is not offered in %s", m.Type, strings.Join(without, ", "))
		if (m.AllZones && len(without) > 0 || len(without) == len(zones)) && !slices.Contains(lacking, text) {
			lacking = append(lacking, text)
		}
	}
	return lacking
}

// release makes sure that the EMR release exists in the region.
func (s Sources) release(ctx context.Context) []Finding {
	const check = "EMR release"
	wanted := s.Env.Pipeline().EMR.Release
	pages := emr.NewListReleaseLabelsPaginator(emr.NewFromConfig(s.AWS), &emr.ListReleaseLabelsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unknown(check, err)
		}
		if slices.Contains(page.ReleaseLabels, wanted) {
			return []Finding{{Check: check, Result: Good, Detail: wanted + " exists in " + s.Env.Region()}}
		}
	}
	return []Finding{{check, Bad, wanted + " does not exist in " + s.Env.Region(), "set products.pipeline.emr.release; aws emr list-release-labels --region " + s.Env.Region()}}
}

// Place is what has to be reached from this machine.
type Place struct {
	Name string
	URL  string
}

// endpoints makes sure that AWS and what is needed beside it answer. Any answer
// will do: it shows that there is a way.
func (s Sources) endpoints(ctx context.Context) []Finding {
	places := slices.Concat(s.services(), s.Reach)
	return reach(ctx, places)
}

// services are the addresses of the AWS services that an installation needs.
func (s Sources) services() []Place {
	if s.Env.Emulated() {
		return []Place{{"the emulator", s.Env.Endpoint()}}
	}
	suffix, global := "amazonaws.com", "iam.amazonaws.com"
	if s.Env.Partition() == "aws-cn" {
		suffix, global = "amazonaws.com.cn", "iam.cn-north-1.amazonaws.com.cn"
	}
	places := []Place{{"iam", "https://" + global}}
	for _, name := range []string{"sts", "s3", "kms", "ec2", "elasticmapreduce", "monitoring", "logs", "sns", "secretsmanager", "ssm", "rds", "tagging"} {
		places = append(places, Place{name, fmt.Sprintf("https://%s.%s.%s", name, s.Env.Region(), suffix)})
	}
	return places
}

// Answers tells whether there is a way from this machine to a place: any answer
// shows it.
func (p Place) Answers(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, p.URL, nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the address, which the place's name stands for
		}
		return err
	}
	return answer.Body.Close()
}

func reach(ctx context.Context, places []Place) []Finding {
	const check = "endpoints"
	failed := make([]string, len(places))
	var group sync.WaitGroup
	for i, p := range places {
		group.Go(func() {
			if err := p.Answers(ctx); err != nil {
				failed[i] = p.Name + " (" + err.Error() + ")"
			}
		})
	}
	group.Wait()
	failed = slices.DeleteFunc(failed, func(text string) bool { return text == "" })
	if len(failed) > 0 {
		return []Finding{{check, Bad, "no way from this machine to " + strings.Join(failed, ", "), "open the way out, or set HTTPS_PROXY"}}
	}
	names := make([]string, 0, len(places))
	for _, p := range places {
		names = append(names, p.Name)
	}
	return []Finding{{Check: check, Result: Good, Detail: "answer from this machine: " + strings.Join(names, ", ")}}
}
