# What the stage may touch: its release, the tables it writes, those it reads, its checkpoints, its places, its logs.
# ARNs are put together from names, so that the whole policy is known, and tested, without AWS.
locals {
  # s3://<bucket>/<prefix>
  warehouse        = regex("^s3://(?P<bucket>[^/]+)/(?P<prefix>.+)$", var.warehouse_uri)
  lake_arn         = "arn:aws:s3:::${local.warehouse.bucket}"
  artifacts_arn    = "arn:aws:s3:::${local.artifacts_bucket}"
  landing_arn      = "arn:aws:s3:::${trimprefix(var.landing_uri, "s3://")}"
  glue             = "arn:aws:glue:${var.region}:${var.account_id}"
  ec2              = "arn:aws:ec2:${var.region}:${var.account_id}"
  written_tables   = sort(var.tables.writes)
  readable_tables  = sort(setunion(var.tables.reads, var.tables.writes))
  own_namespaces   = distinct([for table in local.written_tables : split(".", table)[0]])
  read_namespaces  = distinct([for table in local.readable_tables : split(".", table)[0]])
  written_folders  = [for table in local.written_tables : "${local.warehouse.prefix}/${replace(table, ".", "/")}"]
  readable_folders = [for table in local.readable_tables : "${local.warehouse.prefix}/${replace(table, ".", "/")}"]

  checkpoints  = "${local.warehouse.prefix}/checkpoints/${var.stage}"
  metric_inbox = "${local.warehouse.prefix}/metric_inbox"
  run_tokens   = "${local.warehouse.prefix}/ops/run_tokens/${var.stage}"

  # Places of the lake beside the tables; landing and contracts lie in buckets of their own.
  lake_places = {
    blocks       = "${local.warehouse.prefix}/blocks"
    oversize     = "${local.warehouse.prefix}/oversize"
    metric_inbox = local.metric_inbox
    notices      = "${local.warehouse.prefix}/ops/notices"
  }
  written_places  = [for place in sort(var.places.writes) : local.lake_places[place]]
  cleared_places  = [for place in sort(var.places.clears) : local.lake_places[place]]
  readable_places = [for place in sort(setunion(var.places.reads, var.places.writes)) : local.lake_places[place] if contains(keys(local.lake_places), place)]
  reads_landing   = contains(var.places.reads, "landing")
  reads_contracts = contains(var.places.reads, "contracts")

  # Where each stream over our tables begins.
  stream_starts = [for stream in sort(var.streams.read_tables_here) : "${local.warehouse.prefix}/checkpoints/${stream}/sources"]

  listed_folders = concat(local.readable_folders, local.readable_places, [local.checkpoints], local.stream_starts)
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "GlueOfThisAccountMayAssume"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [var.account_id]
    }
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "ReadOwnRelease"
    actions   = ["s3:GetObject"]
    resources = ["${local.artifacts_arn}/${local.release_prefix}/*", "${local.artifacts_arn}/launcher/*"]
  }

  # Glue asks for the catalog and the database beside each table.
  statement {
    sid     = "ReadTableDefinitions"
    actions = ["glue:GetDatabase", "glue:GetTable"]
    resources = concat(
      ["${local.glue}:catalog"],
      [for namespace in local.read_namespaces : "${local.glue}:database/${namespace}"],
      [for table in local.readable_tables : "${local.glue}:table/${replace(table, ".", "/")}"],
    )
  }

  # No glue:DeleteTable: a stage drops no table, nor may a defect of it.
  statement {
    sid     = "MakeAndCommitOwnTables"
    actions = ["glue:CreateTable", "glue:UpdateTable"]
    resources = concat(
      ["${local.glue}:catalog"],
      [for namespace in local.own_namespaces : "${local.glue}:database/${namespace}"],
      [for table in local.written_tables : "${local.glue}:table/${replace(table, ".", "/")}"],
    )
  }

  statement {
    sid       = "ReadTableFiles"
    actions   = ["s3:GetObject"]
    resources = [for folder in local.readable_folders : "${local.lake_arn}/${folder}/*"]
  }

  # Deleting: old metadata files with each commit, files of expired snapshots, what a failed commit left.
  statement {
    sid       = "WriteOwnTableFiles"
    actions   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = [for folder in local.written_folders : "${local.lake_arn}/${folder}/*"]
  }

  # Spark renames in a checkpoint: on S3 a copy and a deletion.
  statement {
    sid       = "KeepOwnCheckpoints"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${local.lake_arn}/${local.checkpoints}/*"]
  }

  # Maintenance keeps the snapshots that these streams still need.
  dynamic "statement" {
    for_each = length(local.stream_starts) > 0 ? ["streams"] : []

    content {
      sid       = "SeeWhereStreamsBegin"
      actions   = ["s3:GetObject"]
      resources = [for start in local.stream_starts : "${local.lake_arn}/${start}/*"]
    }
  }

  # The names of metric objects hold the stage: `<time>-<stage>-<random>.json`.
  statement {
    sid       = "ReportOwnMetrics"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = ["${local.lake_arn}/${local.metric_inbox}/*-${var.stage}-*.json"]
  }

  # What a run has written, for the flow that started it.
  statement {
    sid       = "LeaveOwnRunTokens"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = ["${local.lake_arn}/${local.run_tokens}/*"]
  }

  dynamic "statement" {
    for_each = length(local.readable_places) > 0 ? ["places"] : []

    content {
      sid       = "ReadPlaces"
      actions   = ["s3:GetObject"]
      resources = [for place in local.readable_places : "${local.lake_arn}/${place}/*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.written_places) > 0 ? ["places"] : []

    content {
      sid       = "WriteOwnPlaces"
      actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
      resources = [for place in local.written_places : "${local.lake_arn}/${place}/*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.cleared_places) > 0 ? ["places"] : []

    content {
      sid       = "ClearOwnPlaces"
      actions   = ["s3:DeleteObject"]
      resources = [for place in local.cleared_places : "${local.lake_arn}/${place}/*"]
    }
  }

  dynamic "statement" {
    for_each = local.reads_landing ? ["landing"] : []

    content {
      sid       = "ReadLanding"
      actions   = ["s3:GetObject", "s3:ListBucket"]
      resources = [local.landing_arn, "${local.landing_arn}/*"]
    }
  }

  dynamic "statement" {
    for_each = local.reads_contracts ? ["contracts"] : []

    content {
      sid       = "ReadContracts"
      actions   = ["s3:GetObject"]
      resources = ["${local.artifacts_arn}/contracts/*"]
    }
  }

  dynamic "statement" {
    for_each = local.reads_contracts ? ["contracts"] : []

    content {
      sid       = "ListContracts"
      actions   = ["s3:ListBucket"]
      resources = [local.artifacts_arn]

      condition {
        test     = "StringLikeIfExists"
        variable = "s3:prefix"
        values   = ["contracts", "contracts/*"]
      }
    }
  }

  # IfExists: asking for an object that is not there names no prefix, and S3 answers 403 in place of 404 to who may not
  # list; a stage would take the missing first checkpoint for a failure. So names, never contents, of the lake are seen.
  statement {
    sid       = "ListOwnFolders"
    actions   = ["s3:ListBucket"]
    resources = [local.lake_arn]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = flatten([for folder in local.listed_folders : [folder, "${folder}/*"]])
    }
  }

  dynamic "statement" {
    for_each = var.alert_topic_arn == null ? [] : ["topic"]

    content {
      sid       = "SendAlerts"
      actions   = ["sns:Publish"]
      resources = [var.alert_topic_arn]
    }
  }

  # The key is known by its alias: no unit reads another's state.
  dynamic "statement" {
    for_each = var.kms_alias == null ? [] : ["key"]

    content {
      sid       = "UseTheKeyOfTheBuckets"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = ["arn:aws:kms:${var.region}:${var.account_id}:key/*"]

      condition {
        test     = "ForAnyValue:StringEquals"
        variable = "kms:ResourceAliases"
        values   = [var.kms_alias]
      }

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${var.region}.amazonaws.com"]
      }
    }
  }

  # Describing has no resource to name.
  dynamic "statement" {
    for_each = var.network == null ? [] : ["subnet"]

    content {
      sid = "FindTheSubnet"
      actions = [
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
        "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints",
      ]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.network == null ? [] : ["subnet"]

    content {
      sid     = "WorkInTheSubnet"
      actions = ["ec2:CreateNetworkInterface"]
      resources = [
        "${local.ec2}:subnet/${var.network.subnet_id}",
        "${local.ec2}:security-group/${var.network.security_group_id}",
        "${local.ec2}:network-interface/*",
      ]
    }
  }

  dynamic "statement" {
    for_each = var.network == null ? [] : ["subnet"]

    content {
      sid       = "ClearTheSubnet"
      actions   = ["ec2:DeleteNetworkInterface"]
      resources = ["${local.ec2}:network-interface/*"]

      condition {
        test     = "ArnEquals"
        variable = "ec2:Subnet"
        values   = ["${local.ec2}:subnet/${var.network.subnet_id}"]
      }
    }
  }

  # Glue marks the interfaces it makes, and those alone.
  dynamic "statement" {
    for_each = var.network == null ? [] : ["subnet"]

    content {
      sid       = "MarkOwnInterfaces"
      actions   = ["ec2:CreateTags", "ec2:DeleteTags"]
      resources = ["${local.ec2}:network-interface/*"]

      condition {
        test     = "ForAllValues:StringEquals"
        variable = "aws:TagKeys"
        values   = ["aws-glue-service-resource"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.network == null ? [] : ["subnet"]

    content {
      sid       = "ReadOwnConnection"
      actions   = ["glue:GetConnection"]
      resources = ["${local.glue}:catalog", "${local.glue}:connection/${local.name}"]
    }
  }

  # Glue asks for the group at each start, also where it is there.
  statement {
    sid     = "WriteOwnLogs"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [
      for group in ["error", "output"] :
      "arn:aws:logs:${var.region}:${var.account_id}:log-group:${local.log_group_prefix}/${group}:*"
    ]
  }
}

resource "aws_iam_role" "this" {
  name               = local.name
  description        = "What Driftlake's ${var.stage} stage may touch: its own tables and prefixes, and what it reads"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "this" {
  name   = "stage"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json

  lifecycle {
    precondition {
      condition     = length(jsonencode(jsondecode(data.aws_iam_policy_document.this.json))) <= 10240
      error_message = "The policy of ${var.stage} is longer than the 10,240 characters IAM takes in a role: a namespace with many tables of one stage wants a folder ARN of its own."
    }
  }
}
