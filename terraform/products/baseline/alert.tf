resource "aws_sns_topic" "alert" {
  name              = "${local.name}-alert"
  display_name      = "infra ${var.environment}"
  kms_master_key_id = aws_kms_key.this["logs"].arn
}

resource "aws_sns_topic_policy" "alert" {
  arn = aws_sns_topic.alert.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountDecides"
        Effect    = "Allow"
        Principal = { AWS = local.account_root }
        Action    = ["sns:Publish", "sns:Subscribe", "sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:DeleteTopic"]
        Resource  = aws_sns_topic.alert.arn
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "events.rds.amazonaws.com"] }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.alert.arn
        Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
      },
    ]
  })
}

# Each address has to confirm its subscription once.
resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.baseline.alert_emails)

  topic_arn = aws_sns_topic.alert.arn
  protocol  = "email"
  endpoint  = each.value
}
