# What the plan and the apply role have in common: reading the account's
# configuration, and the environment's own objects in the state bucket.
locals {
  # What a refresh of every resource of the products reads, and what an audit of the
  # account looks at besides. Nothing here reads data: no object, no log.
  read_statement = {
    Sid    = "ReadConfiguration"
    Effect = "Allow"
    Action = [
      "access-analyzer:Get*", "access-analyzer:List*",
      "cloudtrail:Describe*", "cloudtrail:GetEventSelectors", "cloudtrail:GetInsightSelectors", "cloudtrail:GetTrail*", "cloudtrail:List*",
      "cloudwatch:Describe*", "cloudwatch:GetMetricData", "cloudwatch:List*",
      "ec2:Describe*", "ec2:GetEbs*", "ec2:GetInstanceMetadataDefaults", "ec2:GetManagedPrefixListEntries", "ec2:GetSerialConsoleAccessStatus", "ec2:GetSnapshotBlockPublicAccessState",
      "elasticloadbalancing:Describe*",
      "elasticmapreduce:Describe*", "elasticmapreduce:Get*", "elasticmapreduce:List*",
      "iam:Get*", "iam:List*",
      "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:List*",
      "logs:Describe*", "logs:List*",
      "rds:Describe*", "rds:List*",
      "route53:Get*", "route53:List*",
      "s3:GetAccelerateConfiguration", "s3:GetAccountPublicAccessBlock", "s3:GetBucket*", "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListAllMyBuckets", "s3:ListBucket",
      "secretsmanager:Describe*", "secretsmanager:GetRandomPassword", "secretsmanager:GetResourcePolicy", "secretsmanager:ListSecretVersionIds",
      "sns:Get*", "sns:List*",
      "sqs:GetQueueAttributes", "sqs:ListQueues",
      "ssm:DescribeParameters", "ssm:ListTagsForResource",
      "sts:GetCallerIdentity", "tag:GetResources",
    ]
    Resource = "*"
  }
  # The tag keeps apart environments of one account where one's name begins with
  # the other's, such as prod and prod-eu.
  own_tag = { "aws:ResourceTag/environment" = var.environment }

  parameter_statement = {
    Sid      = "ReadOwnParameters"
    Effect   = "Allow"
    Action   = ["ssm:GetParameter", "ssm:GetParameters"]
    Resource = "arn:${local.partition}:ssm:${var.region}:${var.account_id}:parameter/infra/${var.environment}/*"
  }
  # The provider asks for the value of a secret that it has written, although it keeps
  # it in no plan and no state: without this no plan of the platform is possible.
  secret_statement = {
    Sid       = "RefreshOwnSecrets"
    Effect    = "Allow"
    Action    = "secretsmanager:GetSecretValue"
    Resource  = "arn:${local.partition}:secretsmanager:${var.region}:${var.account_id}:secret:${local.name}-*"
    Condition = { StringEquals = local.own_tag }
  }
  secret_key_statement = {
    Sid      = "RefreshOwnSecretsKey"
    Effect   = "Allow"
    Action   = "kms:Decrypt"
    Resource = "arn:${local.partition}:kms:${var.region}:${var.account_id}:key/*"
    Condition = {
      StringEquals               = { "kms:ViaService" = "secretsmanager.${var.region}.amazonaws.com" }
      "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/${local.name}-data" }
    }
  }

  # Who only looks tells what was found, too.
  notify_statements = var.notify_topic_arn == "" ? [] : [{
    Sid      = "TellResults"
    Effect   = "Allow"
    Action   = "sns:Publish"
    Resource = var.notify_topic_arn
  }]

  # The bucket may serve several environments of the account: only this one's
  # states, locks, lease, run records and kept plans are anybody's business.
  state_bucket_arn = "arn:${local.partition}:s3:::${local.state_bucket}"
  state_objects = {
    states  = "${local.state_bucket_arn}/*/${var.environment}/terraform.tfstate"
    locks   = "${local.state_bucket_arn}/*/${var.environment}/*.tflock"
    lease   = "${local.state_bucket_arn}/leases/${var.environment}.json"
    records = "${local.state_bucket_arn}/runs/${var.environment}/*"
    plans   = "${local.state_bucket_arn}/runs/${var.environment}/*/plan.json"
    bundles = "${local.state_bucket_arn}/bundles/${var.environment}/*"
  }
  state_statements = {
    find = {
      Sid      = "FindStates"
      Effect   = "Allow"
      Action   = ["s3:ListBucket", "s3:ListBucketVersions"]
      Resource = local.state_bucket_arn
    }
    read = {
      Sid      = "ReadStates"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = [local.state_objects.states, local.state_objects.locks, local.state_objects.lease, local.state_objects.records, local.state_objects.bundles]
    }
    # Even a plan holds the state's lock while it runs; one that is kept for
    # approval is written once, with its record.
    lock = {
      Sid      = "LockState"
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:DeleteObject"]
      Resource = local.state_objects.locks
    }
    # What was kept is never replaced: who was told of a plan finds that one.
    keep = {
      Sid       = "KeepPlans"
      Effect    = "Allow"
      Action    = "s3:PutObject"
      Resource  = [local.state_objects.plans, local.state_objects.bundles]
      Condition = { Null = { "s3:if-none-match" = "false" } }
    }
    write = {
      Sid      = "WriteState"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = [local.state_objects.states, local.state_objects.lease, local.state_objects.records, local.state_objects.bundles]
    }
    # States hold what Terraform knows of every secret: no host's business.
    none = {
      Sid      = "NoStates"
      Effect   = "Deny"
      Action   = "s3:*"
      Resource = [local.state_bucket_arn, "${local.state_bucket_arn}/*"]
    }
    key = {
      Sid       = "StateKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"]
      Resource  = "arn:${local.partition}:kms:${var.region}:${var.account_id}:key/*"
      Condition = { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/infra-state" } }
    }
  }

  # What the products are made of. S3 is missing: the apply role has it for
  # the environment's own buckets.
  build_actions = [
    "access-analyzer:*", "cloudtrail:*", "cloudwatch:*", "ec2:*", "elasticmapreduce:*", "kms:*", "logs:*", "rds:*",
    "route53:*", "secretsmanager:*", "sns:*", "ssm:*",
  ]
  identity_actions = [
    "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeleteInstanceProfile",
    "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:DeleteRole", "iam:RemoveRoleFromInstanceProfile",
    "iam:TagInstanceProfile", "iam:TagPolicy", "iam:TagRole", "iam:UntagInstanceProfile", "iam:UntagPolicy", "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
  ]
  # Only for roles within the boundary: what would let another do more.
  bounded_actions = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
  own_bucket_arns = flatten([for arn in [local.backup_bucket_arn, local.log_bucket_arn] : [arn, "${arn}/*"]])
}
