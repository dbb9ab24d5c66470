provider "aws" {
  region              = var.region
  allowed_account_ids = [var.account_id]

  # The emulator serves buckets by path and answers at once; an unknown call
  # there must fail quickly rather than be retried for ten minutes.
  s3_use_path_style = var.emulated
  max_retries       = var.emulated ? 2 : 25

  dynamic "assume_role" {
    for_each = var.role[*]

    content {
      role_arn     = assume_role.value.arn
      external_id  = assume_role.value.external_id == "" ? null : assume_role.value.external_id
      session_name = "infra-${var.environment}"
    }
  }

  default_tags {
    tags = merge(var.tags, {
      environment = var.environment
      product     = "pipeline"
      managed_by  = "infra"
    })
  }

  # Marks that running systems put on their own resources (the fence of a failed
  # PostgreSQL primary above all) are not Terraform's to remove. infra-run is the run that
  # made a resource: infra gives it as TF_AWS_DEFAULT_TAGS_infra-run, it is set at creation only,
  # and as it is ignored here the next run's other value is no difference.
  ignore_tags {
    keys         = ["fenced", "infra-run"]
    key_prefixes = ["infra:"]
  }
}
