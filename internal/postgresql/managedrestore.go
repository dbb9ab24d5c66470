package postgresql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"infra/internal/fault"
)

// How long RDS may take to make an instance from a backup, and to delete one.
const (
	managedRestoreLimit = 2 * time.Hour
	managedDeleteLimit  = 30 * time.Minute
)

// ManagedRestore says what is restored and as what.
type ManagedRestore struct {
	Source, Target string     // identifiers; the target must not exist
	To             *time.Time // nil: the latest that there is
	Tags           map[string]string
	Every          time.Duration // between two looks; 0 means 5 s
}

// ManagedRestored is an instance that was restored.
type ManagedRestored struct {
	Identifier string        `json:"identifier"`
	Address    string        `json:"address"`
	Port       int           `json:"port"`
	SecretARN  string        `json:"secret_arn"`  // of its own password
	RestoredTo time.Time     `json:"restored_to"` // what was asked for, or the latest that there was
	Took       time.Duration `json:"took"`
}

// RestoreManaged makes a new instance beside its source, as it was at a point
// in time: in the same subnets and groups, with a password of its own, in one
// zone, and free to be deleted. progress is told what RDS says of it. Whoever
// calls deletes the instance, also when this fails in the middle.
func RestoreManaged(ctx context.Context, client *rds.Client, o ManagedRestore, progress func(string)) (*ManagedRestored, error) {
	op := "restore " + o.Source
	began := time.Now()
	found, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &o.Source})
	if err == nil && len(found.DBInstances) != 1 {
		err = errors.New("it does not exist")
	}
	if err != nil {
		return nil, fault.New(fault.Failed, op, errors.New(gist(err)), "")
	}
	source := found.DBInstances[0]
	latest := aws.ToTime(source.LatestRestorableTime)
	if err := restorable(source, o.To, began); err != nil {
		return nil, fault.New(fault.Refused, op, err, "choose a time in that range, or leave it out for the latest")
	}
	if _, err := client.RestoreDBInstanceToPointInTime(ctx, restoreInput(source, o)); err != nil {
		return nil, fault.New(fault.Failed, op, errors.New(gist(err)), "")
	}
	instance, err := awaitManaged(ctx, client, o, progress)
	if err != nil {
		return nil, fault.New(fault.Failed, op+" as "+o.Target, err, "")
	}
	restored := &ManagedRestored{Identifier: o.Target, RestoredTo: latest, Took: time.Since(began)}
	if o.To != nil {
		restored.RestoredTo = *o.To
	}
	if instance.Endpoint != nil {
		restored.Address, restored.Port = aws.ToString(instance.Endpoint.Address), int(aws.ToInt32(instance.Endpoint.Port))
	}
	if instance.MasterUserSecret != nil {
		restored.SecretARN = aws.ToString(instance.MasterUserSecret.SecretArn)
	}
	return restored, nil
}

// restorable refuses a point in time that RDS has no backup for. A source that
// does not say how far it goes is left to RDS.
func restorable(source types.DBInstance, to *time.Time, now time.Time) error {
	if to == nil {
		return nil
	}
	if latest := source.LatestRestorableTime; latest != nil && to.After(*latest) {
		return fmt.Errorf("%s is after the latest that can be restored, %s", moment(*to), moment(*latest))
	}
	first := now.AddDate(0, 0, -int(aws.ToInt32(source.BackupRetentionPeriod)))
	if made := source.InstanceCreateTime; made != nil && made.After(first) {
		first = *made
	}
	if to.Before(first) {
		return fmt.Errorf("%s is before the earliest that can be restored, %s", moment(*to), moment(first))
	}
	return nil
}

// restoreInput is the request. What it leaves out RDS takes from its defaults
// and not from the source.
func restoreInput(source types.DBInstance, o ManagedRestore) *rds.RestoreDBInstanceToPointInTimeInput {
	in := &rds.RestoreDBInstanceToPointInTimeInput{
		SourceDBInstanceIdentifier: &o.Source, TargetDBInstanceIdentifier: &o.Target,
		RestoreTime: o.To, UseLatestRestorableTime: aws.Bool(o.To == nil),
		DBInstanceClass: source.DBInstanceClass, StorageType: source.StorageType, CACertificateIdentifier: source.CACertificateIdentifier,
		MultiAZ: aws.Bool(false), PubliclyAccessible: aws.Bool(false), DeletionProtection: aws.Bool(false),
		EnableIAMDatabaseAuthentication: source.IAMDatabaseAuthenticationEnabled, AutoMinorVersionUpgrade: aws.Bool(false),
	}
	if secret := source.MasterUserSecret; secret != nil {
		in.ManageMasterUserPassword, in.MasterUserSecretKmsKeyId = aws.Bool(true), secret.KmsKeyId
	}
	if source.DBSubnetGroup != nil {
		in.DBSubnetGroupName = source.DBSubnetGroup.DBSubnetGroupName
	}
	if len(source.DBParameterGroups) > 0 {
		in.DBParameterGroupName = source.DBParameterGroups[0].DBParameterGroupName
	}
	for _, group := range source.VpcSecurityGroups {
		in.VpcSecurityGroupIds = append(in.VpcSecurityGroupIds, aws.ToString(group.VpcSecurityGroupId))
	}
	for key, value := range o.Tags {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return in
}

// awaitManaged waits until the new instance is available, and tells each state
// on the way.
func awaitManaged(ctx context.Context, client *rds.Client, o ManagedRestore, progress func(string)) (*types.DBInstance, error) {
	deadline := time.Now().Add(managedRestoreLimit)
	told := ""
	for {
		found, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &o.Target})
		if err != nil {
			return nil, errors.New(gist(err))
		}
		instance := found.DBInstances[0]
		state := aws.ToString(instance.DBInstanceStatus)
		if state != told {
			told = state
			progress(o.Target + " is " + state)
		}
		switch state {
		case "available":
			return &instance, nil
		case "failed", "incompatible-restore", "incompatible-parameters", "incompatible-network", "storage-full", "deleting":
			return nil, errors.New("it is " + state)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("it is still %s after %s", state, managedRestoreLimit)
		}
		if err := sleep(ctx, cmp.Or(o.Every, managedEvery)); err != nil {
			return nil, err
		}
	}
}

// ManagedWith are the identifiers of the environment's instances that carry a
// tag, whatever its value when value is empty, and the values.
func ManagedWith(ctx context.Context, client *rds.Client, environment, key, value string) (map[string]string, error) {
	found := map[string]string{}
	pages := rds.NewDescribeDBInstancesPaginator(client, &rds.DescribeDBInstancesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fault.New(fault.Failed, "list the database instances of "+environment, errors.New(gist(err)), "")
		}
		for _, instance := range page.DBInstances {
			tags := map[string]string{}
			for _, tag := range instance.TagList {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			if got, tagged := tags[key]; tagged && tags["environment"] == environment && (value == "" || got == value) {
				found[aws.ToString(instance.DBInstanceIdentifier)] = got
			}
		}
	}
	return found, nil
}

// DeleteManaged removes an instance that was restored, without a last
// snapshot, and waits until it is gone. One that is gone is no error. It asks
// nobody: whoever calls has the identifier from ManagedWith.
func DeleteManaged(ctx context.Context, client *rds.Client, identifier string) error {
	var gone *types.DBInstanceNotFoundFault
	deadline := time.Now().Add(managedDeleteLimit)
	_, err := client.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{
		DBInstanceIdentifier: &identifier, SkipFinalSnapshot: aws.Bool(true), DeleteAutomatedBackups: aws.Bool(true),
	})
	for !errors.As(err, &gone) {
		var busy *types.InvalidDBInstanceStateFault // it is being made, or deleted already
		if err != nil && !errors.As(err, &busy) {
			return fault.New(fault.Failed, "delete "+identifier, errors.New(gist(err)), "")
		}
		if time.Now().After(deadline) {
			return fault.New(fault.Failed, "delete "+identifier, fmt.Errorf("it is not gone after %s", managedDeleteLimit), "")
		}
		if err := sleep(ctx, managedEvery); err != nil {
			return err
		}
		if busy != nil {
			_, err = client.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{
				DBInstanceIdentifier: &identifier, SkipFinalSnapshot: aws.Bool(true), DeleteAutomatedBackups: aws.Bool(true),
			})
			continue
		}
		_, err = client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &identifier})
	}
	return nil
}
