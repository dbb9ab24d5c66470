# The pipeline that is trusted by OpenID Connect: no long-lived key exists.
locals {
  ci_providers = {
    github = {
      host     = "token.actions.githubusercontent.com"
      audience = "sts.amazonaws.com"
      plan     = "repo:%s:*"
      apply    = "repo:%s:ref:refs/heads/%s"
    }
    gitlab = {
      host     = "gitlab.com"
      audience = "https://gitlab.com"
      plan     = "project_path:%s:*"
      apply    = "project_path:%s:ref_type:branch:ref:%s"
    }
  }
  ci     = try(local.ci_providers[var.baseline.ci.provider], null)
  ci_arn = local.ci == null ? null : "arn:${local.partition}:iam::${var.account_id}:oidc-provider/${local.ci.host}"

  # Plans run for every branch and pull request of the repository, applies for one branch
  # only: without a wildcard in it StringLike is equality, and a branch may not hold one.
  ci_subjects = local.ci == null ? {} : {
    plan  = format(local.ci.plan, var.baseline.ci.repository)
    apply = format(local.ci.apply, var.baseline.ci.repository, var.baseline.ci.branch)
  }
  ci_trust = { for role in ["plan", "apply"] : role => [for subject in compact([lookup(local.ci_subjects, role, "")]) : {
    Sid       = "Pipeline"
    Effect    = "Allow"
    Principal = { Federated = local.ci_arn }
    Action    = "sts:AssumeRoleWithWebIdentity"
    Condition = {
      StringEquals = { "${local.ci.host}:aud" = local.ci.audience }
      StringLike   = { "${local.ci.host}:sub" = subject }
    }
  }] }
}

resource "aws_iam_openid_connect_provider" "ci" {
  count = local.ci == null ? 0 : 1

  url            = "https://${local.ci.host}"
  client_id_list = [local.ci.audience]
}
