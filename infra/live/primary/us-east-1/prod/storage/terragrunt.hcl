# Buckets of prod: landing, lake, artifacts.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//storage"
}

inputs = {
  name_prefix                 = include.root.locals.name_prefix
  own_key                     = include.root.locals.settings.own_key
  landing_retention_days      = include.root.locals.settings.landing_retention_days
  metric_inbox_retention_days = include.root.locals.settings.metric_inbox_retention_days
  deleted_artifact_days       = include.root.locals.settings.deleted_artifact_days
}
