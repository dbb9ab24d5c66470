output "kms_key_arns" {
  description = "Keys by what they encrypt: data (volumes, databases, secrets), logs (logs, trail, alerts), backup (the backup bucket)."
  value       = { for purpose, key in aws_kms_key.this : purpose => key.arn }
}

output "backup_bucket" {
  description = "Name of the bucket that holds backups."
  value       = aws_s3_bucket.backup.bucket
}

output "backup_retention_days" {
  description = "Days that backups are kept; those that make backups expire them by it."
  value       = var.baseline.backup_retention_days
}

output "log_bucket" {
  description = "Name of the bucket that holds access logs, the trail and EMR's logs."
  value       = aws_s3_bucket.log.bucket
}

output "alert_topic_arn" {
  description = "SNS topic that every alarm notifies."
  value       = aws_sns_topic.alert.arn
}

output "permission_boundary_arn" {
  description = "Policy that bounds every role of the environment."
  value       = aws_iam_policy.boundary.arn
}

output "plan_role_arn" {
  description = "Role that may read the environment and its states, for plans."
  value       = aws_iam_role.plan.arn
}

output "apply_role_arn" {
  description = "Role that may change the environment, for applies."
  value       = aws_iam_role.apply.arn
}

output "trail_arn" {
  description = "The audit trail; null where the organisation's own trail is used."
  value       = one(aws_cloudtrail.this[*].arn)
}

output "host_policy_arn" {
  description = "Policy that lets a host report its metrics and ship its journal."
  value       = aws_iam_policy.host.arn
}
