# What somebody must hear of, to one topic. Failures and notices come as events, which cost nothing; the rest are alarms.
locals {
  # Alarms on queues look five minutes back.
  queue_alarms = {
    dead-letters-old = {
      metric    = "ApproximateAgeOfOldestMessage"
      threshold = var.dead_letter_age_days * 24 * 60 * 60
      text      = "A dead letter is older than ${var.dead_letter_age_days} days; it is lost at 14. Redrive it, or archive it."
    }
    dead-letters = {
      metric    = "ApproximateNumberOfMessagesVisible"
      threshold = 0
      text      = "A message of a landed object could not be handled; the object itself is kept in landing. Redrive it once the cause is mended."
    }
  }

  # Published by the orchestration, which reads the checkpoints of all stages in one call.
  lag_alarms = var.lag_metric_namespace == null ? {} : {
    curation-lag = {
      metric    = "CurationLagRecords"
      threshold = var.curation_lag_records
      text      = "More than ${var.curation_lag_records} records have landed and are not yet in silver."
    }
    semantic-lag = {
      metric    = "SemanticLagSeconds"
      threshold = var.semantic_lag_minutes * 60
      text      = "Gold is more than ${var.semantic_lag_minutes} minutes behind silver."
    }
  }

  late_period_seconds = 300
}

# Every failure is told, also the second one in a row: an alarm would stay in its state and say nothing.
resource "aws_cloudwatch_event_rule" "failed" {
  name        = "${var.name_prefix}-stage-failed"
  description = "A run of a stage failed or ran into its timeout"

  event_pattern = jsonencode({
    source      = ["aws.glue"]
    detail-type = ["Glue Job State Change"]
    detail = {
      jobName = sort([for stage in var.stages : stage.job_name])
      state   = ["FAILED", "TIMEOUT", "ERROR"]
    }
  })
}

resource "aws_cloudwatch_event_target" "failed" {
  rule = aws_cloudwatch_event_rule.failed.name
  arn  = var.alert_topic_arn

  input_transformer {
    input_paths = {
      job     = "$.detail.jobName"
      state   = "$.detail.state"
      run     = "$.detail.jobRunId"
      message = "$.detail.message"
      time    = "$.time"
    }
    input_template = "\"<job> <state> at <time>, run <run>: <message> The next run continues where this one stopped.\""
  }
}

# A run that ends says so in its log; silence means that none ran. Lines in a log group are a metric AWS keeps for nothing.
resource "aws_cloudwatch_metric_alarm" "late" {
  for_each = { for name, stage in var.stages : name => stage if stage.late_after_minutes != null }

  alarm_name          = "${var.name_prefix}-${each.key}-late"
  alarm_description   = "${each.key} has said nothing for ${each.value.late_after_minutes} minutes: is its schedule on, does its job start?"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = ceil(each.value.late_after_minutes * 60 / local.late_period_seconds)
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]

  # A group without lines has no values; without FILL older ones would stand in for them.
  metric_query {
    id          = "spoken"
    expression  = "FILL(lines, 0)"
    label       = "log lines"
    return_data = true
  }

  metric_query {
    id = "lines"

    metric {
      namespace   = "AWS/Logs"
      metric_name = "IncomingLogEvents"
      dimensions  = { LogGroupName = each.value.log_group_name }
      period      = local.late_period_seconds
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each = local.queue_alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.text
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = var.dead_letter_queue_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  # SQS stops measuring a queue that is empty for hours.
  treat_missing_data = "notBreaching"
  alarm_actions      = [var.alert_topic_arn]
  ok_actions         = [var.alert_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "lag" {
  for_each = local.lag_alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.text
  namespace           = var.lag_metric_namespace
  metric_name         = each.value.metric
  statistic           = "Maximum"
  period              = 900
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "missing"
  alarm_actions       = [var.alert_topic_arn]
  ok_actions          = [var.alert_topic_arn]
}

# Silver and drift write a notice once, as an object: an open breaker, a missing contract version, a full column budget.
# New drift needs nothing here: the drift stage sends its digest to the topic itself. A bucket has one set of
# notifications: what else wants to hear of lake objects is added here.
resource "aws_s3_bucket_notification" "notices" {
  bucket = var.lake_bucket

  topic {
    id            = "notices"
    topic_arn     = var.alert_topic_arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.notices_prefix
  }
}

# $3 a month, more than all alarms together.
resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name_prefix
  dashboard_body = jsonencode({
    widgets = [
      {
        type   = "metric"
        width  = 12
        height = 6
        properties = {
          title  = "Log lines of each stage"
          region = var.region
          period = 900
          stat   = "Sum"
          metrics = [
            for name in sort(keys(var.stages)) :
            ["AWS/Logs", "IncomingLogEvents", "LogGroupName", var.stages[name].log_group_name, { label = name }]
          ]
        }
      },
      {
        type   = "metric"
        width  = 12
        height = 6
        properties = {
          title  = "Landed objects that wait, dead letters"
          region = var.region
          period = 300
          stat   = "Maximum"
          metrics = [
            for queue in [var.landing_queue_name, var.dead_letter_queue_name] :
            ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue]
          ]
        }
      },
    ]
  })
}
