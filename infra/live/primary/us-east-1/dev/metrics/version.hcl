# What runs as metrics in dev: changed by a release's commit; reverting that commit rolls metrics back, alone.
locals {
  pex_sha256      = "not-published"
  manifest_sha256 = "not-published"
  launcher_sha256 = "not-published"
}
