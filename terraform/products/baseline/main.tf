# What must outlive the platform: keys, backups, logs, the audit trail, the way
# alarms reach people, and the roles that work on the environment. One file a subject.

data "aws_partition" "current" {}

locals {
  partition    = data.aws_partition.current.partition
  name         = "infra-${var.environment}"
  account_root = "arn:${local.partition}:iam::${var.account_id}:root"
  state_bucket = coalesce(var.state_bucket, "infra-state-${var.account_id}-${var.region}")

  # Names are given here rather than read back, so that policies can be written
  # (and tested) before the things they speak of exist.
  trail_arn         = "arn:${local.partition}:cloudtrail:${var.region}:${var.account_id}:trail/${local.name}"
  boundary_arn      = "arn:${local.partition}:iam::${var.account_id}:policy/${local.name}-boundary"
  role_arns         = "arn:${local.partition}:iam::${var.account_id}:role/${local.name}-*"
  backup_bucket     = "infra-backup-${var.environment}-${var.account_id}"
  backup_bucket_arn = "arn:${local.partition}:s3:::${local.backup_bucket}"
  log_bucket        = "infra-logs-${var.environment}-${var.account_id}"
  log_bucket_arn    = "arn:${local.partition}:s3:::${local.log_bucket}"

  account_hardening = coalesce(var.baseline.account_hardening, !var.emulated)
}
