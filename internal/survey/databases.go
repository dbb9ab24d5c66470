package survey

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"infra/internal/audit"
)

func rdsTag(t types.Tag) (key, value *string) { return t.Key, t.Value }

// databases are those that RDS runs, and their snapshots.
func (s *surveyor) databases(ctx context.Context) error {
	client := rds.NewFromConfig(s.aws)
	pages := rds.NewDescribeDBInstancesPaginator(client, &rds.DescribeDBInstancesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, d := range page.DBInstances {
			one := audit.Database{
				Thing:  audit.Thing{Type: "aws_db_instance", ID: aws.ToString(d.DBInstanceIdentifier), Name: aws.ToString(d.DBInstanceIdentifier)},
				Public: aws.ToBool(d.PubliclyAccessible), Encrypted: aws.ToBool(d.StorageEncrypted), Logs: len(d.EnabledCloudwatchLogsExports) > 0,
			}
			if s.concerns(one.Thing, tagsOf(d.TagList, rdsTag)) {
				s.facts.Databases = append(s.facts.Databases, one)
			}
		}
	}
	var found []audit.Shared
	copies := rds.NewDescribeDBSnapshotsPaginator(client, &rds.DescribeDBSnapshotsInput{SnapshotType: aws.String("manual")})
	for copies.HasMorePages() {
		page, err := copies.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, d := range page.DBSnapshots {
			one := audit.Shared{Thing: audit.Thing{Type: "aws_db_snapshot", ID: aws.ToString(d.DBSnapshotIdentifier)}, Encrypted: aws.ToBool(d.Encrypted)}
			if s.concerns(one.Thing, tagsOf(d.TagList, rdsTag)) {
				found = append(found, one)
			}
		}
	}
	return s.shares(ctx, found, func(ctx context.Context, one *audit.Shared) error {
		given, err := client.DescribeDBSnapshotAttributes(ctx, &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: &one.ID})
		if err != nil || given.DBSnapshotAttributesResult == nil {
			return err
		}
		for _, a := range given.DBSnapshotAttributesResult.DBSnapshotAttributes {
			if aws.ToString(a.AttributeName) != "restore" {
				continue
			}
			for _, who := range a.AttributeValues {
				s.share(one, "", who)
			}
		}
		return nil
	})
}
