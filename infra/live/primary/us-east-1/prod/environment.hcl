# What differs from dev. Sizes, times and limits; what runs is pinned per stage in its version.hcl.
locals {
  stage = {
    worker_type        = "G.025X"
    worker_count       = 2
    timeout_minutes    = 12
    retries            = 0 # The flow repeats a failed run; so do not both.
    log_retention_days = 30

    # Subnet, zone and security group of a VPC, as stage-job says; null: Glue's own network, at no price.
    network = null
  }

  # A stage that misses two runs and a quarter of an hour is late. Gold or metrics every 15 minutes: $7.90 a month more each.
  cadence_minutes = {
    bronze  = 15
    silver  = 15
    gold    = 60
    drift   = 15
    metrics = 60
  }

  # A KMS key for the buckets: $1 a month. It cannot be turned off again.
  own_key = false

  # Bronze, silver and drift run in each tick of the flow: its cadence is theirs.
  orchestration = {
    flow_enabled          = true
    maintenance_enabled   = true
    maintenance_cron      = "cron(20 3 * * ? *)"
    backlog_records       = 10000
    backlog_after_minutes = 15
    archive_after_days    = 10
  }

  landing_retention_days      = 14
  metric_inbox_retention_days = 30
  deleted_artifact_days       = 90

  scan_cutoff_gib       = 20
  result_retention_days = 7

  dead_letter_age_days = 7
  curation_lag_records = 100000
  semantic_lag_minutes = 120
  dashboard            = false

  monthly_limit_usd = 50
  alert_emails      = []

  # OWNER/NAME of the repository whose workflows may deploy here (ci-role); null: none, people deploy.
  github_repository = null
}
