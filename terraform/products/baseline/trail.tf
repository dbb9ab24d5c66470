resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:a message for each delivered file would drown the alerts; the trail is also in CloudWatch Logs; review by 2027-11
  count = var.baseline.trail ? 1 : 0

  name                          = local.name
  s3_bucket_name                = aws_s3_bucket.log.id
  s3_key_prefix                 = "trail"
  kms_key_id                    = aws_kms_key.this["logs"].arn
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[0].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[0].arn
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true

  # Who deleted or replaced a backup must be known.
  event_selector {
    read_write_type           = "WriteOnly"
    include_management_events = false

    data_resource {
      type   = "AWS::S3::Object"
      values = ["${local.backup_bucket_arn}/"]
    }
  }
  event_selector {
    read_write_type           = "All"
    include_management_events = true
  }

  depends_on = [aws_s3_bucket_policy.log, aws_iam_role_policy.trail]
}

resource "aws_cloudwatch_log_group" "trail" {
  count = var.baseline.trail ? 1 : 0

  name              = "/infra/${var.environment}/trail"
  retention_in_days = var.baseline.log_retention_days
  kms_key_id        = aws_kms_key.this["logs"].arn
}

resource "aws_iam_role" "trail" {
  count = var.baseline.trail ? 1 : 0

  name                 = "${local.name}-trail"
  description          = "Lets the audit trail write to its log group"
  permissions_boundary = aws_iam_policy.boundary.arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    }]
  })
}

resource "aws_iam_role_policy" "trail" {
  count = var.baseline.trail ? 1 : 0

  name = "write"
  role = aws_iam_role.trail[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.trail[0].arn}:log-stream:*"
    }]
  })
}
