# One stage as a Glue job: the pinned PEX, run by the pinned launcher, under a role of its own (policy.tf).
locals {
  name = "${var.name_prefix}-${var.stage}"

  artifacts_bucket = trimprefix(var.artifacts_uri, "s3://")

  # Where a release is published. A key holds the hash of what it names, so a pin names one content for ever.
  release_prefix = "stages/${var.stage}"
  launcher_key   = "launcher/${var.release.launcher_sha256}/launch_stage.py"
  pex_key        = "${local.release_prefix}/${var.release.pex_sha256}/${var.stage}.pex"
  manifest_key   = "${local.release_prefix}/${var.release.pex_sha256}/manifest-${var.release.manifest_sha256}.json"

  log_group_prefix = "/${var.name_prefix}/${var.stage}"

  # As the launcher takes them: Glue gives its script these arguments among its own.
  settings = { for name, value in local.all_settings : "--setting-${name}" => value }
  all_settings = merge(var.settings, {
    warehouse = var.warehouse_uri
    catalog   = "glue"
  })
}

# Glue appends /error (Spark, Glue) and /output (what the stage says) to the prefix it is given.
resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(["error", "output"])

  name              = "${local.log_group_prefix}/${each.key}"
  retention_in_days = var.log_retention_days
}

# In a subnet of a VPC, where asked. Glue then reaches nothing but what that subnet has a way to.
resource "aws_glue_connection" "network" {
  count = var.network == null ? 0 : 1

  name            = local.name
  description     = "Subnet in which Driftlake's ${var.stage} stage runs"
  connection_type = "NETWORK"

  physical_connection_requirements {
    subnet_id              = var.network.subnet_id
    availability_zone      = var.network.availability_zone
    security_group_id_list = [var.network.security_group_id]
  }
}

resource "aws_glue_job" "this" {
  name        = local.name
  description = "Driftlake's ${var.stage} stage, release ${substr(var.release.pex_sha256, 0, 12)}"
  role_arn    = aws_iam_role.this.arn

  # Without a version a new job gets the newest, with another major of Spark.
  glue_version      = "5.1"
  worker_type       = var.worker_type
  number_of_workers = var.worker_count
  timeout           = var.timeout_minutes
  max_retries       = var.retries

  connections = aws_glue_connection.network[*].name

  command {
    # The only kind of job that may use G.025X; a run that takes what is there ends by itself.
    name            = "gluestreaming"
    script_location = "s3://${local.artifacts_bucket}/${local.launcher_key}"
    python_version  = "3"
  }

  # A checkpoint has one writer. The schedule's next run is refused while this one works.
  execution_property {
    max_concurrent_runs = 1
  }

  default_arguments = merge(local.settings, {
    "--job-language"           = "python"
    "--datalake-formats"       = "iceberg"
    "--custom-logGroup-prefix" = local.log_group_prefix
  })

  # Who may start the job may give it settings, but not another program.
  non_overridable_arguments = {
    "--pex"        = "s3://${local.artifacts_bucket}/${local.pex_key}"
    "--pex-sha256" = var.release.pex_sha256
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}
