# The copy of backups and WAL in another region, and the one that this cluster came from. Both
# buckets are infra's own, with a key that only their alias names: it was made in that region.
locals {
  recovery_key = { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/infra-recovery" } }
}

resource "aws_iam_role_policy" "recovery" {
  count = local.hosts == 1 && var.recovery != null ? 1 : 0

  name = "recovery"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource = "arn:${local.partition}:s3:::${var.recovery.bucket}"
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
        Resource = "arn:${local.partition}:s3:::${var.recovery.bucket}/pgbackrest/*"
      },
      {
        Sid       = "Key"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "arn:${local.partition}:kms:${var.recovery.region}:${local.account_id}:key/*"
        Condition = local.recovery_key
      },
    ]
  })
}

# Reading alone: the copy outlives what is made of it.
resource "aws_iam_role_policy" "rebuilt_from" {
  count = local.hosts == 1 && var.rebuilt_from != null ? 1 : 0

  name = "rebuilt-from"
  role = aws_iam_role.this[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
        Resource = "arn:${local.partition}:s3:::${var.rebuilt_from.bucket}"
      },
      {
        Sid      = "Objects"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "arn:${local.partition}:s3:::${var.rebuilt_from.bucket}/pgbackrest/*"
      },
      {
        Sid       = "Key"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = "arn:${local.partition}:kms:${var.region}:${local.account_id}:key/*"
        Condition = local.recovery_key
      },
    ]
  })
}
