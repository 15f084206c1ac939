# What every unit shares. The path of a unit is its address: <account>/<region>/<environment>/<unit>.
locals {
  address = split("/", path_relative_to_include())

  # The folder says the region. Who has another one in the environment means another place, or would look there for this one.
  said_regions = compact([get_env("AWS_REGION", ""), get_env("AWS_DEFAULT_REGION", "")])
  region = (
    can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", local.address[1])) && alltrue([for said in local.said_regions : said == local.address[1]])
    ? local.address[1]
    : tobool("this unit is in the region of its folder, ${local.address[1]}: AWS_REGION and AWS_DEFAULT_REGION must say the same or nothing, not '${join("', '", local.said_regions)}'")
  )

  environment = local.address[2]
  account_id  = read_terragrunt_config(find_in_parent_folders("account.hcl")).locals.account_id
  settings    = read_terragrunt_config(find_in_parent_folders("environment.hcl")).locals
  name_prefix = "driftlake-${local.environment}-${local.account_id}"

  state_bucket = "driftlake-state-${local.account_id}"

  # Where things are, by their names, not by another unit's outputs: a stage is planned, deployed and rolled back without
  # reading any other unit's state. The modules' tests hold the same names.
  warehouse_uri   = "s3://${local.name_prefix}-lake/warehouse"
  landing_uri     = "s3://${local.name_prefix}-landing"
  artifacts_uri   = "s3://${local.name_prefix}-artifacts"
  kms_alias       = local.settings.own_key ? "alias/${local.name_prefix}" : null
  kms_arn         = "arn:aws:kms:${local.region}:${local.account_id}"
  alert_topic_arn = "arn:aws:sns:${local.region}:${local.account_id}:${local.name_prefix}-alerts"

  # Where workflows deploy, every role has the boundary of ci-role: without it they may make none.
  permissions_boundary_arn = local.settings.github_repository == null ? null : "arn:aws:iam::${local.account_id}:policy/${local.name_prefix}-boundary"

  # Of every stage job: names, places, and the environment's settings.
  stage_inputs = merge(local.settings.stage, {
    name_prefix   = local.name_prefix
    account_id    = local.account_id
    region        = local.region
    warehouse_uri = local.warehouse_uri
    landing_uri   = local.landing_uri
    artifacts_uri = local.artifacts_uri
    kms_alias     = local.kms_alias

    permissions_boundary_arn = local.permissions_boundary_arn
  })
}

remote_state {
  backend = "s3"

  generate = {
    path      = "backend.tf"
    if_exists = "overwrite_terragrunt"
  }

  config = {
    bucket       = local.state_bucket
    key          = "${path_relative_to_include()}/terraform.tfstate"
    region       = local.region
    encrypt      = true
    use_lockfile = true
  }
}

generate "provider" {
  path      = "provider.tf"
  if_exists = "overwrite_terragrunt"
  contents  = <<-EOF
    provider "aws" {
      region              = "${local.region}"
      allowed_account_ids = ["${local.account_id}"]

      default_tags {
        tags = {
          project     = "driftlake"
          environment = "${local.environment}"
          unit        = "${path_relative_to_include()}"
        }
      }
    }
  EOF
}
