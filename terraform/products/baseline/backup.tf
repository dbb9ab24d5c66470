resource "aws_s3_bucket" "backup" {
  #checkov:skip=CKV2_AWS_62:nothing acts on new backups; their age is an alarm of the layer that makes them; review by 2027-11
  #checkov:skip=CKV_AWS_144:backups stay in the environment's region; a copy elsewhere is the customer's choice; review by 2027-11
  bucket        = local.backup_bucket
  force_destroy = var.emulated

  # Said at the bucket's creation only; a bucket that exists is locked by the resource
  # below alone. A difference here would make the bucket anew.
  object_lock_enabled = local.object_lock ? true : null

  lifecycle {
    ignore_changes = [object_lock_enabled]
  }
}

locals {
  object_lock = var.baseline.backup_object_lock != "none"
}

# Deleting still works, as always with versions: what is deleted keeps its old version.
resource "aws_s3_bucket_object_lock_configuration" "backup" {
  count = local.object_lock ? 1 : 0

  bucket = aws_s3_bucket.backup.id

  rule {
    default_retention {
      mode = upper(var.baseline.backup_object_lock)
      days = var.baseline.backup_retention_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.backup]
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

# A backstop only, for versions that somebody deleted or replaced. pgBackRest expires backups
# itself and never the last good one. S3 must not expire by age what is current: after a time
# of failed backups that would take the last good one and the files by which the others are
# found, and at any time a full backup that younger differentials need.
resource "aws_s3_bucket_lifecycle_configuration" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    id     = "backstop"
    status = "Enabled"

    filter {}

    expiration {
      expired_object_delete_marker = true
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
