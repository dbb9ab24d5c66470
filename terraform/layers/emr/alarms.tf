# EMR reports every 5 minutes; the memory of the primary comes from the CloudWatch agent.
locals {
  alarms = {
    unhealthy-nodes = {
      description = "YARN finds nodes unhealthy"
      metric      = "MRUnhealthyNodes", statistic = "Maximum", threshold = 0, periods = 1, missing = "missing"
    }
    lost-nodes = {
      description = "YARN has lost nodes"
      metric      = "MRLostNodes", statistic = "Maximum", threshold = 0, periods = 1, missing = "missing"
    }
    hdfs = {
      description = "HDFS is more than 80% full"
      metric      = "HDFSUtilization", statistic = "Maximum", threshold = 80, periods = 1, missing = "missing"
    }
    missing-blocks = {
      description = "HDFS misses blocks"
      metric      = "MissingBlocks", statistic = "Maximum", threshold = 0, periods = 1, missing = "missing"
    }
    failed-applications = {
      description = "More than 5 applications failed within 5 minutes"
      metric      = "AppsFailed", statistic = "Maximum", threshold = 5, periods = 1, missing = "notBreaching"
    }
    idle = {
      description = "The cluster has had nothing to do for 30 minutes and still costs"
      metric      = "IsIdle", statistic = "Minimum", threshold = 0, periods = 6, missing = "breaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "cluster" {
  for_each = { for pair in setproduct(keys(local.colours), keys(local.alarms)) : "${pair[0]}-${pair[1]}" => merge(local.alarms[pair[1]], { colour = pair[0], alarm = pair[1] }) }

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.colour}: ${each.value.description}. Runbook: infra runbook emr/${each.value.alarm}"
  namespace           = "AWS/ElasticMapReduce"
  metric_name         = each.value.metric
  dimensions          = { JobFlowId = aws_emr_cluster.this[each.value.colour].id }
  statistic           = each.value.statistic
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]
}

# Little memory alone is a cluster well used; with containers waiting it is a shortage.
resource "aws_cloudwatch_metric_alarm" "yarn_memory" {
  for_each = local.colours

  alarm_name          = "${local.name}-${each.key}-yarn-memory"
  alarm_description   = "${each.key}: less than 15% of YARN's memory is available while containers wait. Runbook: infra runbook emr/yarn-memory"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 3
  treat_missing_data  = "breaching"
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]

  metric_query {
    id          = "shortage"
    label       = "Shortage of YARN's memory"
    expression  = "IF(available < 15 AND pending > 0, 1, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { available = "YARNMemoryAvailablePercentage", pending = "ContainerPending" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/ElasticMapReduce"
        metric_name = metric_query.value
        dimensions  = { JobFlowId = aws_emr_cluster.this[each.key].id }
        period      = 300
        stat        = "Average"
      }
    }
  }
}

# YARN knows of containers only, and the primary runs none: its own memory and swap are
# asked for by what the agent calls them, since nobody knows its instance id beforehand.
locals {
  primary_alarms = {
    primary-memory = {
      description = "less than 10% of the primary node's memory is available for 5 minutes"
      metric      = "mem_available_percent", choose = "MIN", comparison = "LessThanThreshold", threshold = 10, missing = "breaching"
    }
    # A node without swap reports none.
    primary-swap = {
      description = "more than 25% of the primary node's swap is in use for 5 minutes"
      metric      = "swap_used_percent", choose = "MAX", comparison = "GreaterThanThreshold", threshold = 25, missing = "notBreaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "primary" {
  for_each = { for pair in setproduct(keys(local.colours), keys(local.primary_alarms)) : "${pair[0]}-${pair[1]}" => merge(local.primary_alarms[pair[1]], { colour = pair[0], alarm = pair[1] }) }

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.colour}: ${each.value.description}. Runbook: infra runbook emr/${each.value.alarm}"
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = 5
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]

  metric_query {
    id          = "primary"
    label       = "${each.value.metric} of the primary"
    period      = 60
    return_data = true
    expression = trimspace(<<-EOT
      SELECT ${each.value.choose}(${each.value.metric}) FROM SCHEMA(CWAgent, "cluster.id", "instance.id", "node.type", "service.name") WHERE "cluster.id" = '${aws_emr_cluster.this[each.value.colour].id}' AND "node.type" = 'MASTER'
    EOT
    )
  }
}

moved {
  from = aws_cloudwatch_metric_alarm.primary_memory["blue"]
  to   = aws_cloudwatch_metric_alarm.primary["blue-primary-memory"]
}

moved {
  from = aws_cloudwatch_metric_alarm.primary_memory["green"]
  to   = aws_cloudwatch_metric_alarm.primary["green-primary-memory"]
}
