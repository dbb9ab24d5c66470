package main

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	clusters "infra/internal/emr"
	"infra/internal/environment"
)

// TestEMRAdvice reads a cluster's health from the emulator's CloudWatch: first
// as it is made, then with a primary that has been short of memory for as long
// as it is asked about.
func TestEMRAdvice(t *testing.T) {
	c := newCloud(t)
	made, err := emr.NewFromConfig(c.config(t)).RunJobFlow(t.Context(), &emr.RunJobFlowInput{
		Name: aws.String("blue"), ReleaseLabel: aws.String("emr-7.99.0"), ServiceRole: aws.String("service"), JobFlowRole: aws.String("hosts"),
		Instances: &types.JobFlowInstancesConfig{
			KeepJobFlowAliveWhenNoSteps: aws.Bool(true),
			InstanceGroups:              []types.InstanceGroupConfig{{InstanceRole: types.InstanceRoleTypeMaster, InstanceCount: aws.Int32(1), InstanceType: aws.String("m6i.xlarge")}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	sources := clusters.Sources{
		Clients: clusters.NewClients(c.config(t)), Environment: "cloud",
		Output:  clusters.Output{Active: "blue", Clusters: map[string]clusters.OutputCluster{"blue": {ID: *made.JobFlowId}}},
		Colours: clusters.Colours{Colours: environment.Colours{Active: "blue", Clusters: []string{"blue"}}},
	}
	var o *clusters.Overview
	deadline := time.Now().Add(time.Minute)
	for o = clusters.ReadOverview(t.Context(), sources); o.Clusters[0].Health == nil && time.Now().Before(deadline); o = clusters.ReadOverview(t.Context(), sources) {
		time.Sleep(200 * time.Millisecond)
	}
	h := o.Clusters[0].Health
	if h == nil || h.Error != "" || h.PrimaryMemory == nil || h.PrimarySwap == nil || h.YARNMemory == nil || h.LostNodes == nil || o.Advice != clusters.Nothing {
		t.Fatalf("as it is made: %s %v, %+v", o.Advice, o.Reasons, h)
	}
	client := cloudwatch.NewFromConfig(c.config(t), func(o *cloudwatch.Options) {
		o.Protocol, o.DisableRequestCompression = awsjson.New10(schemas.GraniteServiceVersion20100801), true
	})
	listed, err := client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("CWAgent"), MetricName: aws.String("mem_available_percent")})
	if err != nil || len(listed.Metrics) == 0 {
		t.Fatalf("no metric of the agent is known: %v", err)
	}
	var data []cloudwatchtypes.MetricDatum
	for back := range 20 {
		data = append(data, cloudwatchtypes.MetricDatum{
			MetricName: aws.String("mem_available_percent"), Dimensions: listed.Metrics[0].Dimensions, Value: aws.Float64(4),
			Timestamp: aws.Time(time.Now().UTC().Truncate(time.Minute).Add(-time.Duration(back) * time.Minute)),
		})
	}
	if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("CWAgent"), MetricData: data}); err != nil {
		t.Fatal(err)
	}
	o = clusters.ReadOverview(t.Context(), sources)
	if text := strings.Join(o.Reasons, "; "); o.Advice != clusters.Replace || o.Next != "infra emr replace cloud" || !strings.Contains(text, "the primary has had less than 10% of its memory left") {
		t.Errorf("short of memory: %s: %s, %+v", o.Advice, text, o.Clusters[0].Health.PrimaryMemory)
	}
}
