# The rules for Terraform's language, all of them. Those for AWS are a plugin of their own, which not every place can fetch.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
