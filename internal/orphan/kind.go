package orphan

import "strings"

// kind says how one kind of ARN is called by Terraform and by the AWS CLI.
type kind struct {
	service, prefix string // of the ARN: "ec2", "volume/"
	resource        string // Terraform's type
	id              naming // what `terraform import` wants
	remove          string // words after `aws`, ID stands for the id, ARN for the ARN; empty: not in one command
}

// naming is which part of an ARN is the id.
type naming int

const (
	last  naming = iota // what follows the prefix
	whole               // the ARN
	path                // what follows the prefix, with a slash in front
)

// kinds are the kinds that the products make. The first that fits counts.
func kinds() []kind {
	return []kind{
		{"ec2", "instance/", "aws_instance", last, "ec2 terminate-instances --instance-ids ID"},
		{"ec2", "volume/", "aws_ebs_volume", last, "ec2 delete-volume --volume-id ID"},
		{"ec2", "subnet/", "aws_subnet", last, "ec2 delete-subnet --subnet-id ID"},
		{"ec2", "security-group-rule/", "aws_vpc_security_group_ingress_rule", last, ""},
		{"ec2", "security-group/", "aws_security_group", last, "ec2 delete-security-group --group-id ID"},
		{"ec2", "route-table/", "aws_route_table", last, "ec2 delete-route-table --route-table-id ID"},
		{"ec2", "vpc/", "aws_vpc", last, "ec2 delete-vpc --vpc-id ID"},
		{"ec2", "internet-gateway/", "aws_internet_gateway", last, "ec2 delete-internet-gateway --internet-gateway-id ID"},
		{"ec2", "natgateway/", "aws_nat_gateway", last, "ec2 delete-nat-gateway --nat-gateway-id ID"},
		{"ec2", "vpc-flow-log/", "aws_flow_log", last, "ec2 delete-flow-logs --flow-log-ids ID"},
		{"ec2", "elastic-ip/", "aws_eip", last, "ec2 release-address --allocation-id ID"},
		{"ec2", "vpc-endpoint/", "aws_vpc_endpoint", last, "ec2 delete-vpc-endpoints --vpc-endpoint-ids ID"},
		{"ec2", "key-pair/", "aws_key_pair", last, "ec2 delete-key-pair --key-pair-id ID"},
		{"ec2", "network-interface/", "aws_network_interface", last, "ec2 delete-network-interface --network-interface-id ID"},
		{"kms", "key/", "aws_kms_key", last, "kms schedule-key-deletion --key-id ID"},
		{"kms", "alias/", "aws_kms_alias", path, "kms delete-alias --alias-name ID"},
		{"s3", "", "aws_s3_bucket", last, "s3 rb s3://ID --force"},
		{"logs", "log-group:", "aws_cloudwatch_log_group", last, "logs delete-log-group --log-group-name ID"},
		{"cloudwatch", "alarm:", "aws_cloudwatch_metric_alarm", last, "cloudwatch delete-alarms --alarm-names ID"},
		{"sns", "", "aws_sns_topic", whole, "sns delete-topic --topic-arn ARN"},
		{"secretsmanager", "secret:", "aws_secretsmanager_secret", whole, "secretsmanager delete-secret --secret-id ARN"},
		{"ssm", "parameter/", "aws_ssm_parameter", path, "ssm delete-parameter --name ID"},
		{"iam", "role/", "aws_iam_role", last, "iam delete-role --role-name ID"},
		{"iam", "policy/", "aws_iam_policy", whole, "iam delete-policy --policy-arn ARN"},
		{"iam", "instance-profile/", "aws_iam_instance_profile", last, "iam delete-instance-profile --instance-profile-name ID"},
		{"iam", "oidc-provider/", "aws_iam_openid_connect_provider", whole, "iam delete-open-id-connect-provider --open-id-connect-provider-arn ARN"},
		{"cloudtrail", "trail/", "aws_cloudtrail", whole, "cloudtrail delete-trail --name ARN"},
		{"route53", "hostedzone/", "aws_route53_zone", last, "route53 delete-hosted-zone --id ID"},
		{"elasticmapreduce", "cluster/", "aws_emr_cluster", last, "emr terminate-clusters --cluster-ids ID"},
		{"elasticmapreduce", "security-configuration/", "aws_emr_security_configuration", last, "emr delete-security-configuration --name ID"},
		{"rds", "db:", "aws_db_instance", last, "rds delete-db-instance --db-instance-identifier ID --final-db-snapshot-identifier ID-final"},
		{"rds", "subgrp:", "aws_db_subnet_group", last, "rds delete-db-subnet-group --db-subnet-group-name ID"},
		{"rds", "pg:", "aws_db_parameter_group", last, "rds delete-db-parameter-group --db-parameter-group-name ID"},
		{"rds", "es:", "aws_db_event_subscription", last, "rds delete-event-subscription --subscription-name ID"},
		{"access-analyzer", "analyzer/", "aws_accessanalyzer_analyzer", last, "accessanalyzer delete-analyzer --analyzer-name ID"},
	}
}

// split takes an ARN apart: its service and what stands behind the account.
func split(arn string) (service, rest string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return "", "", false
	}
	return parts[2], bare(parts[5]), true
}

// kindOf finds the kind of an ARN and the id that Terraform would know it by.
func kindOf(arn string) (k kind, id string, ok bool) {
	service, rest, ok := split(arn)
	if !ok {
		return kind{}, "", false
	}
	for _, k := range kinds() {
		name, fits := strings.CutPrefix(rest, k.prefix)
		if k.service != service || !fits || name == "" {
			continue
		}
		switch k.id {
		case whole:
			return k, arn, true
		case path:
			if k.service == "kms" {
				return k, rest, true
			}
			return k, "/" + name, true
		default:
			if k.service == "iam" { // roles and profiles may have a path in front
				name = name[strings.LastIndexByte(name, '/')+1:]
			}
			return k, name, true
		}
	}
	return kind{}, "", false
}

// Region is the one that the resource is in; empty when it is in none, or its
// ARN is not known.
func (r Resource) Region() string {
	if parts := strings.SplitN(r.ARN, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

// FromARN names what an ARN stands for.
func FromARN(arn, name string) Resource {
	r := Resource{ARN: arn, Name: name}
	if k, id, ok := kindOf(arn); ok {
		r.Type, r.ID = k.resource, id
		return r
	}
	if _, rest, ok := split(arn); ok {
		r.ID = rest[strings.LastIndexAny(rest, "/:")+1:]
	}
	return r
}

// Removal is the AWS CLI's command that deletes the resource, as a list of
// words after `aws`; empty when one command does not do.
func (r Resource) Removal() []string {
	k, id, ok := kindOf(r.ARN)
	if !ok || k.remove == "" {
		return nil
	}
	words := strings.Fields(k.remove)
	for i, word := range words {
		if word == "ARN" {
			words[i] = r.ARN
			continue
		}
		words[i] = strings.Replace(word, "ID", id, 1)
	}
	return words
}
