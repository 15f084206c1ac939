variable "name_prefix" {
  description = "Start of the names of all that workflows may touch, such as `driftlake-dev-<account number>`; the roles are named by it, too."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix is 3 to 50 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "account_id" {
  description = "Account of the environment; the roles reach no other."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is an account's twelve digits."
  }
}

variable "region" {
  description = "Region of the environment, such as `us-east-1`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, such as us-east-1."
  }
}

variable "environment" {
  description = "Name of the environment, such as `prod`: jobs of GitHub's environment of that name may deploy, of `<name>-plan` only read."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.environment))
    error_message = "environment is lower-case letters, digits and hyphens, such as dev."
  }
}

variable "repository" {
  description = "Repository whose workflows may take the roles, as `<owner>/<name>` and spelled as GitHub does. Whoever may write its workflows and pass the environment's rules may deploy."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository is one repository, <owner>/<name>, without wildcards."
  }
}

variable "create_oidc_provider" {
  description = "Whether to register GitHub as an issuer of identities. An account has it once: false where something else has registered it."
  type        = bool
  default     = true
  nullable    = false
}

variable "state_bucket" {
  description = "Bucket of the Terraform state."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket is a bucket's name."
  }
}

variable "state_prefix" {
  description = "Prefix of the keys of this environment's state, such as `primary/us-east-1/dev`; of other environments' states nothing is seen."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+(/[a-z0-9-]+)+$", var.state_prefix))
    error_message = "state_prefix is an address such as primary/us-east-1/dev, without a slash at either end."
  }
}

variable "session_minutes" {
  description = "Minutes after which credentials of a job end. A rollout waits for a canary run per stage: longer than five of them take."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = floor(var.session_minutes) == var.session_minutes && var.session_minutes >= 60 && var.session_minutes <= 240
    error_message = "session_minutes is a whole number from 60 to 240."
  }
}

variable "views" {
  description = "Views over the tables, as `<namespace>.<view>`, that a rollout makes or replaces in Athena. Of the catalog's tables a deployment may change these alone."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for view in var.views : can(regex("^[a-z][a-z0-9_]*[.][a-z][a-z0-9_]*$", view))])
    error_message = "views are named <namespace>.<view>, without wildcards."
  }
}
