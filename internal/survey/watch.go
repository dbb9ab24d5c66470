package survey

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"infra/internal/account"
	"infra/internal/audit"
)

func (s *surveyor) logs(ctx context.Context) error {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(cloudwatchlogs.NewFromConfig(s.aws), &cloudwatchlogs.DescribeLogGroupsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, g := range page.LogGroups {
			one := audit.LogGroup{
				Thing:     audit.Thing{Type: "aws_cloudwatch_log_group", ID: aws.ToString(g.LogGroupName)},
				Encrypted: aws.ToString(g.KmsKeyId) != "", Forever: g.RetentionInDays == nil,
			}
			if s.concerns(one.Thing, nil) {
				s.facts.Logs = append(s.facts.Logs, one)
			}
		}
	}
	return nil
}

// trails are those of the whole account: whoever made one, it records this
// environment too.
func (s *surveyor) trails(ctx context.Context) error {
	client := cloudtrail.NewFromConfig(s.aws)
	found, err := client.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{})
	if err != nil {
		return err
	}
	for _, t := range found.TrailList {
		status, err := client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: t.TrailARN})
		if err != nil {
			return err
		}
		s.facts.Trails = append(s.facts.Trails, audit.Trail{
			Thing:   audit.Thing{Type: "aws_cloudtrail", ID: aws.ToString(t.TrailARN), Name: aws.ToString(t.Name)},
			Logging: aws.ToBool(status.IsLogging), Everywhere: aws.ToBool(t.IsMultiRegionTrail),
			Validated: aws.ToBool(t.LogFileValidationEnabled), Encrypted: aws.ToString(t.KmsKeyId) != "",
		})
	}
	return nil
}

func (s *surveyor) alarms(ctx context.Context) error {
	// JSON rather than the SDK's own choice, CBOR, which an emulator need not speak.
	client := account.CloudWatch(s.aws)
	pages := cloudwatch.NewDescribeAlarmsPaginator(client, &cloudwatch.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, a := range page.MetricAlarms {
			one := audit.Alarm{
				Thing: audit.Thing{Type: "aws_cloudwatch_metric_alarm", ID: aws.ToString(a.AlarmName)},
				Acts:  aws.ToBool(a.ActionsEnabled) && len(a.AlarmActions) > 0,
			}
			if a.MetricName != nil {
				one.Metrics = append(one.Metrics, metric(a.Namespace, a.MetricName, a.Dimensions))
			}
			for _, q := range a.Metrics {
				if q.MetricStat != nil && q.MetricStat.Metric != nil {
					one.Metrics = append(one.Metrics, metric(q.MetricStat.Metric.Namespace, q.MetricStat.Metric.MetricName, q.MetricStat.Metric.Dimensions))
				}
			}
			if s.concerns(one.Thing, nil) {
				s.facts.Alarms = append(s.facts.Alarms, one)
			}
		}
	}
	return nil
}

func metric(namespace, name *string, dimensions []types.Dimension) audit.Metric {
	m := audit.Metric{Namespace: aws.ToString(namespace), Name: aws.ToString(name), Dimensions: map[string]string{}}
	for _, d := range dimensions {
		m.Dimensions[aws.ToString(d.Name)] = aws.ToString(d.Value)
	}
	return m
}
