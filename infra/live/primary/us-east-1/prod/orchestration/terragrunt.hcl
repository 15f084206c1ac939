# Flow and maintenance of prod; which functions run is pinned in version.hcl.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//orchestration"
}

# For the order of a first deployment only; nothing is read from them. The jobs are known by their names: where one is not
# there yet, a pass says so.
dependencies {
  paths = ["../storage", "../messaging"]
}

inputs = merge(
  include.root.locals.settings.orchestration,
  {
    name_prefix        = include.root.locals.name_prefix
    account_id         = include.root.locals.account_id
    region             = include.root.locals.region
    warehouse_uri      = include.root.locals.warehouse_uri
    artifacts_uri      = include.root.locals.artifacts_uri
    kms_alias          = include.root.locals.kms_alias
    metric_namespace   = "Driftlake/${include.root.locals.environment}"
    alert_topic_arn    = include.root.locals.alert_topic_arn
    release            = read_terragrunt_config("version.hcl").locals
    flow_minutes       = include.root.locals.settings.cadence_minutes.bronze
    gold_minutes       = include.root.locals.settings.cadence_minutes.gold
    metrics_minutes    = include.root.locals.settings.cadence_minutes.metrics
    log_retention_days = include.root.locals.settings.stage.log_retention_days

    permissions_boundary_arn = include.root.locals.permissions_boundary_arn
  },
)
