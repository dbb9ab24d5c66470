locals {
  nat_alarms = { for pair in setproduct(local.nat_zones, ["ErrorPortAllocation", "PacketsDropCount"]) : "${pair[0]}-${pair[1]}" => {
    zone   = pair[0]
    metric = pair[1]
  } }
}

resource "aws_cloudwatch_metric_alarm" "nat" {
  for_each = local.nat_alarms

  alarm_name          = "${local.name}-nat-${each.key}"
  alarm_description   = "The NAT gateway of zone ${each.value.zone} refuses or drops traffic (${each.value.metric}). Runbook: infra runbook vpc/nat"
  namespace           = "AWS/NATGateway"
  metric_name         = each.value.metric
  dimensions          = { NatGatewayId = aws_nat_gateway.this[each.value.zone].id }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]
}

# What is usual differs from network to network, so the band is learnt.
resource "aws_cloudwatch_metric_alarm" "reject" {
  alarm_name          = "${local.name}-rejected-traffic"
  alarm_description   = "Far more connections than usual are rejected: a scan, or a security group that forbids what it should not. Runbook: infra runbook vpc/rejected-traffic"
  comparison_operator = "GreaterThanUpperThreshold"
  evaluation_periods  = 3
  threshold_metric_id = "usual"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]

  metric_query {
    id          = "usual"
    label       = "Usual number of rejected flows"
    expression  = "ANOMALY_DETECTION_BAND(rejected, 4)"
    return_data = true
  }

  metric_query {
    id          = "rejected"
    return_data = true

    metric {
      namespace   = "Infra/VPC"
      metric_name = aws_cloudwatch_log_metric_filter.reject.metric_transformation[0].name
      period      = 300
      stat        = "Sum"
    }
  }
}
