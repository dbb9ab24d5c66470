package ssh

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/inventory"
)

// Diagnose asks EC2 why a host may not answer over SSH: the instance's state
// and checks, its security groups, and for a host with a public address the
// route to the internet. It always finds something to say.
func Diagnose(ctx context.Context, client *ec2.Client, host inventory.Host, access Access) ([]string, error) {
	found, err := instances(ctx, client, []string{host.ID})
	if err != nil {
		return nil, err
	}
	instance, exists := found[host.ID]
	if !exists {
		return []string{"the instance does not exist any more: run infra plan"}, nil
	}
	if state := stateOf(instance); state != types.InstanceStateNameRunning {
		return []string{fmt.Sprintf("the instance is %s, not running", state)}, nil
	}
	var findings []string
	checks, err := client.DescribeInstanceStatus(ctx, &ec2.DescribeInstanceStatusInput{InstanceIds: []string{host.ID}})
	if err == nil {
		for _, status := range checks.InstanceStatuses {
			findings = append(findings, checkFindings(status)...)
		}
	}
	if access != SSM {
		groups, err := securityGroups(ctx, client, instance)
		if err == nil && !admitsSSH(groups) {
			findings = append(findings, fmt.Sprintf("security group: none of %s lets TCP port 22 in", groupNames(groups)))
		}
	}
	if host.PublicAddress != "" && access != SSM {
		if reached, err := internetRoute(ctx, client, instance); err == nil && !reached {
			findings = append(findings, fmt.Sprintf("route: subnet %s has no active route to an internet gateway", aws.ToString(instance.SubnetId)))
		}
		findings = append(findings, "is the address you come from among products.pipeline.vpc.bastion_allowed_cidrs?")
	}
	if len(findings) == 0 || host.PublicAddress != "" {
		findings = append(findings, "the instance runs: look at its console for sshd and cloud-init")
	}
	return findings, nil
}

func checkFindings(status types.InstanceStatus) []string {
	var findings []string
	for what, summary := range map[string]*types.InstanceStatusSummary{"system": status.SystemStatus, "instance": status.InstanceStatus} {
		if summary != nil && summary.Status == types.SummaryStatusImpaired {
			findings = append(findings, "its "+what+" status check fails")
		}
	}
	return findings
}

func securityGroups(ctx context.Context, client *ec2.Client, instance types.Instance) ([]types.SecurityGroup, error) {
	ids := make([]string, 0, len(instance.SecurityGroups))
	for _, group := range instance.SecurityGroups {
		ids = append(ids, aws.ToString(group.GroupId))
	}
	if len(ids) == 0 {
		return nil, nil
	}
	output, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: ids})
	if err != nil {
		return nil, err
	}
	return output.SecurityGroups, nil
}

func groupNames(groups []types.SecurityGroup) string {
	if len(groups) == 0 {
		return "its (no) groups"
	}
	names := make([]string, 0, len(groups))
	for _, group := range groups {
		names = append(names, aws.ToString(group.GroupName))
	}
	return strings.Join(names, ", ")
}

// admitsSSH says whether any rule lets TCP port 22 in from anywhere.
func admitsSSH(groups []types.SecurityGroup) bool {
	for _, group := range groups {
		for _, rule := range group.IpPermissions {
			switch aws.ToString(rule.IpProtocol) {
			case "-1":
				return true
			case "tcp", "6":
				if aws.ToInt32(rule.FromPort) <= 22 && aws.ToInt32(rule.ToPort) >= 22 {
					return true
				}
			}
		}
	}
	return false
}

// internetRoute says whether the instance's subnet has an active route to an
// internet gateway, by its own table or by the VPC's main one.
func internetRoute(ctx context.Context, client *ec2.Client, instance types.Instance) (bool, error) {
	for _, filters := range [][]types.Filter{
		{{Name: aws.String("association.subnet-id"), Values: []string{aws.ToString(instance.SubnetId)}}},
		{{Name: aws.String("vpc-id"), Values: []string{aws.ToString(instance.VpcId)}}, {Name: aws.String("association.main"), Values: []string{"true"}}},
	} {
		output, err := client.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: filters})
		if err != nil {
			return false, err
		}
		if len(output.RouteTables) == 0 {
			continue
		}
		for _, table := range output.RouteTables {
			for _, route := range table.Routes {
				if strings.HasPrefix(aws.ToString(route.GatewayId), "igw-") && route.State != types.RouteStateBlackhole {
					return true, nil
				}
			}
		}
		return false, nil
	}
	return false, nil
}
