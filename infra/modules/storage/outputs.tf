output "bucket_names" {
  description = "Bucket name by purpose: landing, lake, artifacts."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.id }
}

output "bucket_arns" {
  description = "Bucket ARN by purpose, for the policies of roles."
  value       = { for purpose, bucket in aws_s3_bucket.this : purpose => bucket.arn }
}

output "landing_uri" {
  description = "Where producers put NDJSON objects: `--landing` of bronze."
  value       = "s3://${aws_s3_bucket.this["landing"].id}"
}

output "warehouse_uri" {
  description = "Where tables, blocks, checkpoints and the metric inbox are: `--warehouse` of every stage."
  value       = "s3://${aws_s3_bucket.this["lake"].id}/${local.warehouse}"
}

output "artifacts_uri" {
  description = "Where releases and further contract versions are."
  value       = "s3://${aws_s3_bucket.this["artifacts"].id}"
}

output "lake_prefixes" {
  description = "Key prefix in the lake bucket, with its closing slash, of blocks, oversize, metric_inbox and checkpoints."
  value       = local.lake_prefixes
}

output "key_alias" {
  description = "Alias of the environment's own key; null where S3's keys are used."
  value       = one(aws_kms_alias.this[*].name)
}
