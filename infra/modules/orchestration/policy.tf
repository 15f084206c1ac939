# Who may do what. ARNs are put together from names, so that every policy is known, and tested, without AWS.
locals {
  warehouse = regex("^s3://(?P<bucket>[^/]+)/(?P<prefix>.+)$", var.warehouse_uri)
  lake_arn  = "arn:aws:s3:::${local.warehouse.bucket}"

  tokens  = "${local.warehouse.prefix}/ops/run_tokens"
  notices = "${local.warehouse.prefix}/ops/notices"
  # Beside the warehouse: nothing that reads tables meets it.
  archive     = "dead_letters"
  archive_uri = "s3://${local.warehouse.bucket}/${local.archive}"

  # Names as messaging gives them.
  landing_queue         = "${var.name_prefix}-landing"
  dead_letter_queue     = "${var.name_prefix}-landing-dead-letters"
  sqs                   = "arn:aws:sqs:${var.region}:${var.account_id}"
  landing_queue_url     = "https://sqs.${var.region}.amazonaws.com/${var.account_id}/${local.landing_queue}"
  dead_letter_queue_url = "https://sqs.${var.region}.amazonaws.com/${var.account_id}/${local.dead_letter_queue}"

  list_tokens = {
    sid        = "ListTokens"
    actions    = ["s3:ListBucket"]
    resources  = [local.lake_arn]
    conditions = { "s3:prefix" = ["${local.tokens}/"] }
  }
  read_tokens     = { sid = "ReadTokens", actions = ["s3:GetObject"], resources = ["${local.lake_arn}/${local.tokens}/*"], conditions = {} }
  see_queue_depth = { sid = "SeeQueueDepth", actions = ["sqs:GetQueueAttributes"], resources = ["${local.sqs}:${local.landing_queue}"], conditions = {} }
  publish_metrics = {
    sid        = "PublishOwnMetrics"
    actions    = ["cloudwatch:PutMetricData"]
    resources  = ["*"] # CloudWatch knows no narrower one; the namespace is ours.
    conditions = { "cloudwatch:namespace" = [var.metric_namespace] }
  }

  statements = {
    get_checkpoints = [
      local.list_tokens,
      local.read_tokens,
      local.see_queue_depth,
      { sid = "SeeRunningPasses", actions = ["states:ListExecutions"], resources = [local.flow_arn], conditions = {} },
    ]
    settle_landed = [
      { sid = "SettleLanded", actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage"], resources = ["${local.sqs}:${local.landing_queue}"], conditions = {} },
    ]
    read_token = [local.list_tokens, local.read_tokens]
    notify_missing_schema = [
      { sid = "WriteNotices", actions = ["s3:PutObject"], resources = ["${local.lake_arn}/${local.notices}/*"], conditions = {} },
      local.publish_metrics,
    ]
    publish_lag = [local.list_tokens, local.read_tokens, local.see_queue_depth, local.publish_metrics]
    archive_dead_letters = [
      { sid = "TakeDeadLetters", actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage"], resources = ["${local.sqs}:${local.dead_letter_queue}"], conditions = {} },
      { sid = "KeepDeadLetters", actions = ["s3:PutObject"], resources = ["${local.lake_arn}/${local.archive}/*"], conditions = {} },
    ]
    redrive_dead_letters = [
      { sid = "ReadDeadLetters", actions = ["s3:GetObject"], resources = ["${local.lake_arn}/${local.archive}/*"], conditions = {} },
      { sid = "ListDeadLetters", actions = ["s3:ListBucket"], resources = [local.lake_arn], conditions = { "s3:prefix" = ["${local.archive}/*"] } },
      { sid = "SendAgain", actions = ["sqs:SendMessage"], resources = ["${local.sqs}:${local.landing_queue}"], conditions = {} },
    ]
  }

  state_machine_functions = {
    flow        = ["get_checkpoints", "settle_landed", "read_token", "notify_missing_schema", "publish_lag"]
    maintenance = ["archive_dead_letters"]
  }
}

data "aws_iam_policy_document" "function_trust" {
  statement {
    sid     = "LambdaMayAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "function" {
  for_each = local.functions

  dynamic "statement" {
    for_each = local.statements[each.key]

    content {
      sid       = statement.value.sid
      actions   = statement.value.actions
      resources = statement.value.resources

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = "StringLike"
          variable = condition.key
          values   = condition.value
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.kms_alias == null ? [] : ["key"]

    content {
      sid       = "UseKeyOfBuckets"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["arn:aws:kms:${var.region}:${var.account_id}:key/*"]

      condition {
        test     = "ForAnyValue:StringEquals"
        variable = "kms:ResourceAliases"
        values   = [var.kms_alias]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.region}.amazonaws.com"]
      }
    }
  }

  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:aws:logs:${var.region}:${var.account_id}:log-group:/aws/lambda/${local.function_names[each.key]}:*"]
  }
}

resource "aws_iam_role" "function" {
  for_each = local.function_names

  name               = each.value
  description        = "What the function ${each.key} of the flow may do"
  assume_role_policy = data.aws_iam_policy_document.function_trust.json

  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "function" {
  for_each = aws_iam_role.function

  name   = "function"
  role   = each.value.id
  policy = data.aws_iam_policy_document.function[each.key].json
}

data "aws_iam_policy_document" "states_trust" {
  statement {
    sid     = "StepFunctionsOfThisAccountMayAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "states" {
  for_each = local.state_machine_functions

  statement {
    sid       = "CallFunctions"
    actions   = ["lambda:InvokeFunction"]
    resources = [for name in each.value : local.function_arns["${name}_arn"]]
  }

  # BatchStopJobRun: a pass that is stopped stops its job.
  statement {
    sid       = "RunStages"
    actions   = ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"]
    resources = local.job_arns
  }

  statement {
    sid       = "TellFailures"
    actions   = ["sns:Publish"]
    resources = [var.alert_topic_arn]
  }

  dynamic "statement" {
    for_each = each.key == "flow" ? ["itself"] : []

    content {
      sid       = "GoOnInANewExecution"
      actions   = ["states:StartExecution"]
      resources = [local.flow_arn]
    }
  }

  # Log deliveries have no ARNs of their own: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_role" "states" {
  for_each = local.state_machine_names

  name               = each.value
  description        = "What the state machine ${each.key} may do: run the stages' jobs, call its functions, tell failures"
  assume_role_policy = data.aws_iam_policy_document.states_trust.json

  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "states" {
  for_each = aws_iam_role.states

  name   = "states"
  role   = each.value.id
  policy = data.aws_iam_policy_document.states[each.key].json
}

data "aws_iam_policy_document" "scheduler_trust" {
  statement {
    sid     = "SchedulerOfThisAccountMayAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    sid       = "StartPasses"
    actions   = ["states:StartExecution"]
    resources = [local.flow_arn, local.maintenance_arn]
  }
}

resource "aws_iam_role" "scheduler" {
  name               = "${var.name_prefix}-scheduler"
  description        = "What the schedules may do: start the flow and the maintenance"
  assume_role_policy = data.aws_iam_policy_document.scheduler_trust.json

  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "scheduler" {
  name   = "schedules"
  role   = aws_iam_role.scheduler.id
  policy = data.aws_iam_policy_document.scheduler.json
}
