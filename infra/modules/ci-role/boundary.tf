# A role can do what both its own policy and this one allow. No identities (iam, sts), no other environment's places; which
# table or prefix is whose, the role's own policy says.
data "aws_iam_policy_document" "boundary" {
  statement {
    sid = "ObjectsOfThisEnvironment"
    actions = [
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject",
    ]
    resources = [local.buckets, "${local.buckets}/*"]
  }

  statement {
    sid = "TablesAndJobs"
    actions = [
      "glue:BatchStopJobRun", "glue:CreateTable", "glue:DeleteTable", "glue:GetDatabase", "glue:GetDatabases", "glue:GetJob",
      "glue:GetJobRun", "glue:GetJobRuns", "glue:GetPartitions", "glue:GetTable", "glue:GetTables", "glue:StartJobRun",
      "glue:UpdateTable",
    ]
    resources = ["${local.glue}:catalog", "${local.glue}:database/*", "${local.glue}:table/*/*", local.jobs]
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [for group in local.log_groups : "${group}:*"]
  }

  statement {
    sid = "MessagesAndTheFlow"
    actions = [
      "sns:Publish", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl",
      "sqs:ReceiveMessage", "sqs:SendMessage", "sqs:StartMessageMoveTask", "lambda:InvokeFunction", "states:ListExecutions",
      "states:StartExecution",
    ]
    resources = concat(local.messages, local.flow)
  }

  # These know no resource; the namespace is ours.
  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringLike"
      variable = "cloudwatch:namespace"
      values   = ["Driftlake*"]
    }
  }

  # Options: a key of one's own, and jobs in a VPC, whose network interfaces Glue makes by the job's role.
  statement {
    sid       = "Keys"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = ["arn:aws:kms:${local.regional}:key/*"]
  }

  statement {
    sid = "NetworkInterfaces"
    actions = [
      "ec2:CreateNetworkInterface", "ec2:CreateTags", "ec2:DeleteNetworkInterface", "ec2:DeleteTags",
      "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
      "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "glue:GetConnection",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }

  # What Step Functions asks of its role for logging executions; they know no resource.
  statement {
    sid = "LogDelivery"
    actions = [
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }
}
