variable "name_prefix" {
  description = "Start of all names, such as `driftlake-dev-<account number>`. The jobs and queues are those of this prefix."
  type        = string
  nullable    = false

  validation {
    # 64 characters is IAM's limit; the longest suffix is "-notify-missing-schema".
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,40}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix is 3 to 42 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "account_id" {
  description = "Account of jobs, queues and functions; roles name them by it, and trust services of no other account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is an account's twelve digits."
  }
}

variable "region" {
  description = "Region of jobs, queues and functions, such as `us-east-1`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, such as us-east-1."
  }
}

variable "warehouse_uri" {
  description = "Where the stages leave tokens and notices, such as `s3://<lake bucket>/warehouse`. Dead letters are archived in the same bucket, under dead_letters/."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[a-z0-9_-]+)+$", var.warehouse_uri))
    error_message = "warehouse_uri is s3://<bucket>/<prefix>, without a closing slash."
  }
}

variable "artifacts_uri" {
  description = "Bucket of the releases, such as `s3://<artifacts bucket>`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.artifacts_uri))
    error_message = "artifacts_uri is s3://<bucket>, without a closing slash."
  }
}

variable "metric_namespace" {
  description = "CloudWatch namespace of CurationLagRecords, SemanticLagSeconds and MissingContractVersions, such as `Driftlake/dev`; observability's alarms look there."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^Driftlake(/[A-Za-z0-9_-]+)*$", var.metric_namespace))
    error_message = "metric_namespace is Driftlake or Driftlake/<name>: the boundary of the roles allows no other."
  }
}

variable "alert_topic_arn" {
  description = "Topic that hears of every pass that failed."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alert_topic_arn))
    error_message = "alert_topic_arn is the ARN of an SNS topic."
  }
}

variable "release" {
  description = "The pin, from the unit's version.hcl: SHA-256 of the functions' archive in the artifacts bucket. A change replaces all functions at once; reverting it rolls them back."
  type = object({
    functions_sha256 = string
  })
  nullable = false

  validation {
    condition     = var.release.functions_sha256 != "not-published"
    error_message = "This unit pins no functions yet: version.hcl says not-published. Put dist/functions.zip into the artifacts bucket (orchestration's README says where) and write its hash there."
  }

  validation {
    condition     = var.release.functions_sha256 == "not-published" || can(regex("^[0-9a-f]{64}$", var.release.functions_sha256))
    error_message = "functions_sha256 is a SHA-256 sum: 64 digits and letters a to f, in lower case."
  }
}

variable "flow_minutes" {
  description = "Minutes between two ticks, each of which runs bronze, silver and drift where there is something new. Every 15 minutes each costs $10.56 a month at least; every 5, three times that."
  type        = number
  default     = 15
  nullable    = false

  validation {
    condition     = contains([5, 10, 15, 20, 30, 60], var.flow_minutes)
    error_message = "flow_minutes is 5, 10, 15, 20, 30 or 60."
  }
}

variable "gold_minutes" {
  description = "Minutes between two runs of gold, in the tick in which it is due. As often as every 15-minute tick it costs $7.90 a month more."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.gold_minutes >= var.flow_minutes && var.gold_minutes <= 1440 && var.gold_minutes % var.flow_minutes == 0
    error_message = "gold_minutes is a multiple of flow_minutes, up to a day's 1440."
  }
}

variable "metrics_minutes" {
  description = "Minutes between two runs of metrics, in the tick in which it is due. As often as every 15-minute tick it costs $7.90 a month more."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.metrics_minutes >= var.flow_minutes && var.metrics_minutes <= 1440 && var.metrics_minutes % var.flow_minutes == 0
    error_message = "metrics_minutes is a multiple of flow_minutes, up to a day's 1440."
  }
}

variable "flow_enabled" {
  description = "False: no tick. Data lands and waits; messages of it are kept for 14 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "maintenance_cron" {
  description = "When maintenance starts, in UTC: at an hour of little data. It runs each stage's job once more, about $0.60 a month."
  type        = string
  default     = "cron(20 3 * * ? *)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron|rate)\\([^()]+\\)$", var.maintenance_cron))
    error_message = "maintenance_cron is a schedule of EventBridge Scheduler, such as cron(20 3 * * ? *)."
  }
}

variable "maintenance_enabled" {
  description = "False: no maintenance. Small files and old snapshots are kept and paid for, and dead letters are lost at 14 days."
  type        = bool
  default     = true
  nullable    = false
}

variable "backlog_records" {
  description = "Records waiting above which a pass that took longer than backlog_after_minutes is followed by another at once."
  type        = number
  default     = 10000
  nullable    = false

  validation {
    condition     = floor(var.backlog_records) == var.backlog_records && var.backlog_records >= 1000
    error_message = "backlog_records is a whole number from 1000."
  }
}

variable "backlog_after_minutes" {
  description = "Minutes a pass must have taken for what waits to be a backlog. 10 GB a day land 10,000 records in under a minute: with 0, the jobs would run round the clock, for four times the price."
  type        = number
  default     = 15
  nullable    = false

  validation {
    condition     = floor(var.backlog_after_minutes) == var.backlog_after_minutes && var.backlog_after_minutes >= 0 && var.backlog_after_minutes <= 120
    error_message = "backlog_after_minutes is a whole number from 0 to 120."
  }
}

variable "passes_per_execution" {
  description = "Passes over a backlog in one execution; then a new execution goes on. An execution may have 25,000 events, a pass has about 100."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = floor(var.passes_per_execution) == var.passes_per_execution && var.passes_per_execution >= 1 && var.passes_per_execution <= 100
    error_message = "passes_per_execution is a whole number from 1 to 100."
  }
}

variable "archive_after_days" {
  description = "Age in days at which a dead letter goes to cold storage; SQS deletes it at 14. Above the age that raises the alarm, so that somebody may mend the cause first."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = floor(var.archive_after_days) == var.archive_after_days && var.archive_after_days >= 1 && var.archive_after_days <= 12
    error_message = "archive_after_days is a whole number from 1 to 12: two daily runs must be left before SQS deletes it."
  }
}

variable "log_retention_days" {
  description = "Days for which the logs of functions and failed passes are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "log_retention_days is 7, 14, 30, 60, 90, 180 or 365."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that the roles cannot go beyond; ci-role makes it. Null: each role's own policy is all there is, and no workflow may make the roles."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws:iam::[0-9]{12}:policy/[A-Za-z0-9/_-]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of an IAM policy."
  }
}

variable "kms_alias" {
  description = "Alias of the key that storage makes with own_key, such as `alias/driftlake-dev-<account number>`; null: the buckets use S3's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_alias == null || can(regex("^alias/[A-Za-z0-9/_-]+$", var.kms_alias))
    error_message = "kms_alias is alias/<name>."
  }
}
