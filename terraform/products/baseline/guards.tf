# The limit of the apply role, whatever policies it is given or gives itself: it
# may neither widen a boundary nor change who may apply, here or in another
# environment of the account, nor silence a trail, end a key or rewrite history.
# An administrator does that.
resource "aws_iam_policy" "apply_boundary" {
  name        = "${local.name}-apply-boundary"
  description = "Bounds the apply role of ${var.environment}"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Most"
        Effect   = "Allow"
        Action   = concat(local.build_actions, local.identity_actions, local.bounded_actions, ["iam:CreateServiceLinkedRole", "iam:Get*", "iam:List*", "iam:PassRole", "s3:*", "sts:GetCallerIdentity", "tag:GetResources"])
        Resource = "*"
      },
      {
        Sid    = "KeepWhoMayApply"
        Effect = "Deny"
        Action = [
          "iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PassRole",
          "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
        ]
        Resource = [for role in ["plan", "apply"] : "arn:${local.partition}:iam::${var.account_id}:role/infra-*-${role}"]
      },
      {
        Sid      = "KeepBoundaries"
        Effect   = "Deny"
        Action   = ["iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion"]
        Resource = "arn:${local.partition}:iam::${var.account_id}:policy/infra-*-boundary"
      },
      {
        Sid      = "KeepEveryRoleBounded"
        Effect   = "Deny"
        Action   = "iam:DeleteRolePermissionsBoundary"
        Resource = "*"
      },
      {
        Sid       = "NoOtherBoundary"
        Effect    = "Deny"
        Action    = ["iam:CreateRole", "iam:PutRolePermissionsBoundary"]
        Resource  = "*"
        Condition = { StringNotEquals = { "iam:PermissionsBoundary" = local.boundary_arn } }
      },
      {
        Sid    = "KeepTheTrail"
        Effect = "Deny"
        Action = [
          "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail",
          "logs:DeleteLogGroup", "logs:DeleteLogStream",
        ]
        Resource = [
          "arn:${local.partition}:cloudtrail:*:${var.account_id}:trail/*",
          "arn:${local.partition}:logs:*:${var.account_id}:log-group:/infra/*/trail*",
        ]
      },
      {
        Sid      = "KeepKeys"
        Effect   = "Deny"
        Action   = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
        Resource = "*"
      },
      {
        Sid       = "KeepTheStateKey"
        Effect    = "Deny"
        NotAction = ["kms:Decrypt", "kms:Describe*", "kms:GenerateDataKey*", "kms:Get*", "kms:List*"]
        Resource  = "arn:${local.partition}:kms:*:${var.account_id}:key/*"
        Condition = { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/infra-state" } }
      },
      {
        Sid      = "KeepItsName"
        Effect   = "Deny"
        Action   = ["kms:DeleteAlias", "kms:UpdateAlias"]
        Resource = "arn:${local.partition}:kms:*:${var.account_id}:alias/infra-state"
      },
      # States are read, written and locked; how the bucket is set up, and what
      # it remembers, is not for a run to change.
      {
        Sid       = "KeepStates"
        Effect    = "Deny"
        NotAction = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:Get*", "s3:List*", "s3:PutObject"]
        Resource  = [local.state_bucket_arn, "${local.state_bucket_arn}/*"]
      },
      {
        Sid      = "KeepBackupsAndEvidence"
        Effect   = "Deny"
        Action   = ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"]
        Resource = concat(["${local.backup_bucket_arn}/*", "${local.log_bucket_arn}/*"], [for recovery in var.recovery[*] : "arn:${local.partition}:s3:::${recovery.bucket}/*"])
      },
    ]
  })
}
