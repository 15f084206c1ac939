output "job_name" {
  description = "Name of the Glue job, for whoever starts it."
  value       = aws_glue_job.this.name
}

output "job_arn" {
  description = "ARN of the Glue job, for the role of whoever starts it."
  value       = aws_glue_job.this.arn
}

output "role_arn" {
  description = "ARN of the stage's role."
  value       = aws_iam_role.this.arn
}

output "policy_json" {
  description = "What the role may do, for who audits it."
  value       = data.aws_iam_policy_document.this.json
}

output "log_group_names" {
  description = "Log group by what is in it: error (Spark and Glue), output (what the stage says)."
  value       = { for kind, group in aws_cloudwatch_log_group.this : kind => group.name }
}

output "manifest_uri" {
  description = "Where the manifest of the pinned release is."
  value       = "s3://${local.artifacts_bucket}/${local.manifest_key}"
}
