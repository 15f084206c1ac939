# What has landed, as messages: they tell how much waits, and let a tick without new data end at once. The data itself
# is in the landing bucket: a lost message delays an object to the next run, and loses nothing.
locals {
  # SQS keeps a message for 14 days at most: a fortnight's outage forgets nothing.
  retention_seconds = 14 * 24 * 60 * 60

  landing_bucket = trimprefix(var.landing_uri, "s3://")
  landing_arn    = "arn:aws:s3:::${local.landing_bucket}"
  queue_arn      = "arn:aws:sqs:${var.region}:${var.account_id}:${var.name_prefix}-landing"
  topic_arn      = "arn:aws:sns:${var.region}:${var.account_id}:${var.name_prefix}-alerts"
}

resource "aws_sqs_queue" "landing" {
  name                       = "${var.name_prefix}-landing"
  message_retention_seconds  = local.retention_seconds
  visibility_timeout_seconds = var.visibility_timeout_minutes * 60
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.receives_before_dead_letter
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name_prefix}-landing-dead-letters"
  message_retention_seconds = local.retention_seconds
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.landing.arn]
  })
}

data "aws_iam_policy_document" "landing_queue" {
  statement {
    sid       = "LandingBucketMaySend"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.landing_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  statement {
    sid       = "RefuseRequestsWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.queue_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "landing" {
  queue_url = aws_sqs_queue.landing.id
  policy    = data.aws_iam_policy_document.landing_queue.json
}

# A bucket has one set of notifications: what else wants to hear of landing objects is added here.
resource "aws_s3_bucket_notification" "landing" {
  bucket = local.landing_bucket

  queue {
    id        = "landed"
    queue_arn = aws_sqs_queue.landing.arn
    events    = ["s3:ObjectCreated:*"]
  }

  # S3 tries the queue when the notification is made.
  depends_on = [aws_sqs_queue_policy.landing]
}

# Not encrypted with a key of KMS: the AWS-managed one lets neither CloudWatch nor S3 publish, an own one costs $1 a month.
# The messages name jobs, alarms and objects, and hold no readings.
resource "aws_sns_topic" "alerts" {
  name         = "${var.name_prefix}-alerts"
  display_name = "Driftlake"
}

data "aws_iam_policy_document" "alerts" {
  statement {
    sid       = "ServicesOfThisAccountMayPublish"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com", "s3.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }

  statement {
    sid       = "RefuseRequestsWithoutTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "alerts" {
  arn    = aws_sns_topic.alerts.arn
  policy = data.aws_iam_policy_document.alerts.json
}

# Each address must confirm once, by the link AWS sends it.
resource "aws_sns_topic_subscription" "email" {
  for_each = var.alert_emails

  topic_arn = aws_sns_topic.alerts.arn
  protocol  = "email"
  endpoint  = each.value
}
