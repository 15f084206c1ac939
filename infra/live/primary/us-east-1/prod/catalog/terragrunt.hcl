# Databases of prod.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//catalog"
}

inputs = {
  warehouse_uri = include.root.locals.warehouse_uri
}
