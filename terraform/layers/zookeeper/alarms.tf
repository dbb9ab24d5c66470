# Metrics of namespace Infra/ZooKeeper are published by the servers: of the ensemble with
# the dimension Cluster (by the leader), of one server with Cluster and InstanceId.
locals {
  quorum = floor(var.size / 2) + 1

  ensemble_alarms = {
    quorum = {
      description = "The next server lost stops the ensemble"
      metric      = "voters", statistic = "Minimum", operator = "LessThanOrEqualToThreshold", threshold = local.quorum, missing = "breaching"
    }
    voters = {
      description = "A server is missing from the ensemble"
      metric      = "voters", statistic = "Minimum", operator = "LessThanThreshold", threshold = var.size, missing = "breaching"
    }
    synced-followers = {
      description = "A follower is not in step with the leader"
      metric      = "synced_followers", statistic = "Minimum", operator = "LessThanThreshold", threshold = var.size - 1, missing = "breaching"
    }
    elections = {
      description = "Leaders are elected again and again"
      metric      = "elections", statistic = "Sum", operator = "GreaterThanThreshold", threshold = 2, missing = "notBreaching"
    }
    znodes = {
      description = "The ensemble holds more than a million nodes"
      metric      = "znodes", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 1000000, missing = "notBreaching"
    }
  }

  server_alarms = {
    outstanding = {
      description = "More than 100 requests wait", metric = "outstanding_requests", threshold = 100
    }
    latency = {
      description = "The average latency is above 100 ms", metric = "avg_latency_ms", threshold = 100
    }
    fsync = {
      description = "The 99th percentile of an fsync is above 1 s", metric = "fsync_p99_ms", threshold = 1000
    }
    descriptors = {
      description = "More than 80% of the file descriptors are used", metric = "open_descriptors_percent", threshold = 80
    }
    heap = {
      description = "More than 80% of the heap is used after collection", metric = "heap_used_percent", threshold = 80
    }
  }
}

# A single server has no quorum to lose and no follower to miss.
resource "aws_cloudwatch_metric_alarm" "ensemble" {
  for_each = { for key, alarm in local.ensemble_alarms : key => alarm if var.size > 1 || contains(["elections", "znodes"], key) }

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.description}. Runbook: infra runbook zookeeper/${each.key}"
  namespace           = "Infra/ZooKeeper"
  metric_name         = each.value.metric
  dimensions          = { Cluster = local.cluster }
  statistic           = each.value.statistic
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = 3
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "leader" {
  alarm_name          = "${local.name}-leader"
  alarm_description   = "The ensemble has no leader, or more than one. Runbook: infra runbook zookeeper/leader"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]

  metric_query {
    id          = "deviation"
    label       = "Deviation from one leader"
    expression  = "ABS(leaders - 1)"
    return_data = true
  }

  metric_query {
    id = "leaders"

    metric {
      namespace   = "Infra/ZooKeeper"
      metric_name = "leaders"
      dimensions  = { Cluster = local.cluster }
      period      = 60
      stat        = "Maximum"
    }
  }
}

# The worst server counts; which one it is, its own metrics tell.
resource "aws_cloudwatch_metric_alarm" "server" {
  for_each = local.server_alarms

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.description}, on at least one server. Runbook: infra runbook zookeeper/${each.key}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 3
  treat_missing_data  = "missing"
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]

  metric_query {
    id          = "worst"
    label       = each.value.metric
    expression  = "MAX(METRICS())"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = module.server

    content {
      id = "server${metric_query.key}"

      metric {
        namespace   = "Infra/ZooKeeper"
        metric_name = each.value.metric
        dimensions  = { Cluster = local.cluster, InstanceId = metric_query.value.id }
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}
