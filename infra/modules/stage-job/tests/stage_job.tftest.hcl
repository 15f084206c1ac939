# Without AWS: nothing here asks it, but the provider is the real one, so that the policies are rendered as they would be.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name_prefix   = "driftlake-test-123456789012"
  stage         = "silver"
  account_id    = "123456789012"
  region        = "us-east-1"
  warehouse_uri = "s3://test-lake/warehouse"
  landing_uri   = "s3://test-landing"
  artifacts_uri = "s3://test-artifacts"

  tables = {
    writes = ["silver.reading", "silver.quarantine"]
    reads  = ["bronze.block"]
  }

  places = {
    reads  = ["blocks", "contracts"]
    writes = ["notices"]
    clears = []
  }

  release = {
    pex_sha256      = "1111111111111111111111111111111111111111111111111111111111111111"
    manifest_sha256 = "2222222222222222222222222222222222222222222222222222222222222222"
    launcher_sha256 = "3333333333333333333333333333333333333333333333333333333333333333"
  }

  settings = { contracts = "s3://test-artifacts/contracts" }
}

run "runs_the_pinned_release_and_no_other" {
  command = plan

  assert {
    condition = aws_glue_job.this.non_overridable_arguments == tomap({
      "--pex"        = "s3://test-artifacts/stages/silver/1111111111111111111111111111111111111111111111111111111111111111/silver.pex"
      "--pex-sha256" = "1111111111111111111111111111111111111111111111111111111111111111"
    })
    error_message = "The job runs the PEX of its pin, checks its hash, and whoever starts it cannot name another."
  }

  assert {
    condition     = one(aws_glue_job.this.command).script_location == "s3://test-artifacts/launcher/3333333333333333333333333333333333333333333333333333333333333333/launch_stage.py"
    error_message = "The launcher is pinned too."
  }

  assert {
    condition     = output.manifest_uri == "s3://test-artifacts/stages/silver/1111111111111111111111111111111111111111111111111111111111111111/manifest-2222222222222222222222222222222222222222222222222222222222222222.json"
    error_message = "One program may be released with several manifests, such as beside another launcher: a key names one."
  }

  assert {
    condition = {
      for name, value in aws_glue_job.this.default_arguments : name => value if startswith(name, "--setting-")
      } == {
      "--setting-catalog"   = "glue"
      "--setting-warehouse" = "s3://test-lake/warehouse"
      "--setting-contracts" = "s3://test-artifacts/contracts"
    }
    error_message = "The stage gets its warehouse, the Glue catalog and its settings."
  }
}

run "spends_what_the_budget_assumes" {
  command = plan

  assert {
    condition     = aws_glue_job.this.glue_version == "5.1" && one(aws_glue_job.this.command).name == "gluestreaming"
    error_message = "Glue 5.1 is Spark 3.5.6; without a version a job gets another major."
  }

  assert {
    condition     = aws_glue_job.this.worker_type == "G.025X" && aws_glue_job.this.number_of_workers == 2
    error_message = "Two G.025X are 0.5 DPU."
  }

  assert {
    condition     = aws_glue_job.this.timeout == 12 && aws_glue_job.this.max_retries == 1
    error_message = "A run that hangs ends after 12 minutes, and is repeated once."
  }

  assert {
    condition     = one(aws_glue_job.this.execution_property).max_concurrent_runs == 1
    error_message = "A checkpoint has one writer."
  }
}

run "keeps_its_logs_for_a_while" {
  command = plan

  variables {
    log_retention_days = 14
  }

  assert {
    condition = { for group in aws_cloudwatch_log_group.this : group.name => group.retention_in_days } == {
      "/driftlake-test-123456789012/silver/error"  = 14
      "/driftlake-test-123456789012/silver/output" = 14
    }
    error_message = "Glue appends /error and /output to its prefix; both are kept for log_retention_days."
  }

  assert {
    condition     = aws_glue_job.this.default_arguments["--custom-logGroup-prefix"] == "/driftlake-test-123456789012/silver"
    error_message = "The job writes to the groups that have a retention, not to Glue's own."
  }
}

run "trusts_glue_of_its_account_alone" {
  command = plan

  assert {
    condition = jsondecode(data.aws_iam_policy_document.trust.json).Statement == [{
      Sid       = "GlueOfThisAccountMayAssume"
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "glue.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    }]
    error_message = "No other service and no other account may take the role."
  }
}

run "changes_its_own_tables_and_no_other" {
  command = plan

  assert {
    condition = one([
      for statement in jsondecode(output.policy_json).Statement : toset(statement.Resource) if statement.Sid == "MakeAndCommitOwnTables"
      ]) == toset([
      "arn:aws:glue:us-east-1:123456789012:catalog",
      "arn:aws:glue:us-east-1:123456789012:database/silver",
      "arn:aws:glue:us-east-1:123456789012:table/silver/reading",
      "arn:aws:glue:us-east-1:123456789012:table/silver/quarantine",
    ])
    error_message = "In the catalog a stage commits to the tables it writes."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policy_json).Statement : toset(statement.Resource) if statement.Sid == "WriteOwnTableFiles"
      ]) == toset([
      "arn:aws:s3:::test-lake/warehouse/silver/reading/*",
      "arn:aws:s3:::test-lake/warehouse/silver/quarantine/*",
    ])
    error_message = "In the lake a stage writes into the folders of the tables it writes."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.policy_json).Statement : statement.Resource
      if anytrue([for action in flatten([statement.Action]) : can(regex("s3:(Put|Delete)|glue:(Create|Update|Delete)", action))])
      ])) == toset([
      "arn:aws:glue:us-east-1:123456789012:catalog",
      "arn:aws:glue:us-east-1:123456789012:database/silver",
      "arn:aws:glue:us-east-1:123456789012:table/silver/reading",
      "arn:aws:glue:us-east-1:123456789012:table/silver/quarantine",
      "arn:aws:s3:::test-lake/warehouse/silver/reading/*",
      "arn:aws:s3:::test-lake/warehouse/silver/quarantine/*",
      "arn:aws:s3:::test-lake/warehouse/checkpoints/silver/*",
      "arn:aws:s3:::test-lake/warehouse/metric_inbox/*-silver-*.json",
      "arn:aws:s3:::test-lake/warehouse/ops/run_tokens/silver/*",
      "arn:aws:s3:::test-lake/warehouse/ops/notices/*",
    ])
    error_message = "What a stage may change is its tables, its checkpoints, its metric rows, its tokens and its places."
  }
}

run "reads_what_its_contract_names" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.policy_json).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:GetObject")
      ])) == toset([
      "arn:aws:s3:::test-artifacts/stages/silver/*",
      "arn:aws:s3:::test-artifacts/launcher/*",
      "arn:aws:s3:::test-artifacts/contracts/*",
      "arn:aws:s3:::test-lake/warehouse/bronze/block/*",
      "arn:aws:s3:::test-lake/warehouse/silver/reading/*",
      "arn:aws:s3:::test-lake/warehouse/silver/quarantine/*",
      "arn:aws:s3:::test-lake/warehouse/checkpoints/silver/*",
      "arn:aws:s3:::test-lake/warehouse/blocks/*",
      "arn:aws:s3:::test-lake/warehouse/ops/notices/*",
    ])
    error_message = "A stage opens its release, its tables and those it reads, and its places."
  }

  assert {
    condition     = !strcontains(output.policy_json, "sns:")
    error_message = "A stage without a topic publishes nothing."
  }

  assert {
    condition     = !strcontains(output.policy_json, "test-landing")
    error_message = "Only a stage that reads landing may open it."
  }
}

run "sends_alerts_only_where_it_is_told_a_topic" {
  command = plan

  variables {
    alert_topic_arn = "arn:aws:sns:us-east-1:123456789012:alerts"
  }

  assert {
    condition = [
      for statement in jsondecode(output.policy_json).Statement : [statement.Action, statement.Resource] if statement.Sid == "SendAlerts"
    ] == [["sns:Publish", "arn:aws:sns:us-east-1:123456789012:alerts"]]
    error_message = "A stage with a topic may publish to it and to no other."
  }
}

run "allows_nothing_everywhere" {
  command = plan

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policy_json).Statement : statement.Effect == "Allow" && !strcontains(jsonencode(statement.Action), "*")
    ])
    error_message = "Every action is named."
  }

  assert {
    condition = !anytrue([
      for resource in flatten([for statement in jsondecode(output.policy_json).Statement : statement.Resource]) :
      resource == "*" || can(regex("table/\\*|table/[a-z_]+/\\*|database/\\*|warehouse/\\*|:::[a-z-]+/\\*", resource))
    ])
    error_message = "Every resource names its table, folder or group; no bucket is opened as a whole."
  }
}

run "lets_bronze_read_landing_and_clear_blocks_alone" {
  command = plan

  variables {
    stage  = "bronze"
    tables = { writes = ["bronze.block"], reads = [] }
    places = { reads = ["landing"], writes = ["blocks", "oversize"], clears = ["blocks"] }

    streams = { read_tables_here = ["silver/blocks"] }
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policy_json).Statement : flatten([statement.Resource]) if statement.Sid == "SeeWhereStreamsBegin"
    ]) == ["arn:aws:s3:::test-lake/warehouse/checkpoints/silver/blocks/sources/*"]
    error_message = "Of silver's checkpoint bronze sees where the stream over its blocks begins, and nothing else."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policy_json).Statement : toset(statement.Resource) if statement.Sid == "ReadLanding"
    ]) == toset(["arn:aws:s3:::test-landing", "arn:aws:s3:::test-landing/*"])
    error_message = "Bronze lists and reads landing."
  }

  assert {
    condition = one([
      for statement in jsondecode(output.policy_json).Statement : flatten([statement.Resource]) if statement.Sid == "ClearOwnPlaces"
    ]) == ["arn:aws:s3:::test-lake/warehouse/blocks/*"]
    error_message = "Bronze deletes blocks; rows point at oversize lines."
  }
}

run "refuses_a_unit_that_pins_no_release" {
  command = plan

  variables {
    release = {
      pex_sha256      = "not-published"
      manifest_sha256 = "not-published"
      launcher_sha256 = "not-published"
    }
  }

  expect_failures = [var.release]
}

run "refuses_a_pin_that_is_no_hash" {
  command = plan

  variables {
    release = {
      pex_sha256      = "1.4.0"
      manifest_sha256 = "2222222222222222222222222222222222222222222222222222222222222222"
      launcher_sha256 = "3333333333333333333333333333333333333333333333333333333333333333"
    }
  }

  expect_failures = [var.release]
}

run "refuses_an_unknown_stage" {
  command = plan

  variables {
    stage = "platinum"
  }

  expect_failures = [var.stage]
}

run "refuses_a_table_that_is_a_wildcard" {
  command = plan

  variables {
    tables = { writes = ["silver.*"], reads = [] }
  }

  expect_failures = [var.tables]
}

run "refuses_a_stream_that_is_a_wildcard" {
  command = plan

  variables {
    streams = { read_tables_here = ["*/blocks"] }
  }

  expect_failures = [var.streams]
}

run "refuses_to_clear_what_rows_point_at" {
  command = plan

  variables {
    places = { reads = [], writes = ["oversize"], clears = ["oversize"] }
  }

  expect_failures = [var.places]
}

run "refuses_to_write_landing" {
  command = plan

  variables {
    places = { reads = [], writes = ["landing"], clears = [] }
  }

  expect_failures = [var.places]
}

run "refuses_an_account_number_with_a_digit_missing" {
  command = plan

  variables {
    account_id = "12345678901"
  }

  expect_failures = [var.account_id]
}

run "refuses_a_setting_the_module_sets" {
  command = plan

  variables {
    settings = { warehouse = "s3://elsewhere/warehouse" }
  }

  expect_failures = [var.settings]
}

run "refuses_a_run_of_eight_hours" {
  command = plan

  variables {
    timeout_minutes = 480
  }

  expect_failures = [var.timeout_minutes]
}

run "pays_for_no_key_and_no_network_where_not_asked" {
  command = plan

  assert {
    condition     = length(aws_glue_connection.network) == 0 && length(coalesce(aws_glue_job.this.connections, [])) == 0
    error_message = "The job runs in Glue's own network."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : !strcontains(jsonencode(statement.Action), "kms:") && !strcontains(jsonencode(statement.Action), "ec2:")])
    error_message = "The role reaches neither keys nor networks."
  }
}

run "uses_the_environments_key_by_its_alias" {
  command = plan

  variables {
    kms_alias = "alias/driftlake-test-123456789012"
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Sid => [
        toset(statement.Action), statement.Resource, statement.Condition,
      ] if strcontains(jsonencode(statement.Action), "kms:")
      } == {
      UseTheKeyOfTheBuckets = [toset(["kms:Decrypt", "kms:GenerateDataKey"]), "arn:aws:kms:us-east-1:123456789012:key/*", {
        "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/driftlake-test-123456789012" }
        StringEquals               = { "kms:ViaService" = "s3.us-east-1.amazonaws.com" }
      }]
    }
    error_message = "The role uses that key alone, and through S3 alone."
  }
}

run "runs_in_a_subnet_where_asked" {
  command = plan

  variables {
    network = { subnet_id = "subnet-0a1", availability_zone = "us-east-1a", security_group_id = "sg-0b2" }
  }

  assert {
    condition     = aws_glue_job.this.connections == tolist(["driftlake-test-123456789012-silver"])
    error_message = "The job runs in the subnet of its own connection."
  }

  assert {
    condition = one(aws_glue_connection.network[0].physical_connection_requirements) == {
      subnet_id              = "subnet-0a1"
      availability_zone      = "us-east-1a"
      security_group_id_list = toset(["sg-0b2"])
    }
    error_message = "The connection names the subnet, its zone and the security group."
  }

  assert {
    condition = {
      for statement in jsondecode(data.aws_iam_policy_document.this.json).Statement : statement.Sid => statement.Resource
      if strcontains(jsonencode(statement.Action), "ec2:")
      } == {
      FindTheSubnet = "*"
      WorkInTheSubnet = [
        "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0a1",
        "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0b2",
        "arn:aws:ec2:us-east-1:123456789012:network-interface/*",
      ]
      ClearTheSubnet    = "arn:aws:ec2:us-east-1:123456789012:network-interface/*"
      MarkOwnInterfaces = "arn:aws:ec2:us-east-1:123456789012:network-interface/*"
    }
    error_message = "The role makes interfaces in that subnet alone; only describing has no resource to name."
  }
}

run "refuses_a_network_that_is_none" {
  command = plan

  variables {
    network = { subnet_id = "vpc-0a1", availability_zone = "us-east-1a", security_group_id = "sg-0b2" }
  }

  expect_failures = [var.network]
}

run "refuses_a_key_by_its_number" {
  command = plan

  variables {
    kms_alias = "0a1b2c3d"
  }

  expect_failures = [var.kms_alias]
}
