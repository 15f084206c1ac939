# Without AWS: the provider is mocked, so the tests see what the module asks for, not what Athena answers.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = {
      json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
    }
  }
}

variables {
  name_prefix = "driftlake-test-123456789012"
  account_id  = "123456789012"
}

run "cancels_a_query_that_scans_too_much" {
  variables {
    scan_cutoff_gib = 3
  }

  assert {
    condition     = one(aws_athena_workgroup.this.configuration).bytes_scanned_cutoff_per_query == 3221225472
    error_message = "A query is cancelled after scan_cutoff_gib."
  }

  assert {
    condition     = one(aws_athena_workgroup.this.configuration).enforce_workgroup_configuration
    error_message = "A client cannot leave the cutoff and the encryption behind."
  }
}

run "keeps_results_encrypted_private_and_for_a_while" {
  variables {
    result_retention_days = 3
  }

  assert {
    condition     = one(one(one(aws_athena_workgroup.this.configuration).result_configuration).encryption_configuration).encryption_option == "SSE_S3"
    error_message = "Athena encrypts what it writes."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.results.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "So does the bucket."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.results.block_public_acls,
      aws_s3_bucket_public_access_block.results.block_public_policy,
      aws_s3_bucket_public_access_block.results.ignore_public_acls,
      aws_s3_bucket_public_access_block.results.restrict_public_buckets,
    ])
    error_message = "Results are not public in any of the four ways."
  }

  assert {
    condition     = one(one(aws_s3_bucket_lifecycle_configuration.results.rule).expiration).days == 3
    error_message = "Results go after result_retention_days."
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.results.statement : [
      statement.effect, one(statement.condition).variable, one(one(statement.condition).values)
    ]] == [["Deny", "aws:SecureTransport", "false"]]
    error_message = "Results are fetched over TLS only."
  }
}

run "refuses_a_cutoff_that_is_none" {
  command = plan

  variables {
    scan_cutoff_gib = 5000
  }

  expect_failures = [var.scan_cutoff_gib]
}

run "refuses_to_keep_results_for_ever" {
  command = plan

  variables {
    result_retention_days = 365
  }

  expect_failures = [var.result_retention_days]
}

run "keeps_named_queries_in_the_workgroup" {
  variables {
    named_queries = {
      silver-late = {
        database    = "silver"
        sql         = "-- What came late.\nSELECT device_id FROM silver.reading WHERE late\n"
        description = "What came late."
      }
    }
  }

  assert {
    condition = {
      for name, query in aws_athena_named_query.this : name => [query.database, query.query, query.description, query.workgroup == aws_athena_workgroup.this.id]
    } == { silver-late = ["silver", "-- What came late.\nSELECT device_id FROM silver.reading WHERE late\n", "What came late.", true] }
    error_message = "A query is kept as it is written, in the workgroup with the cutoff."
  }
}

run "refuses_a_named_query_that_writes" {
  command = plan

  variables {
    named_queries = {
      silver-clear = { database = "silver", sql = "DELETE FROM silver.reading", description = "Deletes all readings." }
    }
  }

  expect_failures = [var.named_queries]
}

run "refuses_a_second_statement_behind_a_query" {
  command = plan

  variables {
    named_queries = {
      silver-clear = { database = "silver", sql = "SELECT 1; DROP TABLE silver.reading", description = "Drops all readings." }
    }
  }

  expect_failures = [var.named_queries]
}

run "encrypts_results_with_the_environments_key_where_there_is_one" {
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/driftlake-test-123456789012"
  }

  assert {
    condition = [
      one(one(one(aws_athena_workgroup.this.configuration).result_configuration).encryption_configuration).encryption_option,
      one(one(one(aws_athena_workgroup.this.configuration).result_configuration).encryption_configuration).kms_key_arn,
    ] == ["SSE_KMS", var.kms_key_arn]
    error_message = "Athena encrypts what it writes with the key."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.results.rule).apply_server_side_encryption_by_default).kms_master_key_id == var.kms_key_arn
    error_message = "So does the bucket."
  }
}

run "refuses_a_key_that_is_none" {
  command = plan

  variables {
    kms_key_arn = "my-key"
  }

  expect_failures = [var.kms_key_arn]
}
