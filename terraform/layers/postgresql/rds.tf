# The managed alternative: the same place in the network, the same group, one standby in
# another zone that AWS fails over to. Nothing here exists unless engine is rds.
locals {
  rds         = local.managed ? 1 : 0
  rds_exports = ["postgresql", "upgrade"]
}

resource "aws_db_subnet_group" "this" {
  count = local.rds

  name        = local.name
  description = "Database subnets of ${var.environment}"
  subnet_ids  = [for subnet in var.network.database_subnets : subnet.id]
}

resource "aws_db_parameter_group" "this" {
  count = local.rds

  name        = "${local.name}-${var.engine_version}"
  description = "PostgreSQL ${var.engine_version} of ${var.environment}"
  family      = "postgres${var.engine_version}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  parameter {
    name  = "log_statement"
    value = "ddl"
  }
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Made here rather than by RDS, which would keep them for ever and unencrypted.
resource "aws_cloudwatch_log_group" "rds" {
  for_each = local.managed ? toset(local.rds_exports) : []

  name              = "/aws/rds/instance/${local.name}/${each.key}"
  retention_in_days = 365
  kms_key_id        = var.baseline.kms_key_arns["logs"]
}

resource "aws_db_instance" "this" {
  count = local.rds

  identifier         = local.name
  engine             = "postgres"
  engine_version     = var.engine_version
  instance_class     = var.rds.instance_class
  db_name            = "postgres"
  multi_az           = true
  port               = local.port
  ca_cert_identifier = "rds-ca-rsa2048-g1"

  storage_type          = "gp3"
  allocated_storage     = var.rds.allocated_gb
  max_allocated_storage = var.rds.allocated_gb * 2
  storage_encrypted     = true
  kms_key_id            = var.baseline.kms_key_arns["data"]

  db_subnet_group_name   = aws_db_subnet_group.this[0].name
  vpc_security_group_ids = [aws_security_group.this.id]
  parameter_group_name   = aws_db_parameter_group.this[0].name
  publicly_accessible    = false

  # RDS makes, keeps and rotates the password; nobody else ever holds it.
  username                            = "infra"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = var.baseline.kms_key_arns["data"]
  iam_database_authentication_enabled = true

  backup_retention_period    = 7
  backup_window              = "02:00-03:00"
  maintenance_window         = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot      = true
  delete_automated_backups   = !var.deletion_protection
  auto_minor_version_upgrade = true
  deletion_protection        = var.deletion_protection
  skip_final_snapshot        = !var.deletion_protection
  final_snapshot_identifier  = "${local.name}-final"

  performance_insights_enabled    = true
  performance_insights_kms_key_id = var.baseline.kms_key_arns["data"]
  monitoring_interval             = 60
  monitoring_role_arn             = aws_iam_role.monitoring[0].arn
  enabled_cloudwatch_logs_exports = local.rds_exports

  # AWS moves minor versions on; only a change of the major one is ours.
  lifecycle {
    ignore_changes = [engine_version]
  }

  depends_on = [aws_cloudwatch_log_group.rds, aws_iam_role_policy_attachment.monitoring]
}

resource "aws_iam_role" "monitoring" {
  count = local.rds

  name                 = "${local.name}-monitoring"
  description          = "Enhanced monitoring of the managed database"
  permissions_boundary = var.baseline.permission_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  count = local.rds

  role       = aws_iam_role.monitoring[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_event_subscription" "this" {
  count = local.rds

  name             = local.name
  sns_topic        = var.baseline.alert_topic_arn
  source_type      = "db-instance"
  source_ids       = [aws_db_instance.this[0].identifier]
  event_categories = ["availability", "deletion", "failover", "failure", "low storage", "maintenance", "recovery"]
}

locals {
  rds_alarms = {
    cpu = {
      description = "The processor is busy above 90% for 15 minutes"
      metric      = "CPUUtilization", statistic = "Average", operator = "GreaterThanThreshold", threshold = 90, missing = "breaching"
    }
    memory = {
      description = "Less than 256 MiB of memory is free"
      metric      = "FreeableMemory", statistic = "Minimum", operator = "LessThanThreshold", threshold = 268435456, missing = "breaching"
    }
    swap = {
      description = "More than 256 MiB of swap space is used"
      metric      = "SwapUsage", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 268435456, missing = "missing"
    }
    disk = {
      description = "Less than 10% of the storage is free"
      metric      = "FreeStorageSpace", statistic = "Minimum", operator = "LessThanThreshold", threshold = var.rds.allocated_gb * 107374182, missing = "breaching"
    }
    queue = {
      description = "More than 64 requests wait for the disk"
      metric      = "DiskQueueDepth", statistic = "Average", operator = "GreaterThanThreshold", threshold = 64, missing = "missing"
    }
    wal = {
      description = "A replication slot keeps more than 10 GiB of WAL"
      metric      = "TransactionLogsDiskUsage", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 10737418240, missing = "missing"
    }
    transaction-ids = {
      description = "The oldest transaction id is more than a thousand million back"
      metric      = "MaximumUsedTransactionIDs", statistic = "Maximum", operator = "GreaterThanThreshold", threshold = 1000000000, missing = "missing"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "rds" {
  for_each = local.managed ? local.rds_alarms : {}

  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = "${each.value.description}. Runbook: infra runbook rds/${each.key}"
  namespace           = "AWS/RDS"
  metric_name         = each.value.metric
  dimensions          = { DBInstanceIdentifier = aws_db_instance.this[0].identifier }
  statistic           = each.value.statistic
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = each.value.missing
  alarm_actions       = [var.baseline.alert_topic_arn]
  ok_actions          = [var.baseline.alert_topic_arn]
}
