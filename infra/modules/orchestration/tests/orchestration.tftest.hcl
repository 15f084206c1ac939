# Without AWS: nothing here asks it, but the provider is the real one, so that the policies are rendered as they would be.
# What the definitions do is executed by tests/test_flow_*.py.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

# The provider asks AWS whether a definition is valid; here the executor of tests/test_flow_*.py does.
override_resource {
  target = aws_sfn_state_machine.this
}

variables {
  name_prefix      = "driftlake-test-123456789012"
  account_id       = "123456789012"
  region           = "us-east-1"
  warehouse_uri    = "s3://test-lake/warehouse"
  artifacts_uri    = "s3://test-artifacts"
  metric_namespace = "Driftlake/test"
  alert_topic_arn  = "arn:aws:sns:us-east-1:123456789012:driftlake-test-123456789012-alerts"

  # Of an empty file.
  release = { functions_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
}

run "runs_the_pinned_functions_and_no_others" {
  command = plan

  assert {
    condition = alltrue([
      for function in aws_lambda_function.this :
      function.s3_bucket == "test-artifacts" && function.s3_key == "functions/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/functions.zip"
    ])
    error_message = "Every function is the archive of the pin."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.this : function.source_code_hash == base64sha256("")])
    error_message = "The pin's hexadecimal hash is the base64 one of Lambda."
  }

  assert {
    condition     = alltrue([for name, function in aws_lambda_function.this : function.runtime == "python3.11" && function.handler == "iot_functions.handlers.${name}"])
    error_message = "A function is the handler of its name, on the Python that the stages run on."
  }
}

run "schedules_flow_and_maintenance" {
  command = plan

  variables {
    flow_minutes        = 30
    maintenance_enabled = false
  }

  assert {
    condition = { for name, schedule in aws_scheduler_schedule.this : name => [schedule.schedule_expression, schedule.state] } == {
      flow        = ["rate(30 minutes)", "ENABLED"]
      maintenance = ["cron(20 3 * * ? *)", "DISABLED"]
    }
    error_message = "Each is a setting."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.this["get_checkpoints"].environment[0].variables.CADENCE_MINUTES) == { flow = 30, gold = 60, metrics = 60 }
    error_message = "The function that says what is due knows the cadences."
  }
}

run "takes_its_thresholds_from_settings" {
  command = plan

  variables {
    backlog_records       = 20000
    backlog_after_minutes = 0
    passes_per_execution  = 3
  }

  assert {
    condition = [
      for choice in jsondecode(output.definitions.flow).States.CheckBacklogThreshold.Choices : [for rule in choice.And : try(rule.NumericGreaterThan, rule.NumericGreaterThanEquals, rule.NumericLessThan)]
      if can(choice.And)
    ] == [[20000, 0, 3], [20000, 0]]
    error_message = "More than backlog_records after backlog_after_minutes: another pass, up to passes_per_execution."
  }
}

run "names_the_jobs_of_its_environment" {
  command = plan

  assert {
    condition = toset([
      for state in jsondecode(output.definitions.flow).States : state.Parameters.JobName if can(state.Parameters.JobName)
    ]) == toset([for stage in ["bronze", "silver", "gold", "drift", "metrics"] : "driftlake-test-123456789012-${stage}"])
    error_message = "The flow runs the five stages' jobs by the names stage-job gives them."
  }

  assert {
    condition = alltrue([
      for state in jsondecode(output.definitions.flow).States : can(state.Retry) && can(state.Catch) if state.Type == "Task"
    ])
    error_message = "Every task of the flow is tried again, and caught."
  }
}

run "may_start_these_jobs_and_call_these_functions_alone" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.policies_json.flow).Statement : statement.Resource if statement.Sid == "RunStages"
    ])) == toset([for stage in ["bronze", "silver", "gold", "drift", "metrics"] : "arn:aws:glue:us-east-1:123456789012:job/driftlake-test-123456789012-${stage}"])
    error_message = "The flow starts the five jobs and no other."
  }

  assert {
    condition = [
      for statement in jsondecode(output.policies_json.maintenance).Statement : statement.Resource if statement.Sid == "CallFunctions"
    ] == ["arn:aws:lambda:us-east-1:123456789012:function:driftlake-test-123456789012-archive-dead-letters"]
    error_message = "The maintenance calls the archiver and no other function."
  }

  assert {
    condition = toset(flatten([for statement in jsondecode(output.policies_json.scheduler).Statement : statement.Resource])) == toset([
      "arn:aws:states:us-east-1:123456789012:stateMachine:driftlake-test-123456789012-flow",
      "arn:aws:states:us-east-1:123456789012:stateMachine:driftlake-test-123456789012-maintenance",
    ])
    error_message = "The schedules start the two state machines."
  }
}

run "touches_no_table" {
  command = plan

  assert {
    condition = toset(flatten([
      for policy in values(output.policies_json) : [
        for statement in jsondecode(policy).Statement : statement.Resource
        if anytrue([for action in flatten([statement.Action]) : startswith(action, "s3:Put") || startswith(action, "s3:Delete")])
      ]
    ])) == toset(["arn:aws:s3:::test-lake/warehouse/ops/notices/*", "arn:aws:s3:::test-lake/dead_letters/*"])
    error_message = "What the functions write are notices and archived dead letters; they delete no object."
  }

  assert {
    condition = toset(flatten([
      for policy in values(output.policies_json) : [
        for statement in jsondecode(policy).Statement : statement.Resource
        if anytrue([for action in flatten([statement.Action]) : action == "s3:GetObject"])
      ]
    ])) == toset(["arn:aws:s3:::test-lake/warehouse/ops/run_tokens/*", "arn:aws:s3:::test-lake/dead_letters/*"])
    error_message = "What they read are tokens of runs and archived dead letters."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(output.policies_json) : [
        for statement in jsondecode(policy).Statement : statement.Resource != "*" || contains(["PublishOwnMetrics", "DeliverLogs"], statement.Sid)
      ]
    ]))
    error_message = "Only metrics (held by their namespace) and log deliveries have no narrower resource."
  }
}

run "keeps_its_logs_for_a_while" {
  command = plan

  variables {
    log_retention_days = 14
  }

  assert {
    condition     = alltrue([for group in merge(aws_cloudwatch_log_group.function, aws_cloudwatch_log_group.states) : group.retention_in_days == 14])
    error_message = "Every log group has a retention."
  }
}

run "tells_of_an_execution_that_cannot_tell_by_itself" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.broken.event_pattern).detail.status == ["FAILED", "TIMED_OUT", "ABORTED"] && aws_cloudwatch_event_target.broken.arn == var.alert_topic_arn
    error_message = "A pass that is stopped, runs out of time or breaks outside its catches reaches the topic."
  }
}

run "refuses_what_is_not_published" {
  command = plan

  variables {
    release = { functions_sha256 = "not-published" }
  }

  expect_failures = [var.release]
}

run "refuses_a_cadence_that_never_meets_a_tick" {
  command = plan

  variables {
    gold_minutes    = 40
    metrics_minutes = 10
  }

  expect_failures = [var.gold_minutes, var.metrics_minutes]
}

run "refuses_to_archive_when_it_is_too_late" {
  command = plan

  variables {
    archive_after_days = 14
  }

  expect_failures = [var.archive_after_days]
}

run "refuses_a_tick_of_a_minute" {
  command = plan

  variables {
    flow_minutes = 1
  }

  expect_failures = [var.flow_minutes]
}
