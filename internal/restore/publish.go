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
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"infra/internal/account"
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
// the alarms, and to whom it is to be remembered by. A verification that was
// interrupted says nothing.
func (r *Report) publish(ctx context.Context, p *provision.Platform, cluster string, remember func(context.Context) error) error {
	if len(r.Checks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishLimit)
	defer cancel()
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if _, err := p.Run.Write("verify.json", append(body, '\n')); err != nil {
		return err
	}
	problems := []error{
		Keep(ctx, p, Key(r.Environment, r.Run, "json"), "application/json", body),
		r.measure(ctx, p, cluster),
	}
	if r.Passed {
		problems = append(problems, remember(ctx))
	}
	return errors.Join(problems...)
}

// measure gives the result to the alarms.
func (r *Report) measure(ctx context.Context, p *provision.Platform, cluster string) error {
	client := account.CloudWatch(p.AWS())
	of := []types.Dimension{{Name: aws.String("Cluster"), Value: aws.String(cluster)}}
	passed := 0.0
	if r.Passed {
		passed = 1
	}
	data := []types.MetricDatum{{MetricName: aws.String("verified_restore"), Dimensions: of, Value: aws.Float64(passed), Timestamp: aws.Time(r.EndedAt)}}
	if r.Passed {
		data = append(data, types.MetricDatum{MetricName: aws.String("verified_restore_age_seconds"), Dimensions: of, Value: aws.Float64(0), Timestamp: aws.Time(r.EndedAt), Unit: types.StandardUnitSeconds})
	}
	for name, value := range map[string]*float64{"restore_rto_seconds": r.RTOSeconds, "restore_rpo_seconds": r.RPOSeconds} {
		if value != nil {
			data = append(data, types.MetricDatum{MetricName: aws.String(name), Dimensions: of, Value: value, Timestamp: aws.Time(r.EndedAt), Unit: types.StandardUnitSeconds})
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
