mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  environment = "test"
  account_id  = "123456789012"
  region      = "eu-west-1"
  baseline = {
    alert_emails          = ["data@example.org"]
    backup_retention_days = 3
    log_retention_days    = 365
    trail                 = true
    ci                    = { provider = "github", repository = "example/platform", branch = "master" }
  }
}

run "as_usual" {
  command = plan

  # keys
  assert {
    condition     = toset(keys(aws_kms_key.this)) == toset(["data", "logs", "backup"]) && alltrue([for key in aws_kms_key.this : key.enable_key_rotation])
    error_message = "Data, logs and backups need a key each, rotated."
  }

  # buckets
  assert {
    condition     = aws_s3_bucket_versioning.backup.versioning_configuration[0].status == "Enabled" && aws_s3_bucket_versioning.log.versioning_configuration[0].status == "Enabled"
    error_message = "Both buckets must be versioned."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.backup.rule[0].noncurrent_version_expiration[0].noncurrent_days == 10
    error_message = "What was deleted must stay recoverable for the retention and 7 days more."
  }
  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.backup.rule[0].expiration[0].expired_object_delete_marker
    error_message = "S3 must never expire what is current: the last good backup, and full ones that others need."
  }
  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.backup) == 0 && output.backup_retention_days == 3
    error_message = "Object Lock is a choice, and the retention is told to those that back up."
  }
  assert {
    condition     = alltrue([for block in [aws_s3_bucket_public_access_block.backup, aws_s3_bucket_public_access_block.log] : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "No bucket may ever be public."
  }
  assert {
    condition     = alltrue([for policy in [aws_s3_bucket_policy.backup.policy, aws_s3_bucket_policy.log.policy] : jsondecode(policy).Statement[0].Effect == "Deny" && jsondecode(policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"])
    error_message = "Buckets must be reached by TLS only."
  }
  assert {
    condition     = !aws_s3_bucket.backup.force_destroy && !aws_s3_bucket.log.force_destroy
    error_message = "A real bucket that holds something must not be deleted."
  }

  # trail
  assert {
    condition     = aws_cloudtrail.this[0].is_multi_region_trail && aws_cloudtrail.this[0].enable_log_file_validation
    error_message = "The trail must cover every region, and be verifiable."
  }

  # pipeline is trusted
  assert {
    condition = [for statement in jsondecode(aws_iam_role.apply.assume_role_policy).Statement : statement.Condition if statement.Sid == "Pipeline"] == [{ StringEquals = {
      "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
      "token.actions.githubusercontent.com:sub" = ["repo:example/platform:ref:refs/heads/master"]
    } }]
    error_message = "Only the named branch may apply, for exactly this audience."
  }
  assert {
    condition = [for statement in jsondecode(aws_iam_role.plan.assume_role_policy).Statement : statement.Condition if statement.Sid == "Pipeline"] == [{ StringEquals = {
      "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
      "token.actions.githubusercontent.com:sub" = ["repo:example/platform:pull_request", "repo:example/platform:ref:refs/heads/master"]
    } }]
    error_message = "Only pull requests and the named branch may plan, for exactly this audience."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role.apply.assume_role_policy).Statement : statement.Condition.Bool["aws:MultiFactorAuthPresent"] == "true" if statement.Sid == "People"])
    error_message = "People need a second factor."
  }

  # roles stay within the boundary
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.apply.policy).Statement : statement.Condition.StringEquals["iam:PermissionsBoundary"] == "arn:aws:iam::123456789012:policy/infra-test-boundary" if contains(flatten([statement.Action]), "iam:CreateRole")])
    error_message = "Whoever applies may make roles only within the boundary."
  }
  assert {
    condition     = !anytrue([for action in flatten([for statement in jsondecode(aws_iam_policy.boundary.policy).Statement : statement.Action if statement.Effect == "Allow"]) : startswith(action, "iam:") && !contains(["iam:PassRole", "iam:CreateServiceLinkedRole"], action)])
    error_message = "The boundary must not let a role touch identities."
  }
  assert {
    condition     = length(aws_iam_policy.boundary.policy) <= 6144 && length(aws_iam_policy.apply_boundary.policy) <= 6144 && length(aws_iam_role_policy.apply.policy) <= 10240 && length(aws_iam_role_policy.plan.policy) <= 10240
    error_message = "IAM refuses policies that long."
  }
  assert {
    condition     = !anytrue([for action in flatten([for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : statement.Action if statement.Resource == "*"]) : can(regex("(Get(Object|SecretValue|Parameter)|Put|Create|Delete|Update|Attach)", action))])
    error_message = "The plan role may neither change anything nor read data anywhere."
  }

  assert {
    condition     = endswith(aws_iam_policy.apply_boundary.name, "-apply-boundary") && toset([for statement in jsondecode(aws_iam_policy.apply_boundary.policy).Statement : statement.Effect]) == toset(["Allow", "Deny"])
    error_message = "Whoever applies is bounded too, by a policy that the pattern of the guards covers."
  }
  assert {
    condition     = !anytrue([for statement in jsondecode(aws_iam_role_policy.apply.policy).Statement : contains(flatten([statement.Resource]), "*") if anytrue([for action in flatten([statement.Action]) : startswith(action, "s3:Put") || startswith(action, "s3:Delete") || action == "s3:*" || startswith(action, "iam:Pu") || startswith(action, "iam:*")]) && statement.Sid != "AccountWide"])
    error_message = "The apply role may change only its own buckets and identities."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:DeleteObject")] == ["arn:aws:s3:::infra-state-123456789012-eu-west-1/*/test/*.tflock"]
    error_message = "The plan role deletes locks only."
  }

  # account is hardened
  assert {
    condition     = length(aws_s3_account_public_access_block.this) == 1 && length(aws_emr_block_public_access_configuration.this) == 1 && length(aws_emr_block_public_access_configuration.this[0].permitted_public_security_group_rule_range) == 0
    error_message = "A real account is hardened, EMR's exemption of port 22 included."
  }
}

run "locked_backups" {
  command = plan

  variables {
    baseline = { alert_emails = [], backup_retention_days = 14, backup_object_lock = "compliance", log_retention_days = 365, trail = true }
  }

  assert {
    condition     = aws_s3_bucket.backup.object_lock_enabled && aws_s3_bucket_object_lock_configuration.backup[0].rule[0].default_retention[0].mode == "COMPLIANCE" && aws_s3_bucket_object_lock_configuration.backup[0].rule[0].default_retention[0].days == 14
    error_message = "No version of a backup may be deleted within its retention."
  }
}

run "trail_of_the_organisation" {
  command = plan

  variables {
    baseline = { alert_emails = [], backup_retention_days = 3, log_retention_days = 365, trail = false }
  }

  assert {
    condition     = length(aws_cloudtrail.this) == 0 && output.trail_arn == null
    error_message = "There must be no second trail."
  }
  assert {
    condition     = length(aws_iam_openid_connect_provider.ci) == 0 && !strcontains(aws_iam_role.apply.assume_role_policy, "WebIdentity")
    error_message = "Without a pipeline nobody is trusted by OpenID Connect."
  }
}

run "gitlab" {
  command = plan

  variables {
    baseline = {
      alert_emails          = []
      backup_retention_days = 3
      log_retention_days    = 365
      trail                 = true
      ci                    = { provider = "gitlab", repository = "example/data/platform", branch = "main" }
    }
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role.apply.assume_role_policy).Statement : statement.Condition if statement.Sid == "Pipeline"] == [{ StringEquals = {
      "gitlab.com:aud" = "https://gitlab.com"
      "gitlab.com:sub" = ["project_path:example/data/platform:ref_type:branch:ref:main"]
    } }]
    error_message = "Only the named branch may apply, for exactly this audience."
  }
  assert {
    condition = [for statement in jsondecode(aws_iam_role.plan.assume_role_policy).Statement : statement.Condition if statement.Sid == "Pipeline"] == [{ StringLike = {
      "gitlab.com:aud" = "https://gitlab.com"
      "gitlab.com:sub" = ["project_path:example/data/platform:ref_type:branch:ref:*"]
    } }]
    error_message = "Any branch of the project may plan, and no tag."
  }
}

run "emulator_is_not" {
  command = plan

  variables {
    emulated = true
  }

  assert {
    condition     = length(aws_s3_account_public_access_block.this) == 0 && aws_s3_bucket.backup.force_destroy
    error_message = "In the sandbox account-wide settings are left out and buckets can go."
  }
}

run "refuses_each" {
  command = plan

  variables {
    environment  = "Test"
    account_id   = "1234"
    region       = "Ireland"
    tags         = { "aws:owner" = "me" }
    baseline     = { alert_emails = ["nobody"], backup_retention_days = 3, log_retention_days = 365, trail = true, ci = null }
    state_bucket = "Not_A_Bucket"
  }

  expect_failures = [var.environment, var.account_id, var.region, var.tags, var.baseline, var.state_bucket]
}

run "refuses_backup_retention" {
  command = plan

  variables {
    baseline = { alert_emails = [], backup_retention_days = 0, log_retention_days = 365, trail = true, ci = null }
  }

  expect_failures = [var.baseline]
}

run "refuses_object_lock" {
  command = plan

  variables {
    baseline = { alert_emails = [], backup_retention_days = 3, backup_object_lock = "off", log_retention_days = 365, trail = true, ci = null }
  }

  expect_failures = [var.baseline]
}

run "refuses_log_retention" {
  command = plan

  variables {
    baseline = { alert_emails = [], backup_retention_days = 3, log_retention_days = 42, trail = true, ci = null }
  }

  expect_failures = [var.baseline]
}

run "refuses_ci_provider" {
  command = plan

  variables {
    baseline = { alert_emails = [], backup_retention_days = 3, log_retention_days = 365, trail = true, ci = { provider = "jenkins", repository = "a/b", branch = "master" } }
  }

  expect_failures = [var.baseline]
}

run "refuses_ci_repository" {
  command = plan

  variables {
    baseline = { alert_emails = [], backup_retention_days = 3, log_retention_days = 365, trail = true, ci = { provider = "github", repository = "platform", branch = "master" } }
  }

  expect_failures = [var.baseline]
}

run "refuses_ci_wildcard" {
  command = plan

  variables {
    baseline = { alert_emails = [], backup_retention_days = 3, log_retention_days = 365, trail = true, ci = { provider = "github", repository = "a/b", branch = "*" } }
  }

  expect_failures = [var.baseline]
}

run "refuses_role_of_another_account" {
  command = plan

  variables {
    role = { arn = "arn:aws:iam::210987654321:role/infra", external_id = "" }
  }

  expect_failures = [var.role]
}

run "refuses_the_tag_of_a_run" {
  command = plan

  variables {
    tags = { "infra-run" = "mine" }
  }

  expect_failures = [var.tags]
}

run "second_copy" {
  command = plan

  variables {
    recovery = { region = "eu-central-1", bucket = "infra-recovery-test-123456789012" }
  }

  assert {
    condition = toset(flatten([for statement in jsondecode(aws_iam_role_policy.apply.policy).Statement : statement.Action if startswith(statement.Sid, "SecondCopy")])) == toset([
      "s3:PutObject", "kms:Decrypt", "kms:GenerateDataKey",
    ])
    error_message = "Who applies may copy states to the other region, and do nothing else there."
  }
}

run "told_by_sns" {
  command = plan

  variables {
    notify_topic_arn = "arn:aws:sns:eu-west-1:123456789012:results"
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : statement.Resource if statement.Action == "sns:Publish"] == [var.notify_topic_arn]
    error_message = "Who plans and looks for drift may tell that topic what was found, and no other."
  }
}

run "refuses_a_name_for_a_topic" {
  command = plan

  variables {
    notify_topic_arn = "results"
  }

  expect_failures = [var.notify_topic_arn]
}
