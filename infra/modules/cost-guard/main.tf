# The month's bill against its limit. A budget tells, it stops nothing; AWS counts with some hours' delay.
resource "aws_budgets_budget" "this" {
  name         = "${var.name_prefix}-month"
  budget_type  = "COST"
  limit_amount = format("%.2f", var.monthly_limit_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = var.warn_at_percent

    content {
      notification_type         = "ACTUAL"
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [var.alert_topic_arn]
    }
  }

  # While there is still time to do something. AWS forecasts after about five weeks of bills.
  notification {
    notification_type         = "FORECASTED"
    comparison_operator       = "GREATER_THAN"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [var.alert_topic_arn]
  }
}
