# Without AWS: the provider is mocked, so the tests see what the module asks for, not what Budgets answers.
mock_provider "aws" {}

variables {
  name_prefix     = "driftlake-test-123456789012"
  alert_topic_arn = "arn:aws:sns:us-east-1:123456789012:driftlake-test-123456789012-alerts"
}

run "tells_of_fifty_dollars_before_and_when_they_are_spent" {
  assert {
    condition     = aws_budgets_budget.this.limit_amount == "50.00" && aws_budgets_budget.this.limit_unit == "USD" && aws_budgets_budget.this.time_unit == "MONTHLY"
    error_message = "The limit is $50 a month."
  }

  assert {
    condition = toset([
      for each in aws_budgets_budget.this.notification : "${each.notification_type} ${each.threshold} ${each.threshold_type}"
    ]) == toset(["ACTUAL 50 PERCENTAGE", "ACTUAL 80 PERCENTAGE", "ACTUAL 100 PERCENTAGE", "FORECASTED 100 PERCENTAGE"])
    error_message = "Half, four fifths, all of it, and a forecast above it."
  }

  assert {
    condition     = alltrue([for each in aws_budgets_budget.this.notification : each.subscriber_sns_topic_arns == toset([var.alert_topic_arn])])
    error_message = "Every alert reaches the topic."
  }
}

run "refuses_silence_at_the_limit" {
  command = plan

  variables {
    warn_at_percent = [50]
  }

  expect_failures = [var.warn_at_percent]
}

run "refuses_a_budget_without_a_limit" {
  command = plan

  variables {
    monthly_limit_usd = 0
  }

  expect_failures = [var.monthly_limit_usd]
}

run "refuses_a_topic_that_is_none" {
  command = plan

  variables {
    alert_topic_arn = "on-call"
  }

  expect_failures = [var.alert_topic_arn]
}
