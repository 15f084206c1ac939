variable "warehouse_uri" {
  description = "Where the tables are, such as `s3://<lake bucket>/warehouse`: what stages get as --warehouse. Changing it moves no table: those that are there keep their folder, new ones go to the new place."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[a-z0-9_-]+)+$", var.warehouse_uri))
    error_message = "warehouse_uri is s3://<bucket>/<prefix>, without a closing slash."
  }
}

variable "namespaces" {
  description = "Database name -> what its tables hold. The names are the namespaces of the table contracts, so an account and region has room for one environment. Removing one deletes the database and orphans its tables' files."
  type        = map(string)
  nullable    = false

  default = {
    bronze = "Every line that landed, as it came."
    silver = "Readings, classified and typed; what was refused, superseded or observed."
    gold   = "Device windows, hours by place, daily summaries."
    drift  = "What changed in the fleet's data, since when and for whom."
    ops    = "What passed each gate of each stage, and whether it balances."
  }

  validation {
    condition     = alltrue([for name in keys(var.namespaces) : can(regex("^[a-z][a-z0-9_]{0,62}$", name))])
    error_message = "A namespace is lower-case letters, digits and underscores, and begins with a letter: Athena folds case, Spark does not."
  }
}
