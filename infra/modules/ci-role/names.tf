# ARNs put together from names, so that the policies are known, and tested, without AWS.
locals {
  own = "${var.name_prefix}-*"

  buckets    = "arn:aws:s3:::${local.own}"
  artifacts  = "arn:aws:s3:::${var.name_prefix}-artifacts"
  lake       = "arn:aws:s3:::${var.name_prefix}-lake"
  state      = "arn:aws:s3:::${var.state_bucket}"
  state_keys = "${local.state}/${var.state_prefix}"

  regional = "${var.region}:${var.account_id}"
  glue     = "arn:aws:glue:${local.regional}"
  jobs     = "${local.glue}:job/${local.own}"
  roles    = "arn:aws:iam::${var.account_id}:role/${local.own}"
  boundary = "arn:aws:iam::${var.account_id}:policy/${var.name_prefix}-boundary"

  policies_of_roles = "arn:aws:iam::${var.account_id}:policy/${local.own}"

  # What this module makes: nobody who has a role of it may change it.
  own_roles = "arn:aws:iam::${var.account_id}:role/${var.name_prefix}-ci-*"

  log_groups = [
    "arn:aws:logs:${local.regional}:log-group:/${var.name_prefix}/*",
    "arn:aws:logs:${local.regional}:log-group:/aws/*/${local.own}",
  ]
  messages = ["arn:aws:sqs:${local.regional}:${local.own}", "arn:aws:sns:${local.regional}:${local.own}"]
  events = [
    "arn:aws:events:${local.regional}:rule/${local.own}",
    "arn:aws:scheduler:${local.regional}:schedule/*/${local.own}",
    "arn:aws:scheduler:${local.regional}:schedule-group/${local.own}",
  ]
  flow = [
    "arn:aws:states:${local.regional}:stateMachine:${local.own}",
    "arn:aws:lambda:${local.regional}:function:${local.own}",
  ]
  watching = [
    "arn:aws:cloudwatch:${local.regional}:alarm:${local.own}",
    "arn:aws:cloudwatch::${var.account_id}:dashboard/${local.own}",
  ]
  queries = ["arn:aws:athena:${local.regional}:workgroup/${var.name_prefix}"]
  budgets = ["arn:aws:budgets::${var.account_id}:budget/${local.own}"]
}
