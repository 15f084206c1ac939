# Budget of dev.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//cost-guard"
}

# For the order of a first deployment only; nothing is read from them.
dependencies {
  paths = ["../messaging"]
}

inputs = {
  name_prefix       = include.root.locals.name_prefix
  monthly_limit_usd = include.root.locals.settings.monthly_limit_usd
  alert_topic_arn   = include.root.locals.alert_topic_arn
}
