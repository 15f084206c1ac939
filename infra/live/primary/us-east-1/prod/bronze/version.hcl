# What runs as bronze in prod: changed by a release's commit; reverting that commit rolls bronze back, alone.
locals {
  pex_sha256      = "not-published"
  manifest_sha256 = "not-published"
  launcher_sha256 = "not-published"
}
