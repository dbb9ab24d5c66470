package emr

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

const (
	emrMetrics   = "AWS/ElasticMapReduce"
	agentMetrics = "CWAgent"
	lookBack     = 20 * time.Minute // EMR reports every five
	trendBack    = 24 * time.Hour

	minute = 60 // periods, in seconds
	hour   = 3600
)

// query is a metric, how it is read, and where it goes.
type query struct {
	metric types.Metric
	period int32 // seconds
	stat   types.Statistic
	take   func(result types.MetricDataResult)
}

// readHealth asks CloudWatch about a cluster. What it does not know stays nil.
func readHealth(ctx context.Context, client *cloudwatch.Client, clusterID string) *Health {
	h := &Health{MemoryByHour: []float64{}}
	memory, err := primaryMetric(ctx, client, clusterID, "mem_available_percent")
	if err != nil {
		h.Error = gist(err)
		return h
	}
	swap, err := primaryMetric(ctx, client, clusterID, "swap_used_percent")
	if err != nil {
		h.Error = gist(err)
		return h
	}
	into := func(reading **Reading) func(types.MetricDataResult) {
		return func(result types.MetricDataResult) { *reading = readingOf(result) }
	}
	var queries []query
	for _, one := range []struct {
		metric *types.Metric
		into   **Reading
	}{
		{memory, &h.PrimaryMemory},
		{swap, &h.PrimarySwap},
		{clusterMetric(clusterID, "YARNMemoryAvailablePercentage"), &h.YARNMemory},
		{clusterMetric(clusterID, "ContainerPending"), &h.ContainersPending},
		{clusterMetric(clusterID, "MRUnhealthyNodes"), &h.UnhealthyNodes},
		{clusterMetric(clusterID, "MRLostNodes"), &h.LostNodes},
		{clusterMetric(clusterID, "AppsRunning"), &h.AppsRunning},
		{clusterMetric(clusterID, "AppsPending"), &h.AppsPending},
	} {
		if one.metric != nil {
			queries = append(queries, query{*one.metric, minute, types.StatisticMaximum, into(one.into)})
		}
	}
	if memory != nil { // memory is short where it is lowest
		queries[0].stat = types.StatisticMinimum
	}
	if err := ask(ctx, client, lookBack, queries); err != nil {
		h.Error = gist(err)
	}
	if memory == nil {
		return h
	}
	byHour := query{*memory, hour, types.StatisticMinimum, func(result types.MetricDataResult) { h.MemoryByHour = result.Values }}
	if err := ask(ctx, client, trendBack, []query{byHour}); err != nil {
		h.Error = gist(err)
	}
	return h
}

// readApps asks CloudWatch for a cluster's applications alone.
func readApps(ctx context.Context, client *cloudwatch.Client, clusterID string) (running, pending *Reading, err error) {
	err = ask(ctx, client, lookBack, []query{
		{*clusterMetric(clusterID, "AppsRunning"), minute, types.StatisticMaximum, func(r types.MetricDataResult) { running = readingOf(r) }},
		{*clusterMetric(clusterID, "AppsPending"), minute, types.StatisticMaximum, func(r types.MetricDataResult) { pending = readingOf(r) }},
	})
	return running, pending, err
}

func clusterMetric(clusterID, name string) *types.Metric {
	return &types.Metric{
		Namespace: aws.String(emrMetrics), MetricName: &name,
		Dimensions: []types.Dimension{{Name: aws.String("JobFlowId"), Value: &clusterID}},
	}
}

// primaryMetric finds a metric of the agent on the primary node, nil when it
// has reported none lately: nobody knows all its dimensions beforehand.
func primaryMetric(ctx context.Context, client *cloudwatch.Client, clusterID, name string) (*types.Metric, error) {
	pages := cloudwatch.NewListMetricsPaginator(client, &cloudwatch.ListMetricsInput{
		Namespace: aws.String(agentMetrics), MetricName: &name, RecentlyActive: types.RecentlyActivePt3h,
		Dimensions: []types.DimensionFilter{
			{Name: aws.String("cluster.id"), Value: &clusterID},
			{Name: aws.String("node.type"), Value: aws.String("MASTER")},
		},
	})
	var found *types.Metric
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Metrics {
			found = &m
		}
	}
	return found, nil
}

// ask reads metrics of the time until now, in as few requests as there can be.
func ask(ctx context.Context, client *cloudwatch.Client, back time.Duration, queries []query) error {
	end := time.Now().UTC().Truncate(time.Minute).Add(time.Minute)
	in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(end.Add(-back)), EndTime: &end, ScanBy: types.ScanByTimestampAscending}
	for i, q := range queries {
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String(fmt.Sprintf("q%d", i)),
			MetricStat: &types.MetricStat{
				Metric: &q.metric, Period: &q.period, Stat: aws.String(string(q.stat)),
			},
		})
	}
	merged := make([]types.MetricDataResult, len(queries))
	pages := cloudwatch.NewGetMetricDataPaginator(client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, result := range page.MetricDataResults {
			i := slices.IndexFunc(in.MetricDataQueries, func(q types.MetricDataQuery) bool { return *q.Id == aws.ToString(result.Id) })
			if i >= 0 {
				merged[i].Values = append(merged[i].Values, result.Values...)
				merged[i].Timestamps = append(merged[i].Timestamps, result.Timestamps...)
			}
		}
	}
	for i, q := range queries {
		q.take(merged[i])
	}
	return nil
}

// readingOf sums up a metric's values, oldest first; nil when there are none.
func readingOf(result types.MetricDataResult) *Reading {
	n := min(len(result.Values), len(result.Timestamps))
	if n == 0 {
		return nil
	}
	return &Reading{
		Last: result.Values[n-1], Low: slices.Min(result.Values[:n]), High: slices.Max(result.Values[:n]),
		Points: n, At: result.Timestamps[n-1].UTC(),
	}
}
