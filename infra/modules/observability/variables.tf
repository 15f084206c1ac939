variable "name_prefix" {
  description = "Start of the names, such as `driftlake-dev-<account number>`. Changing it replaces what is named by it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix is 3 to 50 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "region" {
  description = "Region of the metrics that the dashboard shows, such as `us-east-1`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, such as us-east-1."
  }
}

variable "alert_topic_arn" {
  description = "Topic that hears of everything here; its policy must let CloudWatch, EventBridge and S3 publish (messaging does)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alert_topic_arn))
    error_message = "alert_topic_arn is the ARN of an SNS topic."
  }
}

variable "stages" {
  description = "Stage -> its Glue job, the log group of what it says, and the minutes of silence after which it is late (null: it is not watched, as where no data comes at night). Two missed runs are a good measure."
  type = map(object({
    job_name           = string
    log_group_name     = string
    late_after_minutes = number
  }))
  nullable = false

  validation {
    condition     = alltrue([for stage in var.stages : stage.late_after_minutes == null ? true : stage.late_after_minutes >= 30 && stage.late_after_minutes <= 1440])
    error_message = "late_after_minutes is 30 (two runs of the shortest cadence) to 1440 (an alarm looks back a day at most), or null."
  }
}

variable "landing_queue_name" {
  description = "Queue of landed objects, for the dashboard."
  type        = string
  nullable    = false
}

variable "dead_letter_queue_name" {
  description = "Queue of the dead letters, whose age and number raise alarms."
  type        = string
  nullable    = false
}

variable "dead_letter_age_days" {
  description = "Age in days at which a dead letter raises an alarm; it is deleted at 14."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.dead_letter_age_days >= 1 && var.dead_letter_age_days <= 12
    error_message = "dead_letter_age_days is 1 to 12: two days must be left to act."
  }
}

variable "lake_bucket" {
  description = "Bucket in which the stages put their notices."
  type        = string
  nullable    = false
}

variable "notices_prefix" {
  description = "Key prefix of the notices, with its closing slash."
  type        = string
  default     = "warehouse/ops/notices/"
  nullable    = false

  validation {
    condition     = endswith(var.notices_prefix, "/notices/")
    error_message = "notices_prefix ends with /notices/: a shorter one would send an e-mail for every file of a table."
  }
}

variable "lag_metric_namespace" {
  description = "Namespace of CurationLagRecords and SemanticLagSeconds, which the orchestration publishes; null while nobody does: no alarm."
  type        = string
  default     = null
}

variable "curation_lag_records" {
  description = "Records that may wait for silver after a run; more, twice in a row, raise an alarm."
  type        = number
  default     = 100000
  nullable    = false

  validation {
    condition     = floor(var.curation_lag_records) == var.curation_lag_records && var.curation_lag_records >= 1000
    error_message = "curation_lag_records is a whole number from 1000."
  }
}

variable "semantic_lag_minutes" {
  description = "Minutes gold may be behind silver; more, twice in a row, raise an alarm."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.semantic_lag_minutes >= 30 && var.semantic_lag_minutes <= 1440
    error_message = "semantic_lag_minutes is 30 to 1440."
  }
}

variable "dashboard" {
  description = "True: a dashboard, for $3 a month."
  type        = bool
  default     = false
  nullable    = false
}
