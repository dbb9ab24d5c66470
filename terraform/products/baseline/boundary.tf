# The most that any role made in this environment can ever do, whatever policies
# it is given. A role that runs the platform needs the services below and nothing that
# touches identities, keys' lives, the trail or the history of backups.
resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_287:a boundary grants nothing; it is the limit of what other policies grant; review by 2027-11
  #checkov:skip=CKV_AWS_288:a boundary grants nothing; it is the limit of what other policies grant; review by 2027-11
  #checkov:skip=CKV_AWS_289:a boundary grants nothing; it is the limit of what other policies grant; review by 2027-11
  #checkov:skip=CKV_AWS_290:a boundary grants nothing; it is the limit of what other policies grant; review by 2027-11
  #checkov:skip=CKV_AWS_355:a boundary grants nothing; it is the limit of what other policies grant; review by 2027-11
  name        = "${local.name}-boundary"
  description = "Bounds every role of ${var.environment}"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Platform"
        Effect = "Allow"
        Action = [
          "cloudwatch:*",
          "dynamodb:*",
          "ec2:*",
          "ec2messages:*",
          "elasticmapreduce:*",
          "glue:Get*",
          "kms:CreateGrant",
          "kms:Decrypt",
          "kms:DescribeKey",
          "kms:Encrypt",
          "kms:GenerateDataKey*",
          "kms:ReEncrypt*",
          "logs:*",
          "route53:ChangeResourceRecordSets",
          "route53:Get*",
          "route53:List*",
          "s3:*",
          "secretsmanager:DescribeSecret",
          "secretsmanager:GetSecretValue",
          "sns:Publish",
          "ssm:*",
          "ssmmessages:*",
          "sts:GetCallerIdentity",
          "tag:GetResources",
        ]
        Resource = "*"
      },
      {
        Sid      = "PassOwnRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = local.role_arns
      },
      {
        Sid      = "SpotLinkedRole"
        Effect   = "Allow"
        Action   = "iam:CreateServiceLinkedRole"
        Resource = "arn:${local.partition}:iam::*:role/aws-service-role/*"
        Condition = { StringLike = {
          "iam:AWSServiceName" = ["spot.amazonaws.com", "elasticmapreduce.amazonaws.com"]
        } }
      },
      {
        Sid    = "KeepBackupsAndEvidence"
        Effect = "Deny"
        Action = [
          "s3:BypassGovernanceRetention",
          "s3:DeleteBucket*",
          "s3:DeleteObjectVersion",
          "s3:PutBucketPolicy",
          "s3:PutBucketVersioning",
          "s3:PutEncryptionConfiguration",
          "s3:PutLifecycleConfiguration",
          "s3:PutReplicationConfiguration",
        ]
        Resource = [
          local.backup_bucket_arn, "${local.backup_bucket_arn}/*",
          local.log_bucket_arn, "${local.log_bucket_arn}/*",
        ]
      },
      local.state_statements.none,
      {
        Sid    = "NoSharing"
        Effect = "Deny"
        Action = [
          "ec2:ModifyImageAttribute",
          "ec2:ModifySnapshotAttribute",
          "ec2:DisableEbsEncryptionByDefault",
          "logs:DeleteLogGroup",
          "logs:DeleteLogStream",
          "logs:PutRetentionPolicy",
        ]
        Resource = "*"
      },
    ]
  })
}
