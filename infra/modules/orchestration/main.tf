# The flow: what starts the stages' jobs, and in which order. State machines from the two templates, the functions they
# call (functions.tf), their roles (policy.tf), and the schedules.
locals {
  flow_name        = "${var.name_prefix}-flow"
  maintenance_name = "${var.name_prefix}-maintenance"

  # As the step functions' own ARNs, which their roles and the schedules name before they are there.
  states          = "arn:aws:states:${var.region}:${var.account_id}"
  flow_arn        = "${local.states}:stateMachine:${local.flow_name}"
  maintenance_arn = "${local.states}:stateMachine:${local.maintenance_name}"

  job_arns = [
    for stage in ["bronze", "silver", "gold", "drift", "metrics"] :
    "arn:aws:glue:${var.region}:${var.account_id}:job/${var.name_prefix}-${stage}"
  ]

  definitions = {
    flow = templatefile("${path.module}/flow.asl.json.tftpl", merge(local.function_arns, {
      name_prefix           = var.name_prefix
      alert_topic_arn       = var.alert_topic_arn
      backlog_records       = var.backlog_records
      backlog_after_seconds = var.backlog_after_minutes * 60
      passes_per_execution  = var.passes_per_execution
    }))
    maintenance = templatefile("${path.module}/maintenance.asl.json.tftpl", merge(local.function_arns, {
      name_prefix     = var.name_prefix
      alert_topic_arn = var.alert_topic_arn
    }))
  }

  state_machine_names = { flow = local.flow_name, maintenance = local.maintenance_name }

  schedules = {
    flow = {
      expression = "rate(${var.flow_minutes} minutes)"
      enabled    = var.flow_enabled
      text       = "Bronze, silver and drift where there is something new; gold and metrics when due"
    }
    maintenance = {
      expression = var.maintenance_cron
      enabled    = var.maintenance_enabled
      text       = "Each stage's upkeep of its own tables; dead letters to cold storage"
    }
  }
}

# Names that begin with /aws/vendedlogs/ do not count towards the size limit of the log's resource policy.
resource "aws_cloudwatch_log_group" "states" {
  for_each = local.state_machine_names

  name              = "/aws/vendedlogs/states/${each.value}"
  retention_in_days = var.log_retention_days
}

# STANDARD: a job's run takes minutes, and each state is done once. EXPRESS ends at five minutes.
resource "aws_sfn_state_machine" "this" {
  for_each = local.state_machine_names

  name       = each.value
  role_arn   = aws_iam_role.states[each.key].arn
  type       = "STANDARD"
  definition = local.definitions[each.key]

  # The history of an execution says all, for 90 days; the log keeps the failures where they can be searched.
  logging_configuration {
    level                  = "ERROR"
    include_execution_data = true
    log_destination        = "${aws_cloudwatch_log_group.states[each.key].arn}:*"
  }

  depends_on = [aws_iam_role_policy.states]
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name_prefix
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                         = local.state_machine_names[each.key]
  group_name                   = aws_scheduler_schedule_group.this.name
  description                  = each.value.text
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.this[each.key].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = "{}"

    # A tick that cannot be started within the cadence is the next one's.
    retry_policy {
      maximum_event_age_in_seconds = 600
      maximum_retry_attempts       = 5
    }
  }
}

# What a pass cannot tell by itself: that it ran out of time, was stopped, or broke outside its catches.
resource "aws_cloudwatch_event_rule" "broken" {
  name        = "${var.name_prefix}-flow-broken"
  description = "An execution ended and could not tell why by itself"

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = [local.flow_arn, local.maintenance_arn]
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
      error           = [{ anything-but = ["FlowFailed", "MaintenanceFailed"] }, { exists = false }]
    }
  })
}

resource "aws_cloudwatch_event_target" "broken" {
  rule = aws_cloudwatch_event_rule.broken.name
  arn  = var.alert_topic_arn

  input_transformer {
    input_paths = {
      execution = "$.detail.executionArn"
      status    = "$.detail.status"
      time      = "$.time"
    }
    input_template = "\"<execution> <status> at <time>. The next tick goes on where it stopped.\""
  }
}
