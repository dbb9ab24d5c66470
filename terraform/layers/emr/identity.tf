# EMR itself: AWS' own policy lets it work only on what carries the tag of managed_tag.
resource "aws_iam_role" "service" {
  name                 = "${local.name}-service"
  description          = "EMR working for ${var.environment}"
  permissions_boundary = var.baseline.permission_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "elasticmapreduce.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = var.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"
}

resource "aws_iam_role_policy" "service" {
  name = "node-role-and-keys"
  role = aws_iam_role.service.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassNodeRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = aws_iam_role.node.arn
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid      = "Keys"
        Effect   = "Allow"
        Action   = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource = [var.baseline.kms_key_arns["data"], var.baseline.kms_key_arns["logs"]]
      },
    ]
  })
}

# The nodes. Access to the data that jobs work on is given by whoever owns the data, to
# the role that the output node_role_name names.
resource "aws_iam_role" "node" {
  name                 = "${local.name}-node"
  description          = "The nodes of EMR's clusters in ${var.environment}"
  permissions_boundary = var.baseline.permission_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "node" {
  name = "cluster"
  role = aws_iam_role.node.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "KnowTheCluster"
          Effect   = "Allow"
          Action   = ["ec2:DescribeInstances", "ec2:DescribeTags", "elasticmapreduce:DescribeCluster", "elasticmapreduce:ListInstanceGroups", "elasticmapreduce:ListInstances", "elasticmapreduce:ListSteps"]
          Resource = "*"
        },
        {
          Sid      = "Logs"
          Effect   = "Allow"
          Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
          Resource = "arn:${local.partition}:s3:::${var.baseline.log_bucket}/emr/*"
        },
        {
          Sid       = "ListLogs"
          Effect    = "Allow"
          Action    = "s3:ListBucket"
          Resource  = "arn:${local.partition}:s3:::${var.baseline.log_bucket}"
          Condition = { StringLike = { "s3:prefix" = ["emr/*"] } }
        },
        {
          Sid      = "Keys"
          Effect   = "Allow"
          Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
          Resource = [var.baseline.kms_key_arns["data"], var.baseline.kms_key_arns["logs"]]
        },
      ],
      [for address in compact([var.in_transit_certificates]) : {
        Sid      = "Certificates"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:${local.partition}:s3:::${trimprefix(address, "s3://")}"
      }],
    )
  })
}

resource "aws_iam_role_policy_attachment" "host" {
  role       = aws_iam_role.node.name
  policy_arn = var.baseline.host_policy_arn
}

resource "aws_iam_role_policy_attachment" "systems_manager" {
  count = var.network.access == "ssm" ? 1 : 0

  role       = aws_iam_role.node.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "node" {
  name = aws_iam_role.node.name
  role = aws_iam_role.node.name
}
