variable "name_prefix" {
  description = "Start of the names, such as `driftlake-dev-<account number>`. Changing it replaces what is named by it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix is 3 to 50 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "account_id" {
  description = "The account that owns the bucket of the results; Athena writes to no other account's."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is an account's twelve digits."
  }
}

variable "scan_cutoff_gib" {
  description = "GiB after which a query is cancelled. What it scanned till then is billed: $0.005 per GiB."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = floor(var.scan_cutoff_gib) == var.scan_cutoff_gib && var.scan_cutoff_gib >= 1 && var.scan_cutoff_gib <= 1024
    error_message = "scan_cutoff_gib is a whole number from 1 to 1024 ($5 a query)."
  }
}

variable "result_retention_days" {
  description = "Days for which the result of a query can be fetched; they are copies of what the tables hold."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = floor(var.result_retention_days) == var.result_retention_days && var.result_retention_days >= 1 && var.result_retention_days <= 90
    error_message = "result_retention_days is a whole number from 1 to 90."
  }
}

variable "named_queries" {
  description = "Name -> a query that Athena keeps for everyone: its SQL, the database of names without one, and what it answers. Keeping them costs nothing, running one what it scans."
  type = map(object({
    database    = string
    sql         = string
    description = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.named_queries) : can(regex("^[a-z][a-z0-9-]{2,127}$", name))])
    error_message = "A named query is 3 to 128 lower-case letters, digits and hyphens, and begins with a letter."
  }

  validation {
    condition     = alltrue([for each in values(var.named_queries) : can(regex("(?i)^(\\s*--[^\n]*\n)*\\s*(select|with)\\s", each.sql)) && !strcontains(each.sql, ";")])
    error_message = "A named query reads: comments, then one SELECT or WITH, without a semicolon. Stages alone write tables."
  }

  validation {
    condition     = alltrue([for each in values(var.named_queries) : length(each.description) >= 10 && length(each.description) <= 1024])
    error_message = "A named query says what it answers, in 10 to 1024 characters."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key, or of its alias, that storage makes with own_key; null: S3's own, free keys. Who queries then needs kms:Decrypt and kms:GenerateDataKey on it; calls cost $0.03 per 10,000."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+$", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a KMS key or of its alias."
  }
}
