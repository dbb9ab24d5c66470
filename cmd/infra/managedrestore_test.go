package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	_, err := client.CreateDBInstance(ctx, &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: aws.String("source"), Engine: aws.String("postgres"), EngineVersion: aws.String("15.8"), DBInstanceClass: aws.String("db.m6g.large"),
		AllocatedStorage: aws.Int32(20), MasterUsername: aws.String("infra"), ManageMasterUserPassword: aws.Bool(true), MultiAZ: aws.Bool(true),
		BackupRetentionPeriod: aws.Int32(7), StorageEncrypted: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	wish := postgresql.ManagedRestore{Source: "source", Target: "source-verify", Tags: map[string]string{"infra-throwaway": "verify"}, Every: 10 * time.Millisecond}
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
