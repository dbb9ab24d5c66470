locals {
  hosts          = local.managed ? 0 : 1
  ec2            = "arn:${local.partition}:ec2:${var.region}:${local.account_id}"
  bucket_arn     = "arn:${local.partition}:s3:::${var.baseline.backup_bucket}"
  own_cluster    = { StringEquals = { "aws:ResourceTag/cluster" = local.cluster } }
  endpoint_names = local.managed ? [] : [aws_route53_record.endpoint[0].name]
}

resource "aws_iam_role" "this" {
  count = local.hosts

  name                 = local.name
  description          = "The PostgreSQL hosts of ${var.environment}: back up, fence their own cluster, move its address"
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

resource "aws_iam_role_policy_attachment" "host" {
  count = local.hosts

  role       = aws_iam_role.this[0].name
  policy_arn = var.baseline.host_policy_arn
}

resource "aws_iam_role_policy_attachment" "systems_manager" {
  count = local.hosts == 1 && var.network.access == "ssm" ? 1 : 0

  role       = aws_iam_role.this[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "this" {
  count = local.hosts

  name = local.name
  role = aws_iam_role.this[0].name
}

# A node that is about to be promoted must first stop the failed primary and mark it. Once
# clients are led to it, it starts the failed one again, and takes the mark off when that
# one follows it. It may do so to the nodes of its own cluster, and to no tag but the mark.
resource "aws_iam_role_policy" "fence" {
  count = local.hosts

  name = "fence"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Look"
        Effect   = "Allow"
        Action   = ["ec2:DescribeAddresses", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus", "ec2:DescribeTags"]
        Resource = "*"
      },
      {
        Sid       = "Stop"
        Effect    = "Allow"
        Action    = ["ec2:StartInstances", "ec2:StopInstances"]
        Resource  = "${local.ec2}:instance/*"
        Condition = local.own_cluster
      },
      {
        Sid      = "Mark"
        Effect   = "Allow"
        Action   = ["ec2:CreateTags", "ec2:DeleteTags"]
        Resource = "${local.ec2}:instance/*"
        Condition = merge(local.own_cluster, {
          "ForAllValues:StringEquals" = { "aws:TagKeys" = ["fenced"] }
        })
      },
      # Who starts a host needs to let EC2 use the key of its volumes.
      {
        Sid       = "StartWithEncryptedVolumes"
        Effect    = "Allow"
        Action    = "kms:CreateGrant"
        Resource  = var.baseline.kms_key_arns["data"]
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
    ]
  })
}

resource "aws_iam_role_policy" "endpoint" {
  count = local.hosts

  name = "endpoint"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "MoveName"
          Effect   = "Allow"
          Action   = "route53:ChangeResourceRecordSets"
          Resource = "arn:${local.partition}:route53:::hostedzone/${var.dns_zone.id}"
          Condition = { "ForAllValues:StringEquals" = {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames" = local.endpoint_names
            "route53:ChangeResourceRecordSetsRecordTypes"           = ["A"]
            "route53:ChangeResourceRecordSetsActions"               = ["UPSERT"]
          } }
        },
        {
          Sid      = "ReadName"
          Effect   = "Allow"
          Action   = ["route53:GetChange", "route53:ListResourceRecordSets"]
          Resource = ["arn:${local.partition}:route53:::hostedzone/${var.dns_zone.id}", "arn:${local.partition}:route53:::change/*"]
        },
      ],
      [for address in aws_eip.endpoint : {
        Sid       = "MoveAddress"
        Effect    = "Allow"
        Action    = ["ec2:AssociateAddress", "ec2:DisassociateAddress"]
        Resource  = ["${local.ec2}:elastic-ip/${address.allocation_id}", "${local.ec2}:instance/*"]
        Condition = local.own_cluster
      }],
      # Interfaces that come with an instance carry no tags: bounded by the network instead.
      [for address in aws_eip.endpoint : {
        Sid       = "MoveAddressOfInterface"
        Effect    = "Allow"
        Action    = ["ec2:AssociateAddress", "ec2:DisassociateAddress"]
        Resource  = "${local.ec2}:network-interface/*"
        Condition = { ArnEquals = { "ec2:Vpc" = var.network.arn } }
      }],
    )
  })
}

# pgBackRest expires what it wrote; older versions of objects are out of its reach. What a
# failed node leaves behind for its examination goes below evidence/ of the same bucket.
resource "aws_iam_role_policy" "backup" {
  count = local.hosts

  name = "backup"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = local.bucket_arn
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
        Resource = "${local.bucket_arn}/*"
      },
      {
        Sid      = "Key"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = var.baseline.kms_key_arns["backup"]
      },
    ]
  })
}
