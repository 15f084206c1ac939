# What runs as drift in prod: changed by a release's commit; reverting that commit rolls drift back, alone.
locals {
  pex_sha256      = "not-published"
  manifest_sha256 = "not-published"
  launcher_sha256 = "not-published"
}
