output "role_arns" {
  description = "ARN by role: `plan` and `deploy`, for the variables of the repository's environments."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "permissions_boundary_arn" {
  description = "ARN of the boundary that every role made by a workflow must have."
  value       = aws_iam_policy.boundary.arn
}

output "policy_json" {
  description = "What may be done, for who audits it: `reads` (both roles), `releases` and `places` (deploy), `boundary` (every role that is made)."
  value       = merge(local.policies, { boundary = data.aws_iam_policy_document.boundary.json })
}

output "trust_json" {
  description = "Who may take each role, for who audits it."
  value       = { for name, document in data.aws_iam_policy_document.trust : name => document.json }
}
