# What runs as gold in dev: changed by a release's commit; reverting that commit rolls gold back, alone.
locals {
  pex_sha256      = "not-published"
  manifest_sha256 = "not-published"
  launcher_sha256 = "not-published"
}
