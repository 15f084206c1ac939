# Which functions run in prod: changed by a release's commit; reverting that commit rolls them back, alone.
locals {
  functions_sha256 = "not-published"
}
