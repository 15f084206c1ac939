variable "name_prefix" {
  description = "Start of the names of job, role and log groups, such as `driftlake-dev-<account number>`. Changing it replaces them; tables and checkpoints stay."
  type        = string
  nullable    = false

  validation {
    # 64 characters is IAM's limit; the longest suffix is "-metrics".
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,53}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix is 3 to 55 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "stage" {
  description = "Which stage this is. It names the job, the role, the checkpoints and the release's prefix; changing it makes another stage's job."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["bronze", "silver", "gold", "drift", "metrics"], var.stage)
    error_message = "stage is bronze, silver, gold, drift or metrics."
  }
}

variable "account_id" {
  description = "Account of the tables and log groups; the role names them by it, and trusts Glue of no other account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is an account's twelve digits."
  }
}

variable "region" {
  description = "Region of the tables and log groups, such as `us-east-1`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, such as us-east-1."
  }
}

variable "warehouse_uri" {
  description = "Where tables and checkpoints are, such as `s3://<lake bucket>/warehouse`. Another one starts every stream anew."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9](/[a-z0-9_-]+)+$", var.warehouse_uri))
    error_message = "warehouse_uri is s3://<bucket>/<prefix>, without a closing slash."
  }
}

variable "landing_uri" {
  description = "Bucket where producers put NDJSON objects, such as `s3://<landing bucket>`; only a stage that reads the place `landing` may open it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.landing_uri))
    error_message = "landing_uri is s3://<bucket>, without a closing slash."
  }
}

variable "artifacts_uri" {
  description = "Bucket of the releases and of further contract versions, such as `s3://<artifacts bucket>`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.artifacts_uri))
    error_message = "artifacts_uri is s3://<bucket>, without a closing slash."
  }
}

variable "tables" {
  description = "Tables the stage writes and reads, as `<namespace>.<table>`: `tables` of the stage's access.json. The role may change the former and open both; nothing else."
  type = object({
    writes = set(string)
    reads  = set(string)
  })
  nullable = false

  validation {
    condition     = alltrue([for table in setunion(var.tables.writes, var.tables.reads) : can(regex("^[a-z][a-z0-9_]*[.][a-z][a-z0-9_]*$", table))])
    error_message = "A table is <namespace>.<table>, in lower case; a wildcard would reach another stage's tables."
  }

  validation {
    condition     = length(var.tables.writes) > 0
    error_message = "A stage writes at least one table."
  }
}

variable "places" {
  description = "Prefixes beside the tables: those the stage reads, writes (and reads back), and clears (deletes objects from): `places` of the stage's access.json. Checkpoints and metric rows every stage has."
  type = object({
    reads  = set(string)
    writes = set(string)
    clears = set(string)
  })
  nullable = false

  validation {
    condition     = length(setsubtract(var.places.reads, ["landing", "contracts", "blocks", "oversize", "metric_inbox", "notices"])) == 0
    error_message = "A stage may read landing, contracts, blocks, oversize, metric_inbox and notices."
  }

  validation {
    condition     = length(setsubtract(var.places.writes, ["blocks", "oversize", "metric_inbox", "notices"])) == 0
    error_message = "A stage may write blocks, oversize, metric_inbox and notices; landing is the producers', contracts are the teams'."
  }

  validation {
    condition     = length(setsubtract(var.places.clears, setintersection(var.places.writes, ["blocks"]))) == 0
    error_message = "A stage clears only what it writes, and only blocks: rows point at oversize lines, and metric rows expire by age."
  }
}

variable "streams" {
  description = "Streams over the stage's tables, as `<stage>/<query>`: `streams` of the stage's access.json. Maintenance keeps the snapshots they need, so the role may read where each of them begins, and nothing else of their checkpoints."
  type = object({
    read_tables_here = set(string)
  })
  default  = { read_tables_here = [] }
  nullable = false

  validation {
    condition     = alltrue([for stream in var.streams.read_tables_here : can(regex("^[a-z]+/[a-z_]+$", stream))])
    error_message = "A stream is <stage>/<query>, in lower case."
  }
}

variable "release" {
  description = "The pin, from the unit's version.hcl: SHA-256 of the PEX, of its manifest and of the launcher, all three in the artifacts bucket. A change replaces the program at the next run; reverting it rolls the stage back."
  type = object({
    pex_sha256      = string
    manifest_sha256 = string
    launcher_sha256 = string
  })
  nullable = false

  validation {
    condition     = alltrue([for digest in values(var.release) : digest != "not-published"])
    error_message = "This unit pins no release yet: version.hcl says not-published. `driftlake release publish` and `driftlake rollout apply` give it one."
  }

  validation {
    condition     = alltrue([for digest in values(var.release) : digest == "not-published" || can(regex("^[0-9a-f]{64}$", digest))])
    error_message = "pex_sha256, manifest_sha256 and launcher_sha256 are SHA-256 sums: 64 digits and letters a to f, in lower case."
  }
}

variable "settings" {
  description = "Settings of the stage beyond the warehouse and the catalog, by their names on its command line without `--`, such as { landing = \"s3://...\" }; see the stage's card."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[a-z]+(-[a-z0-9]+)*$", name))])
    error_message = "A setting is named in lower case with hyphens, without `--`."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), ["warehouse", "catalog", "master"])) == 0
    error_message = "warehouse and catalog are set by the module, master by the launcher."
  }
}

variable "alert_topic_arn" {
  description = "Topic to which the stage itself sends alerts; null: it sends none. Only drift does."
  type        = string
  default     = null

  validation {
    condition     = var.alert_topic_arn == null || can(regex("^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.alert_topic_arn))
    error_message = "alert_topic_arn is the ARN of an SNS topic."
  }
}

variable "worker_type" {
  description = "Glue worker. G.025X (2 vCPU, 4 GB, 0.25 DPU) fits 10 GB a day; G.1X costs four times as much per second."
  type        = string
  default     = "G.025X"
  nullable    = false

  validation {
    condition     = contains(["G.025X", "G.1X", "G.2X"], var.worker_type)
    error_message = "worker_type is G.025X, G.1X or G.2X."
  }
}

variable "worker_count" {
  description = "Workers, the driver among them: at least 2. Each one more G.025X costs $0.088 a month per billed second of a 15-minute tick."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = floor(var.worker_count) == var.worker_count && var.worker_count >= 2 && var.worker_count <= 10
    error_message = "worker_count is a whole number from 2 (Glue's least) to 10."
  }
}

variable "timeout_minutes" {
  description = "Minutes after which Glue ends a run; the next one continues where it stood. Glue's own default is 480 minutes, $1.76 for a run that hangs."
  type        = number
  default     = 12
  nullable    = false

  validation {
    condition     = floor(var.timeout_minutes) == var.timeout_minutes && var.timeout_minutes >= 2 && var.timeout_minutes <= 120
    error_message = "timeout_minutes is a whole number from 2 to 120."
  }
}

variable "retries" {
  description = "Times Glue repeats a failed run by itself. A repeated batch changes nothing twice; each repetition is billed."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = contains([0, 1, 2, 3], var.retries)
    error_message = "retries is 0, 1, 2 or 3."
  }
}

variable "log_retention_days" {
  description = "Days for which the logs of the job are kept. Storing costs little ($0.03 per GB and month), writing $0.50 per GB."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([7, 14, 30, 60, 90, 180, 365], var.log_retention_days)
    error_message = "log_retention_days is 7, 14, 30, 60, 90, 180 or 365."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that the role cannot go beyond; ci-role makes it. Null: the role's own policy is all there is, and no workflow may make the role."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws:iam::[0-9]{12}:policy/[A-Za-z0-9/_-]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of an IAM policy."
  }
}

variable "kms_alias" {
  description = "Alias of the key that storage makes with own_key, such as `alias/driftlake-dev-<account number>`; null: the buckets use S3's own keys. The key costs $1 a month, its calls $0.03 per 10,000."
  type        = string
  default     = null

  validation {
    condition     = var.kms_alias == null || can(regex("^alias/[A-Za-z0-9/_-]+$", var.kms_alias))
    error_message = "kms_alias is alias/<name>."
  }
}

variable "network" {
  description = "Subnet of a VPC in which the job runs, its availability zone, and a security group that lets itself in on all TCP ports; null: Glue's own network, at no price. The subnet needs ways to S3 (a gateway endpoint, free), Glue, CloudWatch Logs and, for drift, SNS: interface endpoints at $7.30 a month each, or a NAT gateway at $32.85 and $0.045 per GB. Two addresses per worker and run."
  type = object({
    subnet_id         = string
    availability_zone = string
    security_group_id = string
  })
  default = null

  validation {
    condition     = var.network == null || can(regex("^subnet-[0-9a-f]+ [a-z]{2}(-[a-z]+)+-[0-9][a-z] sg-[0-9a-f]+$", "${var.network.subnet_id} ${var.network.availability_zone} ${var.network.security_group_id}"))
    error_message = "network is a subnet (subnet-...), its availability zone (us-east-1a) and a security group (sg-...)."
  }
}
