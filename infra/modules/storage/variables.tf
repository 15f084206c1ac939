variable "name_prefix" {
  description = "Start of the three bucket names, such as `driftlake-dev-<account number>`; bucket names are unique across all of AWS. Changing it replaces the buckets, which S3 refuses while they hold objects."
  type        = string
  nullable    = false

  validation {
    # 63 characters is S3's limit; the longest suffix is "-artifacts".
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,51}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix is 3 to 53 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "landing_retention_days" {
  description = "Days after which a landing object is deleted. Bronze must have read it by then, or its readings are lost; each further day keeps one more day of uploads (10 GB a day uncompressed: $0.23 a month per day kept)."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = floor(var.landing_retention_days) == var.landing_retention_days && var.landing_retention_days >= 3 && var.landing_retention_days <= 90
    error_message = "landing_retention_days is a whole number from 3 (a long weekend's outage loses nothing) to 90 (above, bronze is the cheaper archive)."
  }
}

variable "metric_inbox_retention_days" {
  description = "Days after which an object of the metric inbox is deleted. The metrics stage must have read it by then, or `ops.conservation` lacks those batches; every run of that stage lists all that is kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = floor(var.metric_inbox_retention_days) == var.metric_inbox_retention_days && var.metric_inbox_retention_days >= 7 && var.metric_inbox_retention_days <= 365
    error_message = "metric_inbox_retention_days is a whole number from 7 (a week's outage of the metrics stage loses nothing) to 365 (listing old objects costs on every run)."
  }
}

variable "deleted_artifact_days" {
  description = "Days for which a deleted artifact can be brought back. It is paid for that long; afterwards no rollback can reach that release."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = floor(var.deleted_artifact_days) == var.deleted_artifact_days && var.deleted_artifact_days >= 30 && var.deleted_artifact_days <= 365
    error_message = "deleted_artifact_days is a whole number from 30 to 365."
  }
}

variable "own_key" {
  description = "Encrypt with a KMS key of this environment in place of S3's own, free keys: $1 a month, and $0.03 per 10,000 calls, few with bucket keys. Producers then need kms:GenerateDataKey on it. Only new objects get it; turning it off is refused, since the key's end would be that of what it has encrypted."
  type        = bool
  default     = false
  nullable    = false
}
