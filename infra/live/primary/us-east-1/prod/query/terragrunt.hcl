# Athena workgroup of prod.
include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

terraform {
  source = "${get_repo_root()}/infra/modules//query"
}

# SQL files of the stages; the first line of each is a comment that says what it answers.
locals {
  stages = "${get_repo_root()}/stages"
  sql    = { for file in fileset(local.stages, "*/src/*/sql/queries/*.sql") : file => file("${local.stages}/${file}") }
}

inputs = {
  name_prefix           = include.root.locals.name_prefix
  account_id            = include.root.locals.account_id
  kms_key_arn           = include.root.locals.kms_alias == null ? null : "${include.root.locals.kms_arn}:${include.root.locals.kms_alias}"
  scan_cutoff_gib       = include.root.locals.settings.scan_cutoff_gib
  result_retention_days = include.root.locals.settings.result_retention_days

  named_queries = {
    for path, sql in local.sql : "${split("/", path)[0]}-${trimsuffix(basename(path), ".sql")}" => {
      database    = split("/", path)[0] == "metrics" ? "ops" : split("/", path)[0]
      sql         = sql
      description = trimspace(trimprefix(split("\n", sql)[0], "--"))
    }
  }
}
