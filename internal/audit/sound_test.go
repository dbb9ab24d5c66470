package audit_test

import (
	"net/netip"
	"testing"
	"time"

	"infra/internal/audit"
)

const (
	ownAccount   = "123456789012"
	otherAccount = "999999999999"
)

func now() time.Time { return time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC) }

func daysAgo(n int) time.Time { return now().AddDate(0, 0, -n) }

func thing(kind, id string) audit.Thing { return audit.Thing{Type: kind, ID: id} }

func policy(t *testing.T, text string) audit.Policy {
	t.Helper()
	p, err := audit.ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ingress(protocol string, from, to int, source string) audit.Ingress {
	return audit.Ingress{Thing: thing("aws_vpc_security_group_ingress_rule", "sgr-2"), Protocol: protocol, From: from, To: to, Ranges: []netip.Prefix{netip.MustParsePrefix(source)}}
}

func acl(id string, standard bool, entries ...audit.Entry) audit.ACL {
	return audit.ACL{Thing: thing("aws_network_acl", id), Default: standard, Entries: entries}
}

func entry(deny bool, protocol string, from, to int, source string) audit.Entry {
	return audit.Entry{Deny: deny, Protocol: protocol, From: from, To: to, Range: netip.MustParsePrefix(source)}
}

const (
	servicesTrust = `{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	tlsOnly       = `{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
	readOne       = `{"Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::one/*"}]}`
	ownerOnly     = `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"*","Resource":"*"}]}`
)

// sound is an environment without a fault: one of everything that rules look at.
func sound(t *testing.T) *audit.Facts {
	t.Helper()
	bounds := policy(t, `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`)
	alarm := func(id, name, dimension, value string) audit.Alarm {
		return audit.Alarm{Thing: thing("aws_cloudwatch_metric_alarm", id), Acts: true, Metrics: []audit.Metric{{Name: name, Dimensions: map[string]string{dimension: value}}}}
	}
	return &audit.Facts{
		Environment: "prod", Account: ownAccount, Now: now(),
		Managed: map[string]audit.Managed{
			"aws_eip eipalloc-1": {Stack: "pipeline/prod", Address: "module.vpc.aws_eip.bastion[0]"},
			"aws_s3_bucket logs": {
				Stack: "baseline/prod", Address: "aws_s3_bucket.log", Place: &audit.Place{File: "terraform/products/baseline/logs.tf", Line: 1},
				Skips: []audit.Skip{{ID: "CKV_AWS_145", Reason: "S3 wants its own key here", Place: audit.Place{File: "terraform/products/baseline/logs.tf", Line: 4}}},
			},
			"aws_security_group sg-1": {Stack: "pipeline/prod", Address: "module.vpc.aws_security_group.bastion[0]", Place: &audit.Place{File: "terraform/layers/vpc/bastion.tf", Line: 50}},
		},
		Watched: []audit.Thing{thing("aws_cloudwatch_metric_alarm", "host")},
		VPC:     audit.VPC{Thing: thing("aws_vpc", "vpc-1"), Ranges: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Peers: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}, Flows: true},
		Groups: []audit.Group{
			{Thing: thing("aws_security_group", "sg-1"), Egress: 2, Ingress: []audit.Ingress{
				{Thing: thing("aws_vpc_security_group_ingress_rule", "sgr-1"), Protocol: "tcp", From: 22, To: 22, Ranges: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}},
				{Thing: thing("aws_vpc_security_group_ingress_rule", "sgr-3"), Protocol: "-1", From: -1, To: -1, Group: "sg-1"},
			}, Members: []audit.Member{{Name: "bastion"}}},
			{Thing: thing("aws_default_security_group", "sg-0"), Default: true},
		},
		RootMFA: true,
		ACLs: []audit.ACL{
			acl("acl-0", true, entry(false, "-1", -1, -1, "0.0.0.0/0")),
			acl("acl-1", false, entry(true, "6", 22, 22, "0.0.0.0/0"), entry(false, "6", 1, 1024, "0.0.0.0/0"), entry(false, "-1", -1, -1, "10.1.0.0/16")),
		},
		Subnets:  []audit.Subnet{{Thing: thing("aws_subnet", "subnet-1")}},
		Hosts:    []audit.Host{{Thing: thing("aws_instance", "i-1"), Layer: "postgresql", Cluster: "prod-postgresql"}},
		Balancer: []audit.Balancer{{Thing: thing("aws_lb", "lb"), Logs: true}},
		Principals: []audit.Principal{
			{Thing: thing("aws_iam_role", "infra-prod-one"), Own: true, Trust: policy(t, servicesTrust), Boundary: &bounds, Created: daysAgo(300), Used: daysAgo(2), Policies: []audit.Attached{{Policy: policy(t, readOne)}}},
			{Thing: thing("aws_iam_user", "ada"), Created: daysAgo(300), Keys: []audit.AccessKey{{ID: "AKIA1", Active: true, Created: daysAgo(80), Used: daysAgo(1)}}, Policies: []audit.Attached{{Policy: policy(t, readOne)}}},
		},
		Buckets: []audit.Bucket{
			{Thing: thing("aws_s3_bucket", "backup"), Policy: policy(t, tlsOnly), Blocked: true, Encryption: "aws:kms", LogsTo: "logs"},
		},
		AccountBlock: true, EncryptByDefault: true, EMRBlocks: true,
		Volumes:   []audit.Volume{{Thing: thing("aws_ebs_volume", "vol-1"), Encrypted: true, Host: "i-1", Layer: "postgresql"}},
		Shared:    []audit.Shared{{Thing: thing("aws_ebs_snapshot", "snap-1"), Encrypted: true}},
		Databases: []audit.Database{{Thing: audit.Thing{Type: "aws_db_instance", ID: "db", Name: "db"}, Encrypted: true, Logs: true}},
		Clusters:  []audit.Cluster{{Thing: thing("aws_emr_cluster", "j-1"), AtRest: true, InTransit: true}},
		Messages:  []audit.Message{{Thing: thing("aws_sns_topic", "arn:alert"), Encrypted: true, Policy: policy(t, ownerOnly)}},
		Keys:      []audit.Key{{Thing: thing("aws_kms_key", "k-1"), Rotates: true, Rotatable: true, Grants: policy(t, ownerOnly)}},
		Logs:      []audit.LogGroup{{Thing: thing("aws_cloudwatch_log_group", "/infra/prod/hosts"), Encrypted: true}},
		Trails:    []audit.Trail{{Thing: thing("aws_cloudtrail", "trail"), Logging: true, Everywhere: true, Validated: true, Encrypted: true}},
		Alarms: []audit.Alarm{
			alarm("host", "StatusCheckFailed", "InstanceId", "i-1"), alarm("disk", "disk_used_percent", "InstanceId", "i-1"),
			alarm("primaries", "writable", "Cluster", "prod-postgresql"), alarm("rds", "FreeStorageSpace", "DBInstanceIdentifier", "db"),
			alarm("emr", "MissingBlocks", "JobFlowId", "j-1"),
		},
	}
}
