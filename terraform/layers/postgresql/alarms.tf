# Metrics of namespace Infra/PostgreSQL are published by the nodes: of the cluster with the
# dimension Cluster, of one node with Cluster and InstanceId.
locals {
  alarms = {
    failover = {
      description = "A node was fenced or promoted"
      metric      = "failovers", statistic = "Sum", operator = "GreaterThanThreshold", threshold = 0, periods = 1, missing = "notBreaching"
    }
    fence-unavailable = {
      description = "A node could not fence the primary if it had to: the rehearsal against the API fails"
      metric      = "fence_rehearsal_failures", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 0, periods = 2, missing = "breaching"
    }
    replay-lag-time = {
      description = "A standby is more than 30 s behind"
      metric      = "replay_lag_seconds", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 30, periods = 3, missing = "breaching"
    }
    replay-lag-bytes = {
      description = "A standby is more than 64 MiB behind"
      metric      = "replay_lag_bytes", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 67108864, periods = 3, missing = "missing"
    }
    standbys = {
      description = "A standby does not stream"
      metric      = "streaming_standbys", statistic = "Minimum", operator = "LessThanThreshold", threshold = var.standbys, periods = 3, missing = "breaching"
    }
    replacement-wanted = {
      description = "A node cannot be made a standby again, neither by rewinding nor by copying: replace its instance"
      metric      = "replacement_wanted", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 0, periods = 1, missing = "notBreaching"
    }
    repmgrd = {
      description = "The failover manager is down or paused on a node"
      metric      = "repmgrd_running", statistic = "Minimum", operator = "LessThanThreshold", threshold = 1, periods = 3, missing = "breaching"
    }
    witness = {
      description = "The witness follows a node that is not the primary"
      metric      = "witness_follows_primary", statistic = "Minimum", operator = "LessThanThreshold", threshold = 1, periods = 3, missing = "breaching"
    }
    slot-wal = {
      description = "A replication slot keeps more than half of the WAL that it may"
      metric      = "slot_wal_percent", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 50, periods = 1, missing = "missing"
    }
    wal-disk = {
      description = "WAL fills more than half of the data volume"
      metric      = "wal_disk_percent", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 50, periods = 1, missing = "missing"
    }
    archive-failures = {
      description = "WAL could not be archived"
      metric      = "archive_failures", statistic = "Sum", operator = "GreaterThanThreshold", threshold = 0, periods = 3, missing = "missing"
    }
    archive-age = {
      description = "No WAL was archived for 5 minutes"
      metric      = "last_archived_age_seconds", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 300, periods = 1, missing = "breaching"
    }
    backup-age = {
      description = "The last backup is older than 26 hours"
      metric      = "backup_age_seconds", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 93600, periods = 5, missing = "breaching"
    }
    backup-failed = {
      description = "The last try to back up failed"
      metric      = "backup_failed", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 0, periods = 1, missing = "missing"
    }
    backup-size = {
      description = "The database is larger than backups of this kind are meant for"
      metric      = "backup_size_bytes", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = var.backup.warn_size_gb * 1073741824, periods = 5, missing = "missing"
    }
    backup-duration = {
      description = "The last full backup took too long"
      metric      = "backup_duration_seconds", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = var.backup.warn_minutes * 60, periods = 5, missing = "missing"
    }
    restore-age = {
      description = "The last verified restore is older than 26 hours"
      metric      = "verified_restore_age_seconds", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 93600, periods = 5, missing = "breaching"
    }
    connections = {
      description = "More than 80% of the connections are used"
      metric      = "connections_percent", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 80, periods = 3, missing = "missing"
    }
    oldest-transaction = {
      description = "A transaction is open for more than 30 minutes"
      metric      = "oldest_transaction_seconds", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 1800, periods = 1, missing = "missing"
    }
    transaction-ids = {
      description = "A database's oldest transaction id is more than a thousand million back"
      metric      = "transaction_id_age", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 1000000000, periods = 1, missing = "missing"
    }
    checksums = {
      description = "A page failed its checksum"
      metric      = "checksum_failures", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 0, periods = 1, missing = "missing"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "cluster" {
  for_each = { for key, alarm in local.alarms : key => alarm if !local.managed }

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.description}. Runbook: infra runbook postgresql/${each.key}"
  namespace           = "Infra/PostgreSQL"
  metric_name         = each.value.metric
  dimensions          = { Cluster = local.cluster }
  statistic           = each.value.statistic
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]
}

# Counted over the nodes' own words, so that two primaries are seen as two.
resource "aws_cloudwatch_metric_alarm" "primaries" {
  count = local.hosts

  alarm_name          = "${local.name}-primaries"
  alarm_description   = "There is no writable primary, or more than one. Runbook: infra runbook postgresql/primaries"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]

  metric_query {
    id          = "deviation"
    label       = "Deviation from one writable primary"
    expression  = "ABS(SUM(METRICS()) - 1)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.data_nodes

    content {
      id = "node${metric_query.key}"

      metric {
        namespace   = "Infra/PostgreSQL"
        metric_name = "writable"
        dimensions  = { Cluster = local.cluster, InstanceId = module.node[metric_query.key].id }
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}
