# Athena workgroup of prod.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//query"
}

inputs = {
  name_prefix           = include.root.locals.name_prefix
  account_id            = include.root.locals.account_id
  scan_cutoff_gib       = include.root.locals.settings.scan_cutoff_gib
  result_retention_days = include.root.locals.settings.result_retention_days
}
