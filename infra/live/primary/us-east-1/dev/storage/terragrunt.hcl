# Buckets of dev: landing, lake, artifacts.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//storage"
}

inputs = {
  name_prefix                 = include.root.locals.name_prefix
  landing_retention_days      = 7
  metric_inbox_retention_days = 30
  deleted_artifact_days       = 30
}
