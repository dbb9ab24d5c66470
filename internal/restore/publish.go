package restore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"infra/internal/provision"
)

// publishLimit bounds how long it may take to make a result known.
const publishLimit = 2 * time.Minute

// Key is where a document of a verification is kept in the state bucket. Names
// sort by time.
func Key(environment, run, kind string) string {
	return "verify/" + environment + "/" + run + "." + kind
}

// Keep puts a document into the state bucket.
func Keep(ctx context.Context, p *provision.Platform, key, kind string, body []byte) error {
	client := s3.NewFromConfig(p.AWS(), func(o *s3.Options) { o.UsePathStyle = p.Env.Emulated() })
	_, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(p.Bucket().Name), ExpectedBucketOwner: aws.String(p.Env.Account()), Key: aws.String(key), ContentType: aws.String(kind), Body: bytes.NewReader(body),
		ServerSideEncryption: s3types.ServerSideEncryptionAwsKms, SSEKMSKeyId: aws.String(p.Bucket().KeyARN()),
	})
	if err != nil {
		return fmt.Errorf("keep %s in the state bucket: %w", key, err)
	}
	return nil
}

// publish makes the result known: to the next reader of the state bucket, to
// the alarms, and to the primary, whose agent reports the age of the last
// restore that passed. A verification that was interrupted says nothing.
func (v *verification) publish(ctx context.Context) error {
	if len(v.report.Checks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, publishLimit)
	defer cancel()
	body, err := json.MarshalIndent(v.report, "", "  ")
	if err != nil {
		return err
	}
	if _, err := v.platform.Run.Write("verify.json", append(body, '\n')); err != nil {
		return err
	}
	problems := []error{
		Keep(ctx, v.platform, Key(v.report.Environment, v.report.Run, "json"), "application/json", body),
		v.measure(ctx),
	}
	if v.report.Passed {
		problems = append(problems, v.remember(ctx))
	}
	return errors.Join(problems...)
}

// measure gives the result to the alarms.
func (v *verification) measure(ctx context.Context) error {
	client := cloudwatch.NewFromConfig(v.platform.AWS(), func(o *cloudwatch.Options) { o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801) })
	of := []types.Dimension{{Name: aws.String("Cluster"), Value: aws.String(v.cluster)}}
	passed := 0.0
	if v.report.Passed {
		passed = 1
	}
	data := []types.MetricDatum{{MetricName: aws.String("verified_restore"), Dimensions: of, Value: aws.Float64(passed), Timestamp: aws.Time(v.report.EndedAt)}}
	if v.report.Passed {
		data = append(data, types.MetricDatum{MetricName: aws.String("verified_restore_age_seconds"), Dimensions: of, Value: aws.Float64(0), Timestamp: aws.Time(v.report.EndedAt), Unit: types.StandardUnitSeconds})
	}
	for name, value := range map[string]*float64{"restore_rto_seconds": v.report.RTOSeconds, "restore_rpo_seconds": v.report.RPOSeconds} {
		if value != nil {
			data = append(data, types.MetricDatum{MetricName: aws.String(name), Dimensions: of, Value: value, Timestamp: aws.Time(v.report.EndedAt), Unit: types.StandardUnitSeconds})
		}
	}
	if _, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("Infra/PostgreSQL"), MetricData: data}); err != nil {
		return fmt.Errorf("report the verified restore as a metric: %w", err)
	}
	return nil
}

// remember tells the primary, whose agent measures the age of it each minute.
// The values are infra's own: an id, times and numbers.
func (v *verification) remember(ctx context.Context) error {
	primary, err := v.primary(ctx)
	if err != nil {
		return fmt.Errorf("tell the primary of the verified restore: %w", err)
	}
	number := func(value *float64) string {
		if value == nil {
			return "NULL"
		}
		return fmt.Sprintf("%.3f", *value)
	}
	_, err = primary.query(ctx, "repmgr", fmt.Sprintf(
		"INSERT INTO infra.verification (run, at, backup, rto_seconds, rpo_seconds) VALUES ('%s', '%s', '%s', %s, %s) ON CONFLICT DO NOTHING",
		v.report.Run, v.report.EndedAt.Format(time.RFC3339Nano), v.report.Backup, number(v.report.RTOSeconds), number(v.report.RPOSeconds)))
	if err != nil {
		return fmt.Errorf("tell the primary of the verified restore: %w", err)
	}
	return nil
}
