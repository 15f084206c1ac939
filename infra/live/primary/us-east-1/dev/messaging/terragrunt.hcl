# Messages of landed objects, and the alert topic, of dev.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//messaging"
}

# For the order of a first deployment only; nothing is read from them.
dependencies {
  paths = ["../storage"]
}

inputs = {
  name_prefix  = include.root.locals.name_prefix
  account_id   = include.root.locals.account_id
  region       = include.root.locals.region
  landing_uri  = include.root.locals.landing_uri
  alert_emails = include.root.locals.settings.alert_emails
}
