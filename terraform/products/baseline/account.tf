# Defaults of the whole account and region. Switched off by
# products.baseline.account_hardening where the organisation sets them itself.

resource "aws_s3_account_public_access_block" "this" {
  count = local.account_hardening ? 1 : 0

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_ebs_encryption_by_default" "this" {
  count = local.account_hardening ? 1 : 0

  enabled = true
}

resource "aws_ebs_default_kms_key" "this" {
  count = local.account_hardening ? 1 : 0

  key_arn = aws_kms_key.this["data"].arn
}

resource "aws_ebs_snapshot_block_public_access" "this" {
  count = local.account_hardening ? 1 : 0

  state = "block-all-sharing"
}

resource "aws_ec2_instance_metadata_defaults" "this" {
  count = local.account_hardening ? 1 : 0

  http_tokens                 = "required"
  http_put_response_hop_limit = 1
}

resource "aws_ec2_serial_console_access" "this" {
  count = local.account_hardening ? 1 : 0

  enabled = false
}

# EMR's own default lets security groups open port 22 to the world.
resource "aws_emr_block_public_access_configuration" "this" {
  count = local.account_hardening ? 1 : 0

  block_public_security_group_rules = true
}

resource "aws_accessanalyzer_analyzer" "this" {
  count = local.account_hardening ? 1 : 0

  analyzer_name = local.name
  type          = "ACCOUNT"
}
