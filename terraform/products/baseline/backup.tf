resource "aws_s3_bucket" "backup" {
  #checkov:skip=CKV2_AWS_62:nothing acts on new backups; their age is an alarm of the layer that makes them; review by 2027-11
  #checkov:skip=CKV_AWS_144:backups stay in the environment's region; a copy elsewhere is the customer's choice; review by 2027-11
  bucket        = local.backup_bucket
  force_destroy = var.emulated
}

resource "aws_s3_bucket_ownership_controls" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "backup" {
  bucket = aws_s3_bucket.backup.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "backup" {
  bucket = aws_s3_bucket.backup.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.this["backup"].arn
    }
  }
}

# A backstop only. pgBackRest expires backups itself and never the last good one:
# an expiry by age at the retention itself would leave nothing after a few failed backups.
resource "aws_s3_bucket_lifecycle_configuration" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    id     = "backstop"
    status = "Enabled"

    filter {}

    expiration {
      days = var.baseline.backup_retention_days + 7
    }
    noncurrent_version_expiration {
      noncurrent_days = var.baseline.backup_retention_days + 7
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.backup]
}

resource "aws_s3_bucket_logging" "backup" {
  bucket        = aws_s3_bucket.backup.id
  target_bucket = aws_s3_bucket.log.id
  target_prefix = "s3/${local.backup_bucket}/"

  depends_on = [aws_s3_bucket_policy.log]
}

resource "aws_s3_bucket_policy" "backup" {
  bucket = aws_s3_bucket.backup.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TLSOnly"
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Action    = "s3:*"
        Resource  = [local.backup_bucket_arn, "${local.backup_bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.backup]
}
