# Without AWS: nothing here asks it, but the provider is the real one, so that the policies are rendered as they would be.
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name_prefix = "driftlake-test-123456789012"
  account_id  = "123456789012"
  region      = "us-east-1"
  landing_uri = "s3://test-landing"
}

run "forgets_nothing_for_a_fortnight" {
  command = plan

  assert {
    condition     = aws_sqs_queue.landing.message_retention_seconds == 1209600 && aws_sqs_queue.dead_letters.message_retention_seconds == 1209600
    error_message = "Messages and dead letters are kept for 14 days."
  }

  assert {
    condition     = aws_sqs_queue.landing.sqs_managed_sse_enabled && aws_sqs_queue.dead_letters.sqs_managed_sse_enabled
    error_message = "Both queues are encrypted."
  }
}

run "hears_of_every_object_of_the_landing_bucket" {
  command = plan

  assert {
    condition     = aws_s3_bucket_notification.landing.bucket == "test-landing" && one(aws_s3_bucket_notification.landing.queue).events == toset(["s3:ObjectCreated:*"])
    error_message = "Uploads in one piece, in parts and copies are told alike."
  }

  assert {
    condition = jsondecode(data.aws_iam_policy_document.landing_queue.json).Statement[0] == {
      Sid       = "LandingBucketMaySend"
      Effect    = "Allow"
      Action    = "sqs:SendMessage"
      Principal = { Service = "s3.amazonaws.com" }
      Resource  = "arn:aws:sqs:us-east-1:123456789012:driftlake-test-123456789012-landing"
      Condition = {
        ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::test-landing" }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }
    error_message = "Only the landing bucket of this account may send."
  }
}

run "refuses_requests_without_tls" {
  command = plan

  assert {
    condition = alltrue([
      for document in [data.aws_iam_policy_document.landing_queue, data.aws_iam_policy_document.alerts] : one([
        for statement in jsondecode(document.json).Statement : statement.Condition if statement.Effect == "Deny"
      ]) == { Bool = { "aws:SecureTransport" = "false" } }
    ])
    error_message = "Queue and topic refuse what does not come over TLS."
  }
}

run "lets_only_services_of_its_account_publish_alerts" {
  command = plan

  variables {
    alert_emails = ["on-call@example.org"]
  }

  assert {
    condition     = jsondecode(data.aws_iam_policy_document.alerts.json).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    error_message = "A service acting for another account must not publish."
  }

  assert {
    condition     = { for subscription in aws_sns_topic_subscription.email : subscription.endpoint => subscription.protocol } == { "on-call@example.org" = "email" }
    error_message = "Every address gets the alerts."
  }
}

run "refuses_to_show_a_message_twice_in_one_run" {
  command = plan

  variables {
    visibility_timeout_minutes = 5
  }

  expect_failures = [var.visibility_timeout_minutes]
}

run "refuses_to_give_up_after_one_failed_run" {
  command = plan

  variables {
    receives_before_dead_letter = 1
  }

  expect_failures = [var.receives_before_dead_letter]
}

run "refuses_what_is_no_address" {
  command = plan

  variables {
    alert_emails = ["on-call"]
  }

  expect_failures = [var.alert_emails]
}
