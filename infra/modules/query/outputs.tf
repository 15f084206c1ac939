output "workgroup_name" {
  description = "Name of the workgroup, for whoever queries."
  value       = aws_athena_workgroup.this.name
}

output "results_uri" {
  description = "Where results are until they expire."
  value       = "s3://${aws_s3_bucket.results.bucket}/results/"
}

output "named_query_ids" {
  description = "Id of each named query, by its name."
  value       = { for name, query in aws_athena_named_query.this : name => query.id }
}
