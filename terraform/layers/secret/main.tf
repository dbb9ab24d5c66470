# A secret whose password nobody has seen. uuid() draws from the system's random source
# when the apply runs, and a write-only argument is kept in no plan and no state. (An
# ephemeral password of the provider would do as well, at the price of a call in every plan,
# and Terraform could not mock it in tests.)
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:changed together with the hosts that use it by infra, not by a function; review by 2027-11
  name_prefix             = "${var.name}-"
  description             = var.description
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.recovery_days

  # A copy that can be read while this region is away, under the same name and encrypted by
  # that region's own key for secrets.
  dynamic "replica" {
    for_each = var.replica_region[*]

    content {
      region = replica.value
    }
  }
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo_version = var.generation
  secret_string_wo = jsonencode({
    username = var.username
    password = replace("${uuid()}${uuid()}", "-", "")
  })
}
