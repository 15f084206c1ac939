# The functions: one archive, pinned by its hash as a stage's PEX is, and one Lambda function for each handler, each with
# a role that may do what it needs.
locals {
  functions_key = "functions/${var.release.functions_sha256}/functions.zip"

  # Terraform has no function from hexadecimal to base64, which is how Lambda writes a hash: three bytes are four letters.
  alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  padded   = "${var.release.functions_sha256}00"
  letters = can(regex("^[0-9a-f]{64}$", var.release.functions_sha256)) ? join("", flatten([
    for group in range(11) : [
      for place in [262144, 4096, 64, 1] :
      substr(local.alphabet, floor(parseint(substr(local.padded, group * 6, 6), 16) / place) % 64, 1)
    ]
  ])) : ""
  functions_sha256_base64 = "${substr(local.letters, 0, 43)}="

  flow_environment = {
    WAREHOUSE_URI     = var.warehouse_uri
    LANDING_QUEUE_URL = local.landing_queue_url
    METRIC_NAMESPACE  = var.metric_namespace
    CADENCE_MINUTES   = jsonencode({ flow = var.flow_minutes, gold = var.gold_minutes, metrics = var.metrics_minutes })
  }
  dead_letter_environment = {
    ARCHIVE_URI           = local.archive_uri
    DEAD_LETTER_QUEUE_URL = local.dead_letter_queue_url
    LANDING_QUEUE_URL     = local.landing_queue_url
    ARCHIVE_AFTER_DAYS    = tostring(var.archive_after_days)
  }

  # A minute of 256 MB costs $0.0002: none of them is seen on the bill.
  functions = {
    get_checkpoints       = { seconds = 60, environment = local.flow_environment }
    settle_landed         = { seconds = 170, environment = local.flow_environment }
    read_token            = { seconds = 60, environment = local.flow_environment }
    notify_missing_schema = { seconds = 60, environment = local.flow_environment }
    publish_lag           = { seconds = 60, environment = local.flow_environment }
    archive_dead_letters  = { seconds = 170, environment = local.dead_letter_environment }
    redrive_dead_letters  = { seconds = 170, environment = local.dead_letter_environment }
  }

  function_names = { for name in keys(local.functions) : name => "${var.name_prefix}-${replace(name, "_", "-")}" }
  lambda         = "arn:aws:lambda:${var.region}:${var.account_id}:function"
  function_arns  = { for name, full in local.function_names : "${name}_arn" => "${local.lambda}:${full}" }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.function_names

  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_function" "this" {
  for_each = local.functions

  function_name = local.function_names[each.key]
  description   = "Driftlake's flow: ${replace(each.key, "_", " ")}"
  role          = aws_iam_role.function[each.key].arn

  runtime       = "python3.11"
  architectures = ["arm64"]
  handler       = "iot_functions.handlers.${each.key}"
  timeout       = each.value.seconds
  # With less, importing boto3 takes seconds.
  memory_size = 256

  s3_bucket        = trimprefix(var.artifacts_uri, "s3://")
  s3_key           = local.functions_key
  source_code_hash = local.functions_sha256_base64

  environment {
    variables = each.value.environment
  }

  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.function]

  lifecycle {
    postcondition {
      condition     = self.code_sha256 == local.functions_sha256_base64
      error_message = "What lies at the pinned key is not the pinned archive: its hash is another. Publish the functions again, or pin those you mean."
    }
  }
}
