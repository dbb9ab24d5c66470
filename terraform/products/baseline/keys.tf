locals {
  # The account's own IAM policies decide who uses a key.
  account_statement = {
    Sid       = "AccountDecides"
    Effect    = "Allow"
    Principal = { AWS = local.account_root }
    Action    = "kms:*"
    Resource  = "*"
  }

  keys = {
    data = {
      description = "Volumes, databases and secrets of ${var.environment}"
      statements  = []
    }
    backup = {
      description = "Backups of ${var.environment}"
      statements  = []
    }
    logs = {
      description = "Logs, audit trail and alerts of ${var.environment}"
      statements = [
        {
          Sid       = "LogGroups"
          Effect    = "Allow"
          Principal = { Service = "logs.${var.region}.amazonaws.com" }
          Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
          Resource  = "*"
          Condition = { ArnLike = {
            "kms:EncryptionContext:aws:logs:arn" = [
              "arn:${local.partition}:logs:${var.region}:${var.account_id}:log-group:/infra/${var.environment}/*",
              "arn:${local.partition}:logs:${var.region}:${var.account_id}:log-group:/aws/rds/instance/${local.name}-*",
            ]
          } }
        },
        {
          Sid       = "Trail"
          Effect    = "Allow"
          Principal = { Service = "cloudtrail.amazonaws.com" }
          Action    = ["kms:GenerateDataKey*", "kms:DescribeKey"]
          Resource  = "*"
          Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
        },
        {
          Sid       = "Alerts"
          Effect    = "Allow"
          Principal = { Service = ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"] }
          Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
          Resource  = "*"
          Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
        },
      ]
    }
  }
}

resource "aws_kms_key" "this" {
  for_each = local.keys

  description             = each.value.description
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.account_statement], each.value.statements)
  })

  tags = { Name = "${local.name}-${each.key}" }
}

resource "aws_kms_alias" "this" {
  for_each = local.keys

  name          = "alias/${local.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}
