# Without AWS: the provider is mocked, so the tests see what the module asks for, not what CloudWatch answers.
mock_provider "aws" {}

variables {
  name_prefix            = "driftlake-test"
  region                 = "us-east-1"
  alert_topic_arn        = "arn:aws:sns:us-east-1:123456789012:driftlake-test-alerts"
  landing_queue_name     = "driftlake-test-landing"
  dead_letter_queue_name = "driftlake-test-landing-dead-letters"
  lake_bucket            = "driftlake-test-lake"

  stages = {
    silver = { job_name = "driftlake-test-silver", log_group_name = "/driftlake-test/silver/output", late_after_minutes = 45 }
    gold   = { job_name = "driftlake-test-gold", log_group_name = "/driftlake-test/gold/output", late_after_minutes = null }
  }
}

run "tells_of_every_failed_run_of_a_stage" {
  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.failed.event_pattern) == {
      source      = ["aws.glue"]
      detail-type = ["Glue Job State Change"]
      detail = {
        jobName = ["driftlake-test-gold", "driftlake-test-silver"]
        state   = ["FAILED", "TIMEOUT", "ERROR"]
      }
    }
    error_message = "The rule listens to the jobs of the stages, and to no success."
  }

  assert {
    condition     = aws_cloudwatch_event_target.failed.arn == var.alert_topic_arn
    error_message = "Failures reach the topic."
  }
}

run "tells_of_a_stage_that_stays_silent" {
  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.late) == ["silver"]
    error_message = "Only a stage with a measure of lateness is watched."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.late["silver"].evaluation_periods == 9 && aws_cloudwatch_metric_alarm.late["silver"].treat_missing_data == "breaching"
    error_message = "45 minutes are nine periods of five; no data is silence."
  }

  assert {
    condition = one(flatten([
      for query in aws_cloudwatch_metric_alarm.late["silver"].metric_query : [for metric in query.metric : metric.dimensions.LogGroupName]
    ])) == "/driftlake-test/silver/output"
    error_message = "What is watched is what the stage itself says."
  }
}

run "tells_of_dead_letters_and_of_old_ones" {
  assert {
    condition = {
      for alarm in aws_cloudwatch_metric_alarm.queue : alarm.metric_name => alarm.threshold
    } == { ApproximateAgeOfOldestMessage = 604800, ApproximateNumberOfMessagesVisible = 0 }
    error_message = "One dead letter is told, and again at seven days: half the time until it is lost."
  }
}

run "tells_of_each_notice_and_of_nothing_else_in_the_lake" {
  assert {
    condition     = one(aws_s3_bucket_notification.notices.topic).filter_prefix == "warehouse/ops/notices/" && one(aws_s3_bucket_notification.notices.topic).topic_arn == var.alert_topic_arn
    error_message = "The prefix is that of iot_common.settings."
  }
}

run "reaches_the_topic_with_every_alarm" {
  variables {
    lag_metric_namespace = "driftlake-test"
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.late), values(aws_cloudwatch_metric_alarm.queue), values(aws_cloudwatch_metric_alarm.lag)) :
      alarm.alarm_actions == toset([var.alert_topic_arn]) && alarm.alarm_description != null
    ])
    error_message = "An alarm nobody hears of, or that does not say what to do, is none."
  }

  assert {
    condition = {
      for alarm in aws_cloudwatch_metric_alarm.lag : alarm.metric_name => alarm.threshold
    } == { CurationLagRecords = 100000, SemanticLagSeconds = 7200 }
    error_message = "The lags that are too long are 100,000 records and two hours."
  }
}

run "costs_nothing_for_what_nobody_asked_for" {
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.lag) == 0 && length(aws_cloudwatch_dashboard.this) == 0
    error_message = "No alarm on a metric that nobody publishes, no dashboard by default."
  }
}

run "draws_a_dashboard_when_asked" {
  variables {
    dashboard = true
  }

  assert {
    condition = [
      for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title
    ] == ["Log lines of each stage", "Landed objects that wait, dead letters"]
    error_message = "The dashboard shows stages and queues."
  }
}

run "refuses_a_stage_that_is_late_before_its_next_run" {
  command = plan

  variables {
    stages = {
      silver = { job_name = "driftlake-test-silver", log_group_name = "/driftlake-test/silver/output", late_after_minutes = 15 }
    }
  }

  expect_failures = [var.stages]
}

run "refuses_to_tell_of_every_file_of_the_lake" {
  command = plan

  variables {
    notices_prefix = "warehouse/"
  }

  expect_failures = [var.notices_prefix]
}

run "refuses_to_tell_of_dead_letters_when_they_are_lost" {
  command = plan

  variables {
    dead_letter_age_days = 14
  }

  expect_failures = [var.dead_letter_age_days]
}
