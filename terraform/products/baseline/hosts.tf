# What every host may do whatever its layer: report metrics and ship its journal.
# Each layer attaches it to the role of its hosts.
resource "aws_iam_policy" "host" {
  name        = "${local.name}-host"
  description = "Metrics and logs of every host of ${var.environment}"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Metrics"
        Effect    = "Allow"
        Action    = "cloudwatch:PutMetricData"
        Resource  = "*"
        Condition = { StringLike = { "cloudwatch:namespace" = ["CWAgent", "Infra/*"] } }
      },
      {
        Sid      = "Journal"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = [aws_cloudwatch_log_group.hosts.arn, "${aws_cloudwatch_log_group.hosts.arn}:log-stream:*"]
      },
    ]
  })
}
