output "flow_arn" {
  description = "ARN of the flow, for who starts a pass by hand."
  value       = aws_sfn_state_machine.this["flow"].arn
}

output "maintenance_arn" {
  description = "ARN of the maintenance, for who starts it by hand."
  value       = aws_sfn_state_machine.this["maintenance"].arn
}

output "definitions" {
  description = "Definition of each state machine, for tests that execute it."
  value       = local.definitions
}

output "policies_json" {
  description = "What each role may do, by the name of its function, state machine or `scheduler`, for who audits it."
  value = merge(
    { for name, document in data.aws_iam_policy_document.function : name => document.json },
    { for name, document in data.aws_iam_policy_document.states : name => document.json },
    { scheduler = data.aws_iam_policy_document.scheduler.json },
  )
}

output "functions" {
  description = "Names of the functions, by what they do; redrive_dead_letters is called by hand."
  value       = local.function_names
}
