# The pipeline that is trusted by OpenID Connect: no long-lived key exists.
locals {
  ci_repository = try(var.baseline.ci.repository, "")
  ci_branch     = try(var.baseline.ci.branch, "")

  # Applies run for one branch only. Plans run for it and for pull requests, which
  # GitHub gives a subject of their own. GitLab gives a merge request that of its branch, so
  # there any branch of the project may plan: the only subject that is a pattern.
  ci_providers = {
    github = {
      host     = "token.actions.githubusercontent.com"
      audience = "sts.amazonaws.com"
      subjects = {
        plan  = { StringEquals = ["repo:${local.ci_repository}:pull_request", "repo:${local.ci_repository}:ref:refs/heads/${local.ci_branch}"] }
        apply = { StringEquals = ["repo:${local.ci_repository}:ref:refs/heads/${local.ci_branch}"] }
      }
    }
    gitlab = {
      host     = "gitlab.com"
      audience = "https://gitlab.com"
      subjects = {
        plan  = { StringLike = ["project_path:${local.ci_repository}:ref_type:branch:ref:*"] }
        apply = { StringEquals = ["project_path:${local.ci_repository}:ref_type:branch:ref:${local.ci_branch}"] }
      }
    }
  }
  ci     = try(local.ci_providers[var.baseline.ci.provider], null)
  ci_arn = local.ci == null ? null : "arn:${local.partition}:iam::${var.account_id}:oidc-provider/${local.ci.host}"

  ci_trust = { for role in ["plan", "apply"] : role => [for ci in local.ci[*] : {
    Sid       = "Pipeline"
    Effect    = "Allow"
    Principal = { Federated = local.ci_arn }
    Action    = "sts:AssumeRoleWithWebIdentity"
    Condition = { for operator, subjects in ci.subjects[role] : operator => {
      "${ci.host}:aud" = ci.audience
      "${ci.host}:sub" = subjects
    } }
  }] }
}

resource "aws_iam_openid_connect_provider" "ci" {
  count = local.ci == null ? 0 : 1

  url            = "https://${local.ci.host}"
  client_id_list = [local.ci.audience]
}
