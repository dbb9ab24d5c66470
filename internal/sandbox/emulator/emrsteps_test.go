package emulator_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	emrtypes "github.com/aws/aws-sdk-go-v2/service/emr/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// working is a cluster of EMR whose steps a test looks at.
type working struct {
	client *emr.Client
	id     *string
}

func newWorking(t *testing.T) working {
	t.Helper()
	p := newPlace(t)
	client := emr.NewFromConfig(config())
	made := must[*emr.RunJobFlowOutput](t)(client.RunJobFlow(t.Context(), &emr.RunJobFlowInput{
		Name: aws.String("blue"), ReleaseLabel: aws.String("emr-7.13.0"), ServiceRole: aws.String("service"), JobFlowRole: aws.String("hosts"),
		Instances: &emrtypes.JobFlowInstancesConfig{
			Ec2SubnetId: &p.subnet, KeepJobFlowAliveWhenNoSteps: aws.Bool(true),
			InstanceGroups: []emrtypes.InstanceGroupConfig{{InstanceRole: emrtypes.InstanceRoleTypeMaster, InstanceCount: aws.Int32(1), InstanceType: aws.String("m6i.xlarge")}},
		},
	}))
	return working{client, made.JobFlowId}
}

func (w working) add(t *testing.T, args ...string) *string {
	t.Helper()
	added := must[*emr.AddJobFlowStepsOutput](t)(w.client.AddJobFlowSteps(t.Context(), &emr.AddJobFlowStepsInput{JobFlowId: w.id, Steps: []emrtypes.StepConfig{{
		Name: aws.String(args[0]), ActionOnFailure: emrtypes.ActionOnFailureContinue,
		HadoopJarStep: &emrtypes.HadoopJarStepConfig{Jar: aws.String("command-runner.jar"), Args: args},
	}}}))
	return &added.StepIds[0]
}

func (w working) step(t *testing.T, id *string) emrtypes.StepState {
	t.Helper()
	return must[*emr.DescribeStepOutput](t)(w.client.DescribeStep(t.Context(), &emr.DescribeStepInput{ClusterId: w.id, StepId: id})).Step.Status.State
}

func (w working) state(t *testing.T) emrtypes.ClusterState {
	t.Helper()
	return must[*emr.DescribeClusterOutput](t)(w.client.DescribeCluster(t.Context(), &emr.DescribeClusterInput{ClusterId: w.id})).Cluster.Status.State
}

func TestCorrection10EMRSteps(t *testing.T) {
	w := newWorking(t)
	objects := s3.NewFromConfig(config(), func(o *s3.Options) { o.UsePathStyle = true })
	must[*s3.CreateBucketOutput](t)(objects.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("emr-steps"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	}))
	must[*s3.PutObjectOutput](t)(objects.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("emr-steps"), Key: aws.String("q"), Body: strings.NewReader(`{"nonce":"n1"}`)}))
	slow, touch := w.add(t, "sleep", "1"), w.add(t, "hdfs", "dfs", "-touchz", "/user/somebody/table/part-0")
	failing := w.add(t, "false")
	sql := w.add(t, "bash", "-c", "{ spark-sql -e 'SELECT nonce FROM json.`s3://emr-steps/q`'; cat /proc/meminfo; } | hdfs dfs -put -f -d - 's3://emr-steps/a'")
	count := w.add(t, "bash", "-c", "hdfs dfs -count '/*' '/user/*' '/user/*/*' | hdfs dfs -put -f -d - 's3://emr-steps/c'")
	if got := w.step(t, slow); got != emrtypes.StepStatePending {
		t.Errorf("before the cluster is up the step is %s", got)
	}
	eventually(t, "the first runs", func() bool { return w.step(t, slow) == emrtypes.StepStateRunning })
	if got := w.step(t, touch); got != emrtypes.StepStatePending {
		t.Errorf("while the first runs, the second is %s", got)
	}
	if got := w.state(t); got != emrtypes.ClusterStateRunning {
		t.Errorf("with steps the cluster is %s", got)
	}
	eventually(t, "the last is done", func() bool { return w.step(t, count) == emrtypes.StepStateCompleted })
	if got := w.step(t, failing); got != emrtypes.StepStateFailed {
		t.Errorf("false is %s", got)
	}
	if w.step(t, sql) != emrtypes.StepStateCompleted || w.state(t) != emrtypes.ClusterStateWaiting {
		t.Errorf("the query is %s, the cluster %s", w.step(t, sql), w.state(t))
	}
	for key, want := range map[string]string{"a": "n1\t500000500000\nMemTotal:", "c": " 1024 /user/somebody/table\n"} {
		got := must[*s3.GetObjectOutput](t)(objects.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("emr-steps"), Key: &key}))
		if text := must[[]byte](t)(io.ReadAll(got.Body)); !strings.Contains(string(text), want) {
			t.Errorf("%s holds:\n%s", key, text)
		}
	}
	running, waiting := w.add(t, "sleep", "60"), w.add(t, "sleep", "60")
	eventually(t, "it runs", func() bool { return w.step(t, running) == emrtypes.StepStateRunning })
	must[*emr.TerminateJobFlowsOutput](t)(w.client.TerminateJobFlows(t.Context(), &emr.TerminateJobFlowsInput{JobFlowIds: []string{*w.id}}))
	if w.step(t, running) != emrtypes.StepStateInterrupted || w.step(t, waiting) != emrtypes.StepStateCancelled {
		t.Errorf("the steps of an ended cluster are %s and %s", w.step(t, running), w.step(t, waiting))
	}
	_, err := w.client.AddJobFlowSteps(t.Context(), &emr.AddJobFlowStepsInput{JobFlowId: w.id, Steps: []emrtypes.StepConfig{{
		Name: aws.String("late"), HadoopJarStep: &emrtypes.HadoopJarStepConfig{Jar: aws.String("command-runner.jar")},
	}}})
	if err == nil || !strings.Contains(err.Error(), "may not be modified") {
		t.Errorf("an ended cluster takes a step: %v", err)
	}
}

func TestCorrection10EMRMetrics(t *testing.T) {
	w := newWorking(t)
	eventually(t, "it waits", func() bool { return w.state(t) == emrtypes.ClusterStateWaiting })
	client := cloudwatch.NewFromConfig(config(), func(o *cloudwatch.Options) { o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801) })
	listed := must[*cloudwatch.ListMetricsOutput](t)(client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{
		Namespace: aws.String("CWAgent"), MetricName: aws.String("mem_available_percent"),
		Dimensions: []cloudwatchtypes.DimensionFilter{{Name: aws.String("cluster.id"), Value: w.id}},
	}))
	if len(listed.Metrics) != 1 {
		t.Fatalf("the agent reports %+v", listed.Metrics)
	}
	now := time.Now().UTC().Truncate(time.Minute)
	query := func(id string, metric cloudwatchtypes.Metric) cloudwatchtypes.MetricDataQuery {
		return cloudwatchtypes.MetricDataQuery{Id: &id, MetricStat: &cloudwatchtypes.MetricStat{Metric: &metric, Period: aws.Int32(60), Stat: aws.String("Minimum")}}
	}
	got := must[*cloudwatch.GetMetricDataOutput](t)(client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(now.Add(-10 * time.Minute)), EndTime: aws.Time(now.Add(time.Minute)),
		MetricDataQueries: []cloudwatchtypes.MetricDataQuery{
			query("memory", listed.Metrics[0]),
			query("apps", cloudwatchtypes.Metric{
				Namespace: aws.String("AWS/ElasticMapReduce"), MetricName: aws.String("AppsRunning"),
				Dimensions: []cloudwatchtypes.Dimension{{Name: aws.String("JobFlowId"), Value: w.id}},
			}),
		},
	}))
	for _, series := range got.MetricDataResults {
		if len(series.Values) == 0 || time.Since(series.Timestamps[len(series.Timestamps)-1]) > 2*time.Minute {
			t.Errorf("%s: %v at %v", aws.ToString(series.Id), series.Values, series.Timestamps)
		}
	}
}
