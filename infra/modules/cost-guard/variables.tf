variable "name_prefix" {
  description = "Start of the names, such as `driftlake-dev-<account number>`. Changing it replaces what is named by it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix is 3 to 50 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "monthly_limit_usd" {
  description = "What a month may cost, in USD: the whole account's bill, as an environment has an account."
  type        = number
  default     = 50
  nullable    = false

  validation {
    condition     = var.monthly_limit_usd >= 1 && var.monthly_limit_usd <= 10000
    error_message = "monthly_limit_usd is 1 to 10000."
  }
}

variable "warn_at_percent" {
  description = "Percentages of the limit at which the bill so far raises an alert; a budget takes five alerts, one of them the forecast's."
  type        = set(number)
  default     = [50, 80, 100]
  nullable    = false

  validation {
    condition     = contains(var.warn_at_percent, 100) && length(var.warn_at_percent) <= 4 && alltrue([for percent in var.warn_at_percent : percent >= 1 && percent <= 200])
    error_message = "warn_at_percent is at most four numbers from 1 to 200, 100 among them: passing the limit is always told."
  }
}

variable "alert_topic_arn" {
  description = "ARN of the topic for alerts; its policy must let budgets.amazonaws.com publish (messaging does)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alert_topic_arn))
    error_message = "alert_topic_arn is the ARN of an SNS topic."
  }
}
