output "workgroup_name" {
  description = "Name of the workgroup, for whoever queries."
  value       = aws_athena_workgroup.this.name
}

output "results_uri" {
  description = "Where results are until they expire."
  value       = "s3://${aws_s3_bucket.results.bucket}/results/"
}
