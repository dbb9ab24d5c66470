package services

import (
	"encoding/base64"
	"time"

	"infra/internal/sandbox/emulator"
)

// world is two VPCs of one region: an instance with everything in the first,
// a plain one and a terminated one beside it, and a stranger in the second.
func world() emulator.Snapshot {
	return emulator.Snapshot{
		VPCs: []emulator.VPC{
			{ID: "vpc-a", CIDR: "10.20.0.0/16", Region: "eu-west-1", Account: "123456789012"},
			{ID: "vpc-b", CIDR: "10.30.0.0/16", Region: "eu-west-1", Account: "210987654321"},
		},
		Subnets: []emulator.Subnet{{ID: "subnet-a", VPC: "vpc-a", CIDR: "10.20.1.0/24", Zone: "eu-west-1a"}},
		Instances: []emulator.Instance{
			{
				ID: "i-0aaa", Account: "123456789012", Region: "eu-west-1", VPC: "vpc-a", Subnet: "subnet-a",
				Zone: "eu-west-1a", State: emulator.Running, PrimaryAddress: "10.20.1.10",
				PrivateAddresses: []string{"10.20.1.10", "10.20.1.11"}, MAC: "0A:BB:CC:00:11:22", Image: "ami-1",
				Type: "t3.small", Launched: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC),
				KeyName: "operators", PublicKey: "ssh-ed25519 AAAA me@desk",
				UserData:   base64.StdEncoding.EncodeToString([]byte("#cloud-config\nhostname: zookeeper-1\n")),
				ProfileARN: "arn:aws:iam::123456789012:instance-profile/zk", RoleName: "zk",
				RoleARN:        "arn:aws:iam::123456789012:role/zk",
				SecurityGroups: []string{"sg-1", "sg-2"}, MetadataTags: true,
				Tags: map[string]string{"Name": "zookeeper-1", "a/b": "unservable", "empty": ""},
				Volumes: []emulator.Attachment{
					{ID: "vol-2", Device: "/dev/sdg"}, {ID: "vol-1", Device: "/dev/sdf"}, {ID: "vol-0", Device: "/dev/xvda", Root: true},
				},
			},
			{
				ID: "i-0old", Region: "eu-west-1", VPC: "vpc-a", State: emulator.Terminated,
				PrimaryAddress: "10.20.1.20", PrivateAddresses: []string{"10.20.1.20"},
			},
			{
				ID: "i-0bbb", Region: "eu-west-1", VPC: "vpc-a", State: emulator.Pending, MAC: "0a:bb:cc:00:11:33",
				PrimaryAddress: "10.20.1.30", PrivateAddresses: []string{"10.20.1.30"}, Tags: map[string]string{"Name": "hidden"},
			},
			{
				ID: "i-0ccc", Region: "eu-west-1", VPC: "vpc-b", State: emulator.Running,
				PrimaryAddress: "10.30.1.10", PrivateAddresses: []string{"10.30.1.10"},
			},
		},
		PublicAddresses: []emulator.PublicAddress{
			{Address: "198.19.0.5", Instance: "i-0aaa", PrivateAddress: "10.20.1.10", VPC: "vpc-a"},
			{Address: "198.19.0.6"},
		},
		DNSZones: []emulator.DNSZone{
			{ID: "Z1", Name: "sandbox.internal", VPCs: []string{"vpc-a"}, Records: []emulator.DNSRecord{
				{Name: "sandbox.internal", Type: "MX", TTL: 300, Values: []string{"10 mail.sandbox.internal"}},
				{Name: "zookeeper-1.sandbox.internal", Type: "A", TTL: 30, Values: []string{"10.20.1.10"}},
				{Name: "primary.postgresql.sandbox.internal", Type: "A", TTL: 5, Values: []string{"10.20.1.30", "10.20.1.31"}},
				{Name: "emr.sandbox.internal", Type: "CNAME", TTL: 30, Values: []string{"zookeeper-1.sandbox.internal"}},
				{Name: "broken.sandbox.internal", Type: "CNAME", TTL: 30, Values: []string{"nothing.sandbox.internal."}},
				{Name: "out.sandbox.internal", Type: "CNAME", TTL: 30, Values: []string{"s3.eu-west-1.amazonaws.com"}},
				{Name: "loop.sandbox.internal", Type: "CNAME", TTL: 30, Values: []string{"loop.sandbox.internal"}},
				{Name: `\052.apps.sandbox.internal`, Type: "A", TTL: 30, Values: []string{"10.20.1.99"}},
				{Name: "text.sandbox.internal", Type: "TXT", TTL: 30, Values: []string{`"v=1 two" "three"`}},
				{Name: "bad.sandbox.internal", Type: "A", TTL: 30, Values: []string{"not an address", "10.20.1.7"}},
			}},
			{ID: "Z2", Name: "deep.sandbox.internal", VPCs: []string{"vpc-a"}, Records: []emulator.DNSRecord{
				{Name: "x.deep.sandbox.internal", Type: "A", TTL: 30, Values: []string{"10.20.1.50"}},
			}},
			{ID: "Z3", Name: "secret.internal", VPCs: []string{"vpc-b"}, Records: []emulator.DNSRecord{
				{Name: "db.secret.internal", Type: "A", TTL: 30, Values: []string{"10.30.1.10"}},
			}},
		},
	}
}
