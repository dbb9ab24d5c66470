# Metrics of namespace CWAgent come from the CloudWatch agent on the host, those of
# Infra/Host from infra's own probe; both carry the dimension InstanceId.
locals {
  paths = concat(["/"], sort([for volume in values(var.volumes) : volume.path]))

  # Alarms on one metric. missing says what silence means: a host that no longer
  # reports is a host in trouble.
  alarms = {
    status = {
      description = "EC2's checks of the instance or of its hardware fail"
      namespace   = "AWS/EC2", metric = "StatusCheckFailed", statistic = "Maximum"
      operator    = "GreaterThanOrEqualToThreshold", threshold = 1, period = 60, periods = 2, missing = "breaching"
    }
    cpu = {
      description = "The processor is busy above 90% for 15 minutes"
      namespace   = "AWS/EC2", metric = "CPUUtilization", statistic = "Average"
      operator    = "GreaterThanThreshold", threshold = 90, period = 300, periods = 3, missing = "missing"
    }
    io-balance = {
      description = "The burst balance of the instance's volumes' I/O falls below 20%"
      namespace   = "AWS/EC2", metric = "EBSIOBalance%", statistic = "Minimum"
      operator    = "LessThanThreshold", threshold = 20, period = 300, periods = 1, missing = "notBreaching"
    }
    memory = {
      description = "Less than 10% of the memory is available for 5 minutes"
      namespace   = "CWAgent", metric = "mem_available_percent", statistic = "Average"
      operator    = "LessThanThreshold", threshold = 10, period = 60, periods = 5, missing = "breaching"
    }
    swap = {
      description = "More than 5% of the swap space is used"
      namespace   = "CWAgent", metric = "swap_used_percent", statistic = "Average"
      operator    = "GreaterThanThreshold", threshold = 5, period = 300, periods = 1, missing = "notBreaching"
    }
    clock = {
      description = "The clock is off by more than 100 ms"
      namespace   = "Infra/Host", metric = "clock_offset_ms", statistic = "Maximum"
      operator    = "GreaterThanThreshold", threshold = 100, period = 60, periods = 3, missing = "missing"
    }
  }

  # Alarms on the fullest of all mounted paths, so that a host has the same alarms
  # whatever volumes it has.
  path_alarms = {
    disk-warning = {
      description = "A file system is more than 80% full"
      metric      = "disk_used_percent", threshold = 80, missing = "missing"
    }
    disk-critical = {
      description = "A file system is more than 90% full"
      metric      = "disk_used_percent", threshold = 90, missing = "breaching"
    }
    inodes = {
      description = "A file system has used more than 85% of its inodes"
      metric      = "disk_inodes_used_percent", threshold = 85, missing = "missing"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "host" {
  for_each = local.alarms

  alarm_name          = "${local.full_name}-${each.key}"
  alarm_description   = "${var.name}: ${each.value.description}. Runbook: infra runbook host/${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = { InstanceId = aws_instance.this.id }
  statistic           = each.value.statistic
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "path" {
  for_each = local.path_alarms

  alarm_name          = "${local.full_name}-${each.key}"
  alarm_description   = "${var.name}: ${each.value.description} (of ${join(", ", local.paths)}). Runbook: infra runbook host/${each.key}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 1
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]

  metric_query {
    id          = "fullest"
    label       = each.value.metric
    expression  = "MAX(METRICS())"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { for index, path in local.paths : index => path }

    content {
      id = "path${metric_query.key}"

      metric {
        namespace   = startswith(each.key, "inodes") ? "Infra/Host" : "CWAgent"
        metric_name = each.value.metric
        dimensions  = { InstanceId = aws_instance.this.id, path = metric_query.value }
        period      = 300
        stat        = "Maximum"
      }
    }
  }
}
