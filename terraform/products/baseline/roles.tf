locals {
  # People assume the roles too, from an identity of this account and with a second factor.
  people_trust = {
    Sid       = "People"
    Effect    = "Allow"
    Principal = { AWS = local.account_root }
    Action    = "sts:AssumeRole"
    Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
  }

  state_bucket_arn = "arn:${local.partition}:s3:::${local.state_bucket}"

  # What a refresh of every resource of the products reads. Nothing here reads data:
  # no object, no secret's value, no log.
  read_statement = {
    Sid    = "ReadConfiguration"
    Effect = "Allow"
    Action = [
      "access-analyzer:Get*", "access-analyzer:List*",
      "cloudtrail:Describe*", "cloudtrail:GetEventSelectors", "cloudtrail:GetInsightSelectors", "cloudtrail:GetTrail*", "cloudtrail:List*",
      "cloudwatch:Describe*", "cloudwatch:List*",
      "ec2:Describe*", "ec2:GetEbs*", "ec2:GetInstanceMetadataDefaults", "ec2:GetSerialConsoleAccessStatus", "ec2:GetSnapshotBlockPublicAccessState",
      "elasticmapreduce:Describe*", "elasticmapreduce:Get*", "elasticmapreduce:List*",
      "iam:Get*", "iam:List*",
      "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:List*",
      "logs:Describe*", "logs:List*",
      "rds:Describe*", "rds:List*",
      "route53:Get*", "route53:List*",
      "s3:GetAccelerateConfiguration", "s3:GetAccountPublicAccessBlock", "s3:GetBucket*", "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket",
      "secretsmanager:Describe*", "secretsmanager:GetRandomPassword", "secretsmanager:GetResourcePolicy", "secretsmanager:ListSecretVersionIds",
      "sns:Get*", "sns:List*",
      "ssm:DescribeParameters", "ssm:ListTagsForResource",
      "sts:GetCallerIdentity", "tag:GetResources",
    ]
    Resource = "*"
  }
  pointer_statement = {
    Sid      = "ReadOwnParameters"
    Effect   = "Allow"
    Action   = ["ssm:GetParameter", "ssm:GetParameters"]
    Resource = "arn:${local.partition}:ssm:${var.region}:${var.account_id}:parameter/infra/${var.environment}/*"
  }
  state_statements = {
    read = {
      Sid      = "ReadState"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"]
      Resource = [local.state_bucket_arn, "${local.state_bucket_arn}/*"]
    }
    # Even a plan holds the state's lock while it runs.
    lock = {
      Sid      = "LockState"
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:DeleteObject"]
      Resource = "${local.state_bucket_arn}/*.tflock"
    }
    write = {
      Sid      = "WriteState"
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:DeleteObject"]
      Resource = "${local.state_bucket_arn}/*"
    }
    key = {
      Sid       = "StateKey"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"]
      Resource  = "arn:${local.partition}:kms:${var.region}:${var.account_id}:key/*"
      Condition = { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/infra-state" } }
    }
  }
}

resource "aws_iam_role" "plan" {
  name                 = "${local.name}-plan"
  description          = "Reads ${var.environment} and its states; changes nothing"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.people_trust], local.ci_trust.plan)
  })
}

resource "aws_iam_role_policy" "plan" {
  #checkov:skip=CKV_AWS_290:reads configuration only; its single write is the lock beside a state; review by 2027-11
  #checkov:skip=CKV_AWS_355:a refresh reads resources whose names the plan does not know yet; review by 2027-11
  name = "plan"
  role = aws_iam_role.plan.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.read_statement,
      local.pointer_statement,
      local.state_statements.read,
      local.state_statements.lock,
      local.state_statements.key,
    ]
  })
}

resource "aws_iam_role" "apply" {
  name                 = "${local.name}-apply"
  description          = "Changes ${var.environment}; every role it makes stays within the boundary"
  max_session_duration = 14400
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.people_trust], local.ci_trust.apply)
  })
}

resource "aws_iam_role_policy" "apply" {
  name = "apply"
  role = aws_iam_role.apply.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.read_statement,
      local.pointer_statement,
      local.state_statements.read,
      local.state_statements.write,
      local.state_statements.key,
      {
        Sid    = "Build"
        Effect = "Allow"
        Action = [
          "access-analyzer:*", "cloudtrail:*", "cloudwatch:*", "ec2:*", "elasticmapreduce:*", "kms:*", "logs:*", "rds:*",
          "route53:*", "s3:*", "secretsmanager:*", "sns:*", "ssm:*",
        ]
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = [var.region, "us-east-1"] } }
      },
      {
        Sid    = "OwnIdentities"
        Effect = "Allow"
        Action = [
          "iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeleteInstanceProfile",
          "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:DeleteRole", "iam:RemoveRoleFromInstanceProfile",
          "iam:TagInstanceProfile", "iam:TagPolicy", "iam:TagRole", "iam:UntagInstanceProfile", "iam:UntagPolicy", "iam:UntagRole",
          "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
        ]
        Resource = [for kind in ["role", "instance-profile", "policy"] : "arn:${local.partition}:iam::${var.account_id}:${kind}/${local.name}-*"]
      },
      {
        Sid       = "OwnRolesWithinTheBoundary"
        Effect    = "Allow"
        Action    = ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
        Resource  = local.role_arns
        Condition = { StringEquals = { "iam:PermissionsBoundary" = local.boundary_arn } }
      },
      {
        Sid       = "PassOwnRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = local.role_arns
        Condition = { StringEquals = { "iam:PassedToService" = ["cloudtrail.amazonaws.com", "ec2.amazonaws.com", "elasticmapreduce.amazonaws.com", "monitoring.rds.amazonaws.com", "vpc-flow-logs.amazonaws.com"] } }
      },
      {
        Sid      = "LinkedRoles"
        Effect   = "Allow"
        Action   = "iam:CreateServiceLinkedRole"
        Resource = "arn:${local.partition}:iam::${var.account_id}:role/aws-service-role/*"
      },
      # Whoever applies may neither widen the boundary nor change who may apply, nor
      # silence the trail: an administrator does that.
      {
        Sid    = "KeepTheGuards"
        Effect = "Deny"
        Action = [
          "cloudtrail:DeleteTrail", "cloudtrail:StopLogging", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion",
          "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy", "iam:PutRolePolicy", "iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy",
          "kms:DisableKey", "kms:ScheduleKeyDeletion",
        ]
        Resource = [
          local.boundary_arn,
          local.trail_arn,
          "arn:${local.partition}:iam::${var.account_id}:role/${local.name}-plan",
          "arn:${local.partition}:iam::${var.account_id}:role/${local.name}-apply",
          "arn:${local.partition}:kms:${var.region}:${var.account_id}:key/*",
        ]
      },
      {
        Sid      = "KeepEveryBoundary"
        Effect   = "Deny"
        Action   = "iam:DeleteRolePermissionsBoundary"
        Resource = "*"
      },
    ]
  })
}
