resource "aws_cloudwatch_log_group" "flow" {
  name              = "/infra/${var.environment}/flow"
  retention_in_days = var.flow_log_retention_days
  kms_key_id        = var.baseline.kms_key_arns["logs"]
}

resource "aws_flow_log" "this" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "ALL"
  log_destination_type     = "cloud-watch-logs"
  log_destination          = aws_cloudwatch_log_group.flow.arn
  iam_role_arn             = aws_iam_role.flow.arn
  max_aggregation_interval = 60

  tags = { Name = local.name }

  depends_on = [aws_iam_role_policy.flow]
}

resource "aws_iam_role" "flow" {
  name                 = "${local.name}-flow-log"
  description          = "Lets the network's flow logs be written"
  permissions_boundary = var.baseline.permission_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "flow" {
  name = "write"
  role = aws_iam_role.flow.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.flow.arn}", "${aws_cloudwatch_log_group.flow.arn}:log-stream:*"]
    }]
  })
}

resource "aws_cloudwatch_log_metric_filter" "reject" {
  name           = "${local.name}-reject"
  log_group_name = aws_cloudwatch_log_group.flow.name
  pattern        = "[version, account, interface, source, destination, source_port, destination_port, protocol, packets, bytes, start, end, action=REJECT, status]"

  metric_transformation {
    namespace     = "Infra/VPC"
    name          = "rejected-${var.environment}"
    value         = "1"
    default_value = "0"
  }
}
