# Three buckets, apart by who writes them: producers (landing), stages (lake), releases (artifacts).
locals {
  buckets = {
    for purpose in ["landing", "lake", "artifacts"] : purpose => "${var.name_prefix}-${purpose}"
  }

  # The warehouse is what stages get as --warehouse. Its prefixes are those of `iot_common.settings` and
  # `iot_bronze.settings`; Iceberg puts the tables beside them, one folder per database.
  warehouse = "warehouse"
  lake_prefixes = {
    for name in ["blocks", "oversize", "metric_inbox", "checkpoints"] : name => "${local.warehouse}/${name}/"
  }

  # Each run leaves one; the flow reads the newest and lists them all, at each tick.
  run_tokens      = "${local.warehouse}/ops/run_tokens/"
  run_tokens_days = 3

  # A job that was killed leaves the parts of its uploads: invisible in listings, but paid for. No job runs for days.
  incomplete_upload_days = 2
}

resource "aws_s3_bucket" "this" {
  for_each = local.buckets

  bucket = each.value
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

# Whoever reads needs the key beside the bucket: an account's administrator takes it away from all at once. Other modules
# know it by its alias, which is made of the names.
resource "aws_kms_key" "this" {
  count = var.own_key ? 1 : 0

  description             = "Objects of ${var.name_prefix}-landing, -lake, -artifacts and -query-results"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  # What was encrypted with it can be read as long as it is there, and never again.
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "this" {
  count = var.own_key ? 1 : 0

  name          = "alias/${var.name_prefix}"
  target_key_id = one(aws_kms_key.this).key_id
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    # Without it every object is a billed call of KMS; SSE-S3, which is free, does not look at it.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.own_key ? "aws:kms" : "AES256"
      kms_master_key_id = var.own_key ? one(aws_kms_key.this).arn : null
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  for_each = aws_s3_bucket.this

  statement {
    sid       = "RefuseRequestsWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # A release is pinned by its hash: what is published stays as it is. An upload must say `If-None-Match: *`, which S3
  # answers with 412 where the key exists. The parts of a multipart upload cannot say it; its completion must.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
  dynamic "statement" {
    for_each = each.key == "artifacts" ? ["artifacts"] : []

    content {
      sid       = "RefuseUploadsThatCouldOverwrite"
      effect    = "Deny"
      actions   = ["s3:PutObject"]
      resources = ["${each.value.arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "Null"
        variable = "s3:if-none-match"
        values   = ["true"]
      }

      condition {
        test     = "Bool"
        variable = "s3:ObjectCreationOperation"
        values   = ["true"]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # S3 refuses two changes of a bucket's access at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Landing objects are never changed, and Iceberg keeps the history of the lake by its snapshots: old versions there
# would only keep alive, and bill, what expiry has deleted.
resource "aws_s3_bucket_versioning" "artifacts" {
  bucket = aws_s3_bucket.this["artifacts"].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "landing" {
  bucket = aws_s3_bucket.this["landing"].id

  rule {
    id     = "expire-what-bronze-has-read"
    status = "Enabled"

    filter {}

    expiration {
      days = var.landing_retention_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = local.incomplete_upload_days
    }
  }
}

# Only the metric inbox and the tokens of runs expire by age. Tables expire by snapshot, blocks go after promotion and after silver has passed
# them, rows of the tables point at oversize lines, and a checkpoint that lost a file would start its stream anew.
resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket = aws_s3_bucket.this["lake"].id

  rule {
    id     = "abort-uploads-of-killed-jobs"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = local.incomplete_upload_days
    }
  }

  rule {
    id     = "expire-metrics-that-are-in-the-table"
    status = "Enabled"

    filter {
      prefix = local.lake_prefixes.metric_inbox
    }

    expiration {
      days = var.metric_inbox_retention_days
    }
  }

  rule {
    id     = "expire-tokens-of-runs"
    status = "Enabled"

    filter {
      prefix = local.run_tokens
    }

    expiration {
      days = local.run_tokens_days
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  bucket = aws_s3_bucket.this["artifacts"].id

  rule {
    id     = "forget-deleted-artifacts"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.deleted_artifact_days
    }

    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = local.incomplete_upload_days
    }
  }

  # A rule about versions is refused where versioning is not on yet.
  depends_on = [aws_s3_bucket_versioning.artifacts]
}
