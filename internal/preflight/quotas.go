package preflight

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
)

// quota is what an account may have of something, what others use of it, and
// what the environment wants.
type quota struct {
	what          string // "VPCs"
	service, code string
	used, wanted  int // by others; now
	most          int // as far as scaling may go; 0: wanted
	unit          string
}

// allowed asks for the account's own value, which is AWS's default where nobody
// has raised it.
func (s Sources) allowed(ctx context.Context, service, code string) (int, error) {
	out, err := servicequotas.NewFromConfig(s.AWS).GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &service, QuotaCode: &code})
	if err != nil {
		return 0, err
	}
	if out.Quota == nil || out.Quota.Value == nil {
		return 0, fmt.Errorf("service-quotas gave no value for %s", code)
	}
	return int(*out.Quota.Value), nil
}

// judge compares a quota with what is wanted.
func (q quota) judge(allowed int) Finding {
	f := Finding{
		Check: "quota: " + q.what, Result: Good,
		Detail: fmt.Sprintf("%d%s allowed, %d used by others, %d wanted", allowed, q.unit, q.used, q.wanted),
	}
	raise := fmt.Sprintf("aws service-quotas request-service-quota-increase --service-code %s --quota-code %s --desired-value ", q.service, q.code)
	switch {
	case q.used+q.wanted > allowed:
		f.Result, f.Mend = Bad, raise+fmt.Sprint(q.used+q.wanted)
	case q.used+q.most > allowed:
		f.Result, f.Mend = Warning, raise+fmt.Sprint(q.used+q.most)
		f.Detail += fmt.Sprintf(", up to %d when the cluster grows", q.most)
	}
	return f
}

// look asks what is allowed and judges it. An API that does not answer is said
// and never a silent pass.
func (s Sources) look(ctx context.Context, q quota) Finding {
	allowed, err := s.allowed(ctx, q.service, q.code)
	if err == nil {
		return q.judge(allowed)
	}
	return Finding{
		"quota: " + q.what, Warning, fmt.Sprintf(notKnown+" (%s); %d%s used by others, %d wanted", gist(err), q.used, q.unit, q.wanted),
		fmt.Sprintf("aws service-quotas get-service-quota --service-code %s --quota-code %s", q.service, q.code),
	}
}

// networkQuotas are those of networks, elastic addresses and NAT gateways.
func (s Sources) networkQuotas(ctx context.Context) []Finding {
	client, n := ec2.NewFromConfig(s.AWS), needsOf(s.Env.Pipeline())
	var found []Finding
	networks, err := client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	if err != nil {
		found = append(found, unknown("quota: VPCs", err)...)
	} else {
		others := slices.DeleteFunc(networks.Vpcs, func(v types.Vpc) bool { return s.own(v.Tags) })
		found = append(found, s.look(ctx, quota{what: "VPCs", service: "vpc", code: "L-F678F1CE", used: len(others), wanted: 1}))
	}
	addresses, err := client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err != nil {
		found = append(found, unknown("quota: elastic addresses", err)...)
	} else {
		others := slices.DeleteFunc(addresses.Addresses, func(a types.Address) bool { return s.own(a.Tags) })
		found = append(found, s.look(ctx, quota{what: "elastic addresses", service: "ec2", code: "L-0263D0A3", used: len(others), wanted: n.Addresses}))
	}
	gateways, err := client.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{
		Filter: []types.Filter{{Name: aws.String("state"), Values: []string{"available", "pending"}}},
	})
	if err != nil {
		return append(found, unknown("quota: NAT gateways", err)...)
	}
	// The quota is of a zone, in which the environment has one at most; the
	// others are taken as if all stood in that one.
	others := slices.DeleteFunc(gateways.NatGateways, func(g types.NatGateway) bool { return s.own(g.Tags) })
	return append(found, s.look(ctx, quota{what: "NAT gateways in a zone", service: "vpc", code: "L-FE5A380F", used: len(others), wanted: min(n.Gateways, 1)}))
}

// machineQuotas are the vCPUs of on-demand instances, family by family.
func (s Sources) machineQuotas(ctx context.Context) []Finding {
	client, n := ec2.NewFromConfig(s.AWS), needsOf(s.Env.Pipeline())
	used, err := s.running(ctx, client)
	if err != nil {
		return unknown("quota: vCPUs", err)
	}
	names := slices.Collect(maps.Keys(used))
	for _, m := range n.Machines {
		names = append(names, m.Type)
	}
	slices.Sort(names)
	sizes, err := vcpus(ctx, client, slices.Compact(names))
	if err != nil {
		return unknown("quota: vCPUs", err)
	}
	quotas, odd := cpuQuotas(n.Machines, used, sizes)
	var found []Finding
	for _, q := range quotas {
		found = append(found, s.look(ctx, q))
	}
	if len(odd) > 0 {
		found = append(found, Finding{"quota: vCPUs", Warning, "which quota counts is not known for " + strings.Join(odd, ", "), "aws service-quotas list-service-quotas --service-code ec2"})
	}
	return found
}

// cpuQuotas adds up vCPUs by family; odd are the types of no known one.
func cpuQuotas(all []machines, used, sizes map[string]int) (quotas []quota, odd []string) {
	byCode := map[string]*quota{}
	for _, m := range all {
		f, known := familyOf(m.Type)
		if !known {
			odd = append(odd, m.Type)
			continue
		}
		if byCode[f.quota] == nil {
			byCode[f.quota] = &quota{what: "on-demand vCPUs, " + f.name, service: "ec2", code: f.quota}
		}
		byCode[f.quota].wanted += m.Start * sizes[m.Type]
		byCode[f.quota].most += m.Most * sizes[m.Type]
	}
	for name, count := range used {
		if f, known := familyOf(name); known && byCode[f.quota] != nil {
			byCode[f.quota].used += count * sizes[name]
		}
	}
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		quotas = append(quotas, *byCode[code])
	}
	slices.Sort(odd)
	return quotas, slices.Compact(odd)
}

// running counts the instances by type that run and are not the environment's.
func (s Sources) running(ctx context.Context, client *ec2.Client) (map[string]int, error) {
	used := map[string]int{}
	pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{
		Filters: []types.Filter{{Name: aws.String("instance-state-name"), Values: []string{"pending", "running"}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if !s.own(i.Tags) && i.InstanceLifecycle == "" { // spot instances have quotas of their own
					used[string(i.InstanceType)]++
				}
			}
		}
	}
	return used, nil
}

// vcpus are how many each type has.
func vcpus(ctx context.Context, client *ec2.Client, names []string) (map[string]int, error) {
	sizes := map[string]int{}
	pages := ec2.NewDescribeInstanceTypesPaginator(client, &ec2.DescribeInstanceTypesInput{
		Filters: []types.Filter{{Name: aws.String("instance-type"), Values: names}}, // one that does not exist is no error
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range page.InstanceTypes {
			if t.VCpuInfo != nil {
				sizes[string(t.InstanceType)] = int(aws.ToInt32(t.VCpuInfo.DefaultVCpus))
			}
		}
	}
	return sizes, nil
}

// volumeQuota is the storage of gp3 volumes, in TiB.
func (s Sources) volumeQuota(ctx context.Context) []Finding {
	const tib = 1024
	used := 0
	pages := ec2.NewDescribeVolumesPaginator(ec2.NewFromConfig(s.AWS), &ec2.DescribeVolumesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unknown("quota: volumes", err)
		}
		for _, v := range page.Volumes {
			if v.VolumeType == types.VolumeTypeGp3 && !s.own(v.Tags) {
				used += int(aws.ToInt32(v.Size))
			}
		}
	}
	up := func(gb int) int { return (gb + tib - 1) / tib }
	return []Finding{s.look(ctx, quota{what: "gp3 volumes", service: "ebs", code: "L-7A658B76", used: up(used), wanted: up(needsOf(s.Env.Pipeline()).VolumesGB), unit: " TiB"})}
}
