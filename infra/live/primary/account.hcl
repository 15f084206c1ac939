# The only place that knows the account number. It has no default: without the variable, with anything but twelve digits,
# or with a number of AWS's documentation, every command stops here; with another account's credentials, at the provider
# (allowed_account_ids).
locals {
  said         = get_env("DRIFTLAKE_AWS_ACCOUNT_ID", "")
  placeholders = ["000000000000", "111111111111", "111122223333", "123456789012", "999999999999"]

  # HCL shows what a failing function was given: that is how it can say why.
  account_id = (
    can(regex("^[0-9]{12}$", local.said)) && !contains(local.placeholders, local.said)
    ? local.said
    : tobool("set DRIFTLAKE_AWS_ACCOUNT_ID to the twelve digits of your AWS account, not to '${local.said}'")
  )
}
