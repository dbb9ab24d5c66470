package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"infra/internal/fault"
	"infra/internal/postgresql"
)

// TestManagedRestore restores an instance of the emulator's RDS to a point in
// time, as an instance of its own, and removes it again.
func TestManagedRestore(t *testing.T) {
	c := newCloud(t)
	client := rds.NewFromConfig(c.config(t))
	ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
	defer cancel()
	network := c.databaseNetwork(ctx, t, client)
	_, err := client.CreateDBInstance(ctx, &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: aws.String("source"), Engine: aws.String("postgres"), EngineVersion: aws.String("15.8"), DBInstanceClass: aws.String("db.m6g.large"),
		AllocatedStorage: aws.Int32(20), MasterUsername: aws.String("infra"), ManageMasterUserPassword: aws.Bool(true), MultiAZ: aws.Bool(true),
		BackupRetentionPeriod: aws.Int32(7), StorageEncrypted: aws.Bool(true),
		DBSubnetGroupName: aws.String("source"), DBParameterGroupName: aws.String("source"), VpcSecurityGroupIds: []string{network},
		DeletionProtection: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	wish := postgresql.ManagedRestore{Source: "source", Target: "source-verify", Tags: map[string]string{"infra-throwaway": "verify", "environment": "cloud"}, Every: 10 * time.Millisecond}
	early := time.Now().AddDate(0, -1, 0)
	refused := wish
	refused.To = &early
	if _, err := postgresql.RestoreManaged(ctx, client, refused, func(string) {}); fault.CodeOf(err) != fault.Refused {
		t.Errorf("a moment before every backup: %v", err)
	}
	var told []string
	restored, err := postgresql.RestoreManaged(ctx, client, wish, func(state string) { told = append(told, state) })
	if err != nil {
		t.Fatal(err)
	}
	if restored.Identifier != "source-verify" || restored.Address == "" || restored.Port != 5432 || !slices.Contains(told, "source-verify is available") {
		t.Errorf("got %+v, told %v", restored, told)
	}
	found, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("source-verify")})
	if err != nil {
		t.Fatal(err)
	}
	if got := found.DBInstances[0]; aws.ToBool(got.DeletionProtection) || aws.ToString(got.DBInstanceClass) != "db.m6g.large" {
		t.Errorf("got %+v", got)
	}
	if got := found.DBInstances[0]; got.DBSubnetGroup == nil || len(got.DBParameterGroups) != 1 || aws.ToString(got.DBParameterGroups[0].DBParameterGroupName) != "source" {
		t.Errorf("it is in another network or has other settings: %+v", got)
	}
	kept, err := postgresql.ManagedWith(ctx, client, "cloud", "infra-throwaway", "verify")
	if err != nil || len(kept) != 1 || kept["source-verify"] != "verify" {
		t.Errorf("by its tag: %v, %v", kept, err)
	}
	for environment, value := range map[string]string{"another": "", "cloud": "another"} {
		if kept, err := postgresql.ManagedWith(ctx, client, environment, "infra-throwaway", value); err != nil || len(kept) > 0 {
			t.Errorf("%s %s: %v, %v", environment, value, kept, err)
		}
	}
	for range 2 { // the second time there is nothing left to delete
		if err := postgresql.DeleteManaged(ctx, client, "source-verify"); err != nil {
			t.Fatal(err)
		}
	}
	s := postgresql.ReadManaged(ctx, client, postgresql.Output{Identifier: aws.String("source")})
	if !s.Serving || s.Managed.State != "available" {
		t.Errorf("the source suffered: %+v", s)
	}
}

// databaseNetwork makes what an instance of RDS stands in, and returns its
// security group.
func (c *cloud) databaseNetwork(ctx context.Context, t *testing.T, client *rds.Client) string {
	t.Helper()
	machines := ec2.NewFromConfig(c.config(t))
	vpc, err := machines.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.99.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	var subnets []string
	for zone, cidr := range map[string]string{"eu-west-1a": "10.99.1.0/24", "eu-west-1b": "10.99.2.0/24"} {
		made, err := machines.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: &cidr, AvailabilityZone: &zone})
		if err != nil {
			t.Fatal(err)
		}
		subnets = append(subnets, aws.ToString(made.Subnet.SubnetId))
	}
	group, err := machines.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: vpc.Vpc.VpcId, GroupName: aws.String("database"), Description: aws.String("of the database")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateDBSubnetGroup(ctx, &rds.CreateDBSubnetGroupInput{DBSubnetGroupName: aws.String("source"), DBSubnetGroupDescription: aws.String("of the database"), SubnetIds: subnets})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateDBParameterGroup(ctx, &rds.CreateDBParameterGroupInput{DBParameterGroupName: aws.String("source"), DBParameterGroupFamily: aws.String("postgres15"), Description: aws.String("of the database")})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(group.GroupId)
}
