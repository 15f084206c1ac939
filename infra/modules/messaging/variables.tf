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
  description = "The account; policies name it, so that services of no other account are let in."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is an account's twelve digits."
  }
}

variable "region" {
  description = "Region of the queues and the topic, such as `us-east-1`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, such as us-east-1."
  }
}

variable "landing_uri" {
  description = "Bucket whose new objects are told, such as `s3://<landing bucket>`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.landing_uri))
    error_message = "landing_uri is s3://<bucket>, without a closing slash."
  }
}

variable "visibility_timeout_minutes" {
  description = "Minutes for which a message that was received is hidden: as long as the run that handles it may take, or a second run counts it again."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = floor(var.visibility_timeout_minutes) == var.visibility_timeout_minutes && var.visibility_timeout_minutes >= 12 && var.visibility_timeout_minutes <= 720
    error_message = "visibility_timeout_minutes is a whole number from 12 (a stage's timeout) to 720 (SQS's limit)."
  }
}

variable "receives_before_dead_letter" {
  description = "Times a message is received without being deleted before it goes to the dead letters, which raises an alarm."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = floor(var.receives_before_dead_letter) == var.receives_before_dead_letter && var.receives_before_dead_letter >= 2 && var.receives_before_dead_letter <= 100
    error_message = "receives_before_dead_letter is a whole number from 2 (one failed run is no reason) to 100."
  }
}

variable "alert_emails" {
  description = "Addresses that get every alert. Without one nobody hears of a failure."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+[.][^@\\s]+$", address))])
    error_message = "alert_emails are e-mail addresses."
  }
}
