output "landing_queue_arn" {
  description = "ARN of the queue of landed objects, for the role that empties it."
  value       = aws_sqs_queue.landing.arn
}

output "landing_queue_url" {
  description = "URL of the queue of landed objects."
  value       = aws_sqs_queue.landing.id
}

output "landing_queue_name" {
  description = "Name of the queue of landed objects, for alarms."
  value       = aws_sqs_queue.landing.name
}

output "dead_letter_queue_arn" {
  description = "ARN of the dead letters, for the role that archives or redrives them."
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letter_queue_name" {
  description = "Name of the dead letters, for alarms."
  value       = aws_sqs_queue.dead_letters.name
}

output "alert_topic_arn" {
  description = "ARN of the topic that alarms, notices and the budget publish to."
  value       = aws_sns_topic.alerts.arn
}
