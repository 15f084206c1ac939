# Roles of the workflows in prod. Applied by an administrator: no workflow may change it.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

# Without a repository there are no workflows to trust.
exclude {
  if      = include.root.locals.settings.github_repository == null
  actions = ["plan", "apply", "destroy"]
}

terraform {
  source = "${get_repo_root()}/infra/modules//ci-role"
}

inputs = {
  name_prefix  = include.root.locals.name_prefix
  account_id   = include.root.locals.account_id
  region       = include.root.locals.region
  environment  = include.root.locals.environment
  repository   = include.root.locals.settings.github_repository
  state_bucket = include.root.locals.state_bucket
  state_prefix = dirname(path_relative_to_include("root"))

  # What `driftlake views apply` makes.
  views = [for file in fileset("${get_repo_root()}/stages", "*/src/*/sql/views/*.sql") : trimsuffix(basename(file), ".sql")]
}
