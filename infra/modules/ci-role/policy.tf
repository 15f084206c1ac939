# `reads`: what a plan asks. Beyond that a deployment has `releases`, what publishing and rolling out needs, and `places`, what
# Terraform needs. Of the lake it reads what the gates ask, no reading that was accepted, and it deletes nothing with data.
data "aws_iam_policy_document" "reads" {
  statement {
    sid       = "ReadState"
    actions   = ["s3:GetObject"]
    resources = ["${local.state_keys}/*"]
  }

  statement {
    sid       = "LockState"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.state_keys}/*.tflock"]
  }

  statement {
    sid       = "FindState"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
    resources = [local.state]
  }

  statement {
    sid = "DescribeBuckets"
    actions = [
      "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation",
      "s3:GetBucketLogging", "s3:GetBucketNotification", "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock",
      "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetBucketWebsite",
      "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration", "s3:ListBucket",
    ]
    resources = [local.buckets]
  }

  statement {
    sid       = "ReadReleases"
    actions   = ["s3:GetObject"]
    resources = ["${local.artifacts}/*"]
  }

  statement {
    sid     = "DescribeCatalogAndJobs"
    actions = ["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:GetJob", "glue:GetJobRun", "glue:GetJobRuns", "glue:GetTags"]
    resources = [
      "${local.glue}:catalog", "${local.glue}:database/*", "${local.glue}:table/*/*", local.jobs,
    ]
  }

  statement {
    sid = "DescribeRoles"
    actions = [
      "iam:GetRole", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetPolicy",
      "iam:GetPolicyVersion", "iam:ListPolicyVersions", "iam:GetOpenIDConnectProvider",
    ]
    resources = [local.roles, local.policies_of_roles, local.provider_arn]
  }

  # Options: the environment's own key, by its alias, and the jobs' connections.
  statement {
    sid = "UseOwnKey"
    actions = [
      "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus",
      "kms:ListResourceTags",
    ]
    resources = ["arn:aws:kms:${local.regional}:key/*"]

    condition {
      test     = "ForAnyValue:StringEquals"
      variable = "kms:ResourceAliases"
      values   = ["alias/${var.name_prefix}"]
    }
  }

  statement {
    sid       = "DescribeConnections"
    actions   = ["glue:GetConnection"]
    resources = ["${local.glue}:catalog", "${local.glue}:connection/${local.own}"]
  }

  # Both list, and know no narrower resource.
  statement {
    sid       = "DescribeLogGroupsAndAlarms"
    actions   = ["logs:DescribeLogGroups", "cloudwatch:DescribeAlarms"]
    resources = ["arn:aws:logs:${local.regional}:log-group:*", "arn:aws:cloudwatch:${local.regional}:alarm:*"]
  }

  statement {
    sid = "DescribeTheRest"
    actions = [
      "logs:ListTagsForResource", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags", "sns:GetTopicAttributes",
      "sns:GetSubscriptionAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource", "events:DescribeRule",
      "events:ListTargetsByRule", "events:ListTagsForResource", "scheduler:GetSchedule", "scheduler:GetScheduleGroup",
      "scheduler:ListTagsForResource", "states:DescribeStateMachine", "states:ListStateMachineVersions",
      "states:ListTagsForResource", "states:ValidateStateMachineDefinition", "lambda:GetFunction",
      "lambda:GetFunctionCodeSigningConfig", "lambda:GetFunctionConfiguration", "lambda:GetPolicy", "lambda:ListTags",
      "lambda:ListVersionsByFunction", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource", "athena:GetWorkGroup",
      "athena:GetNamedQuery", "athena:ListTagsForResource", "budgets:ViewBudget", "budgets:ListTagsForResource",
    ]
    resources = concat(local.log_groups, local.messages, local.events, local.flow, local.watching, local.queries, local.budgets)
  }
}

data "aws_iam_policy_document" "releases" {
  # The bucket itself refuses to overwrite an object.
  statement {
    sid       = "PublishReleases"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = [for kind in ["stages", "functions", "launcher", "contracts"] : "${local.artifacts}/${kind}/*"]
  }

  # Of two rollouts at once, the one that could put the lock goes on.
  statement {
    sid       = "LockRollouts"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.artifacts}/locks/*"]
  }

  # Balances, and the reasons of what a canary run quarantined.
  statement {
    sid       = "ReadGates"
    actions   = ["s3:GetObject"]
    resources = ["${local.lake}/warehouse/ops/*", "${local.lake}/warehouse/silver/quarantine/*"]
  }

  dynamic "statement" {
    for_each = length(var.views) > 0 ? ["views"] : []

    content {
      sid     = "MakeViews"
      actions = ["glue:CreateTable", "glue:UpdateTable"]
      resources = concat(
        ["${local.glue}:catalog"],
        distinct([for view in sort(var.views) : "${local.glue}:database/${split(".", view)[0]}"]),
        [for view in sort(var.views) : "${local.glue}:table/${replace(view, ".", "/")}"],
      )
    }
  }

  # Athena makes them by the rights of who asks, and looks at the tables' metadata; it writes an empty result.
  dynamic "statement" {
    for_each = length(var.views) > 0 ? ["views"] : []

    content {
      sid       = "AskAthenaForViews"
      actions   = ["athena:StartQueryExecution", "athena:GetQueryExecution"]
      resources = local.queries
    }
  }

  dynamic "statement" {
    for_each = length(var.views) > 0 ? ["views"] : []

    content {
      sid       = "ReadMetadataForViews"
      actions   = ["s3:GetObject"]
      resources = ["${local.lake}/warehouse/*/metadata/*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.views) > 0 ? ["views"] : []

    content {
      sid       = "KeepResultsOfViews"
      actions   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
      resources = ["arn:aws:s3:::${var.name_prefix}-query-results/*"]
    }
  }
}

data "aws_iam_policy_document" "places" {
  statement {
    sid       = "WriteState"
    actions   = ["s3:PutObject"]
    resources = ["${local.state_keys}/*"]
  }

  statement {
    sid = "MakeBuckets"
    actions = [
      "s3:CreateBucket", "s3:PutBucketNotification", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
    ]
    resources = [local.buckets]
  }

  statement {
    sid       = "MakeDatabases"
    actions   = ["glue:CreateDatabase", "glue:UpdateDatabase", "glue:TagResource"]
    resources = ["${local.glue}:catalog", "${local.glue}:database/*"]
  }

  statement {
    sid = "MakeAndRunJobs"
    actions = [
      "glue:CreateJob", "glue:UpdateJob", "glue:DeleteJob", "glue:TagResource", "glue:UntagResource", "glue:StartJobRun",
      "glue:BatchStopJobRun",
    ]
    resources = [local.jobs]
  }

  statement {
    sid       = "MakeConnections"
    actions   = ["glue:CreateConnection", "glue:UpdateConnection", "glue:DeleteConnection"]
    resources = ["${local.glue}:catalog", "${local.glue}:connection/${local.own}"]
  }

  statement {
    sid = "MakeRolesWithinTheBoundary"
    actions = [
      "iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary",
    ]
    resources = [local.roles]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary]
    }
  }

  statement {
    sid       = "KeepRoles"
    actions   = ["iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:TagRole", "iam:UntagRole", "iam:DeleteRole"]
    resources = [local.roles]
  }

  statement {
    sid       = "HandRolesToServices"
    actions   = ["iam:PassRole"]
    resources = [local.roles]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["glue.amazonaws.com", "lambda.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"]
    }
  }

  # A workflow cannot widen what workflows may do: who changes this module applies it with rights of their own.
  statement {
    sid    = "LeaveItselfAlone"
    effect = "Deny"
    actions = [
      "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:PassRole", "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
    ]
    resources = [local.own_roles]
  }

  statement {
    sid       = "LeaveItsStateAlone"
    effect    = "Deny"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["${local.state_keys}/ci-role/*"]
  }

  statement {
    sid = "MakeTheRest"
    actions = [
      "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
      "sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue", "sns:CreateTopic",
      "sns:SetTopicAttributes", "sns:Subscribe", "sns:Unsubscribe", "sns:TagResource", "sns:UntagResource", "events:PutRule",
      "events:DeleteRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource",
      "scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule", "scheduler:CreateScheduleGroup",
      "scheduler:DeleteScheduleGroup", "scheduler:TagResource", "scheduler:UntagResource", "states:CreateStateMachine",
      "states:UpdateStateMachine", "states:DeleteStateMachine", "states:TagResource", "states:UntagResource",
      "lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:DeleteFunction",
      "lambda:AddPermission", "lambda:RemovePermission", "lambda:PutFunctionConcurrency", "lambda:TagResource",
      "lambda:UntagResource", "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:PutDashboard",
      "cloudwatch:DeleteDashboards", "cloudwatch:TagResource", "cloudwatch:UntagResource", "athena:CreateWorkGroup",
      "athena:UpdateWorkGroup", "athena:CreateNamedQuery", "athena:UpdateNamedQuery", "athena:DeleteNamedQuery",
      "athena:TagResource", "athena:UntagResource", "budgets:ModifyBudget", "budgets:TagResource",
    ]
    resources = concat(local.log_groups, local.messages, local.events, local.flow, local.watching, local.queries, local.budgets)
  }
}
