# Without AWS: the provider is mocked, so the tests see what the module asks for, not what S3 answers.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

variables {
  name_prefix = "driftlake-test-123456789012"
}

run "names_buckets_and_prefixes_as_the_stages_expect" {
  assert {
    condition = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.bucket } == {
      landing   = "driftlake-test-123456789012-landing"
      lake      = "driftlake-test-123456789012-lake"
      artifacts = "driftlake-test-123456789012-artifacts"
    }
    error_message = "A bucket is named for its prefix and purpose."
  }

  assert {
    condition = output.lake_prefixes == {
      blocks       = "warehouse/blocks/"
      oversize     = "warehouse/oversize/"
      metric_inbox = "warehouse/metric_inbox/"
      checkpoints  = "warehouse/checkpoints/"
    }
    error_message = "The prefixes are those of iot_common.settings and iot_bronze.settings."
  }

  assert {
    condition     = output.warehouse_uri == "s3://${output.bucket_names["lake"]}/warehouse"
    error_message = "The warehouse is a prefix of the lake bucket, without a closing slash."
  }

  assert {
    condition     = output.landing_uri == "s3://${output.bucket_names["landing"]}"
    error_message = "Producers write to the landing bucket itself."
  }

  assert {
    condition     = output.artifacts_uri == "s3://${output.bucket_names["artifacts"]}"
    error_message = "Releases are in the artifacts bucket itself."
  }
}

run "closes_every_bucket_to_the_public" {
  assert {
    condition = length(aws_s3_bucket_public_access_block.this) == 3 && alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ])
    error_message = "Every bucket blocks public access in all four ways."
  }

  assert {
    condition = length(aws_s3_bucket_ownership_controls.this) == 3 && alltrue([
      for controls in aws_s3_bucket_ownership_controls.this : controls.rule[0].object_ownership == "BucketOwnerEnforced"
    ])
    error_message = "Every bucket owns its objects; ACLs are off."
  }
}

run "encrypts_every_bucket_with_keys_of_s3" {
  assert {
    condition = length(aws_s3_bucket_server_side_encryption_configuration.this) == 3 && alltrue([
      for encryption in aws_s3_bucket_server_side_encryption_configuration.this :
      one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256" && one(encryption.rule).bucket_key_enabled
    ])
    error_message = "Every bucket is encrypted with SSE-S3, bucket keys on."
  }
}

run "refuses_requests_without_tls" {
  assert {
    condition = length(aws_s3_bucket_policy.this) == 3 && alltrue([
      for statement in values(data.aws_iam_policy_document.bucket)[*].statement[0] :
      statement.sid == "RefuseRequestsWithoutTls" && statement.effect == "Deny" && contains(statement.actions, "s3:*")
    ])
    error_message = "The policy of every bucket begins by refusing requests without TLS, whatever they do."
  }

  assert {
    condition = alltrue([
      for statement in values(data.aws_iam_policy_document.bucket)[*].statement[0] : {
        for condition in statement.condition : condition.variable => "${condition.test} ${join(",", condition.values)}"
      } == { "aws:SecureTransport" = "Bool false" }
    ])
    error_message = "What is refused is a request that did not come over TLS."
  }

  assert {
    condition = alltrue([
      for purpose, document in data.aws_iam_policy_document.bucket :
      toset(document.statement[0].resources) == toset([aws_s3_bucket.this[purpose].arn, "${aws_s3_bucket.this[purpose].arn}/*"])
    ])
    error_message = "TLS is asked for on the bucket and on its objects."
  }
}

run "never_overwrites_an_artifact" {
  assert {
    condition     = aws_s3_bucket_versioning.artifacts.versioning_configuration[0].status == "Enabled"
    error_message = "Artifacts are versioned, so that a deleted one can be brought back."
  }

  assert {
    condition = {
      for purpose, document in data.aws_iam_policy_document.bucket :
      purpose => contains(document.statement[*].sid, "RefuseUploadsThatCouldOverwrite")
    } == { landing = false, lake = false, artifacts = true }
    error_message = "Only artifacts refuse unconditional uploads: producers and Iceberg make them."
  }

  assert {
    condition = {
      for condition in data.aws_iam_policy_document.bucket["artifacts"].statement[1].condition :
      condition.variable => "${condition.test} ${join(",", condition.values)}"
    } == { "s3:if-none-match" = "Null true", "s3:ObjectCreationOperation" = "Bool true" }
    error_message = "What is refused is an upload, or the completion of one in parts, that does not say If-None-Match."
  }
}

run "expires_only_what_may_go_by_age" {
  variables {
    landing_retention_days      = 5
    metric_inbox_retention_days = 9
  }

  assert {
    condition     = one(one(aws_s3_bucket_lifecycle_configuration.landing.rule).expiration).days == 5
    error_message = "Landing objects go after landing_retention_days."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.lake.rule :
      one(rule.filter).prefix => one(rule.expiration).days if length(rule.expiration) > 0
    } == { "warehouse/metric_inbox/" = 9, "warehouse/ops/run_tokens/" = 3 }
    error_message = "In the lake only the metric inbox and the tokens of runs expire by age: no table, block, oversize line or checkpoint may."
  }

  assert {
    condition = alltrue([
      for rules in [
        aws_s3_bucket_lifecycle_configuration.landing.rule,
        aws_s3_bucket_lifecycle_configuration.lake.rule,
        aws_s3_bucket_lifecycle_configuration.artifacts.rule,
      ] : anytrue([for rule in rules : length(rule.abort_incomplete_multipart_upload) == 1])
    ])
    error_message = "Every bucket drops the parts of abandoned uploads."
  }
}

run "refuses_a_name_s3_would_refuse" {
  command = plan

  variables {
    name_prefix = "Driftlake_dev"
  }

  expect_failures = [var.name_prefix]
}

run "refuses_a_name_too_long_for_its_suffix" {
  command = plan

  variables {
    name_prefix = "driftlake-development-of-the-team-in-the-north-1234567"
  }

  expect_failures = [var.name_prefix]
}

run "refuses_to_drop_landing_objects_before_an_outage_ends" {
  command = plan

  variables {
    landing_retention_days = 2
  }

  expect_failures = [var.landing_retention_days]
}

run "refuses_to_keep_landing_objects_for_ever" {
  command = plan

  variables {
    landing_retention_days = 91
  }

  expect_failures = [var.landing_retention_days]
}

run "refuses_parts_of_a_day" {
  command = plan

  variables {
    metric_inbox_retention_days = 7.5
  }

  expect_failures = [var.metric_inbox_retention_days]
}

run "refuses_to_forget_deleted_artifacts_within_a_month" {
  command = plan

  variables {
    deleted_artifact_days = 29
  }

  expect_failures = [var.deleted_artifact_days]
}

run "encrypts_with_a_key_of_its_own_where_asked" {
  command = plan

  variables {
    own_key = true
  }

  assert {
    condition = alltrue([
      for encryption in aws_s3_bucket_server_side_encryption_configuration.this :
      one(one(encryption.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms" && one(encryption.rule).bucket_key_enabled
    ])
    error_message = "Every bucket is encrypted with KMS, by bucket keys: a call per object would cost more than the key."
  }

  assert {
    condition     = one(aws_kms_key.this).enable_key_rotation && one(aws_kms_key.this).deletion_window_in_days == 30
    error_message = "The key turns over each year, and its deletion can be taken back for a month."
  }

  assert {
    condition     = output.key_alias == "alias/driftlake-test-123456789012"
    error_message = "Others know the key by its alias."
  }
}

run "has_no_key_to_pay_where_not_asked" {
  command = plan

  assert {
    condition     = length(aws_kms_key.this) == 0 && length(aws_kms_alias.this) == 0 && output.key_alias == null
    error_message = "A key costs $1 a month: none by default."
  }
}
