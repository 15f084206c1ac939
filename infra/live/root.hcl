# What every unit shares. The path of a unit is its address: <account>/<region>/<environment>/<unit>.
locals {
  address     = split("/", path_relative_to_include())
  region      = local.address[1]
  environment = local.address[2]
  account_id  = read_terragrunt_config(find_in_parent_folders("account.hcl")).locals.account_id
  name_prefix = "driftlake-${local.environment}-${local.account_id}"
}

remote_state {
  backend = "s3"

  generate = {
    path      = "backend.tf"
    if_exists = "overwrite_terragrunt"
  }

  config = {
    bucket       = "driftlake-state-${local.account_id}"
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
