# Drift in prod; what runs is pinned in version.hcl.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//stage-job"
}

# For the order of a first deployment only; nothing is read from them.
dependencies {
  paths = ["../storage", "../catalog"]
}

inputs = merge(
  include.root.locals.stage_inputs,
  jsondecode(file("${get_repo_root()}/stages/drift/access.json")),
  {
    stage   = "drift"
    release = read_terragrunt_config("version.hcl").locals
    settings = {
      alerts              = "console,sns"
      alert-sns-topic-arn = include.root.locals.alert_topic_arn
    }
    alert_topic_arn = include.root.locals.alert_topic_arn
  },
)
