# What somebody must hear of in dev.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//observability"
}

# For the order of a first deployment only; nothing is read from them.
dependencies {
  paths = ["../storage", "../messaging"]
}

locals {
  stages = {
    for stage, minutes in include.root.locals.settings.cadence_minutes : stage => {
      job_name           = "${include.root.locals.name_prefix}-${stage}"
      log_group_name     = "/${include.root.locals.name_prefix}/${stage}/output"
      late_after_minutes = 2 * minutes + 15
    }
  }
}

inputs = {
  name_prefix            = include.root.locals.name_prefix
  region                 = include.root.locals.region
  alert_topic_arn        = include.root.locals.alert_topic_arn
  stages                 = local.stages
  landing_queue_name     = "${include.root.locals.name_prefix}-landing"
  dead_letter_queue_name = "${include.root.locals.name_prefix}-landing-dead-letters"
  lake_bucket            = "${include.root.locals.name_prefix}-lake"
  dead_letter_age_days   = include.root.locals.settings.dead_letter_age_days
  lag_metric_namespace   = "Driftlake/${include.root.locals.environment}"
  curation_lag_records   = include.root.locals.settings.curation_lag_records
  semantic_lag_minutes   = include.root.locals.settings.semantic_lag_minutes
  dashboard              = include.root.locals.settings.dashboard
}
