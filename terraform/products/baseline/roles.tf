locals {
  # People assume the roles too, from an identity of this account and with a second factor.
  people_trust = {
    Sid       = "People"
    Effect    = "Allow"
    Principal = { AWS = local.account_root }
    Action    = "sts:AssumeRole"
    Condition = { Bool = { "aws:MultiFactorAuthPresent" = "true" } }
  }
}

resource "aws_iam_role" "plan" {
  #audit:skip=no-boundary:it reads, and writes locks and kept plans; who may apply cannot change it (guards.tf); review by 2027-11
  name                 = "${local.name}-plan"
  description          = "Reads ${var.environment} and its states; changes nothing"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.people_trust], local.ci_trust.plan)
  })
}

resource "aws_iam_role_policy" "plan" {
  #checkov:skip=CKV_AWS_290:reads configuration only; it writes a lock beside a state, and the plan that it made; review by 2027-11
  #checkov:skip=CKV_AWS_355:a refresh reads resources whose names the plan does not know yet; review by 2027-11
  name = "plan"
  role = aws_iam_role.plan.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      local.read_statement,
      local.parameter_statement,
      local.secret_statement,
      local.secret_key_statement,
      local.state_statements.find,
      local.state_statements.read,
      local.state_statements.key,
      local.state_statements.lock,
      local.state_statements.keep,
    ], local.notify_statements)
  })
}

resource "aws_iam_role" "apply" {
  #audit:skip=privilege-wildcard:it makes and removes all that the products are made of, within its own boundary (guards.tf); review by 2027-11
  name                 = "${local.name}-apply"
  description          = "Changes ${var.environment}; every role it makes stays within the boundary"
  max_session_duration = 14400
  permissions_boundary = aws_iam_policy.apply_boundary.arn
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
    Statement = concat([
      local.read_statement,
      local.parameter_statement,
      local.secret_statement,
      local.secret_key_statement,
      local.state_statements.find,
      local.state_statements.read,
      local.state_statements.key,
      local.state_statements.lock,
      local.state_statements.write,
      {
        Sid       = "Build"
        Effect    = "Allow"
        Action    = local.build_actions
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = [var.region, "us-east-1"] } } # rebuild:skip=services without a region answer there
      },
      {
        Sid      = "OwnBuckets"
        Effect   = "Allow"
        Action   = "s3:*"
        Resource = local.own_bucket_arns
      },
      {
        Sid      = "AccountWide"
        Effect   = "Allow"
        Action   = "s3:PutAccountPublicAccessBlock"
        Resource = "*"
      },
      {
        Sid       = "OwnIdentities"
        Effect    = "Allow"
        Action    = local.identity_actions
        Resource  = [for kind in ["role", "instance-profile", "policy"] : "arn:${local.partition}:iam::${var.account_id}:${kind}/${local.name}-*"]
        Condition = { StringEqualsIfExists = local.own_tag }
      },
      {
        Sid    = "OwnRolesWithinTheBoundary"
        Effect = "Allow"
        Action = local.bounded_actions
        Condition = {
          StringEquals         = { "iam:PermissionsBoundary" = local.boundary_arn }
          StringEqualsIfExists = local.own_tag
        }
        Resource = local.role_arns
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
      ], [for recovery in var.recovery[*] : {
        # After each run its states are copied there. The bucket itself is an operator's.
        Sid      = "SecondCopy"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = [for object in ["recovery.json", "states/*"] : "arn:${local.partition}:s3:::${recovery.bucket}/${object}"]
        }], [for recovery in var.recovery[*] : {
        Sid       = "SecondCopyKey"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "arn:${local.partition}:kms:${recovery.region}:${var.account_id}:key/*"
        Condition = { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/infra-recovery" } }
    }])
  })
}
