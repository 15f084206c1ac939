# The only place that knows the account number. It has no default: without the variable, or with anything but twelve
# digits, every command stops here; with another account's credentials, at the provider (allowed_account_ids).
locals {
  account_id = regex("^[0-9]{12}$", get_env("DRIFTLAKE_AWS_ACCOUNT_ID"))
}
