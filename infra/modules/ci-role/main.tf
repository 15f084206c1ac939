# Who workflows of the repository are, in one environment's account: no key is stored anywhere. GitHub signs a token that
# names repository and environment; STS gives a role for it, for an hour or so. `plan` reads, `deploy` also changes; both
# are told apart by the GitHub environment of the job, which GitHub guards with reviewers and branches.
locals {
  issuer       = "token.actions.githubusercontent.com"
  provider_arn = "arn:aws:iam::${var.account_id}:oidc-provider/${local.issuer}"

  # Role -> the environment of GitHub whose jobs may take it.
  github_environments = {
    plan   = "${var.environment}-plan"
    deploy = var.environment
  }

  policies = {
    reads    = data.aws_iam_policy_document.reads.json
    releases = data.aws_iam_policy_document.releases.json
    places   = data.aws_iam_policy_document.places.json
  }

  attached = {
    "plan reads"      = { role = "plan", policy = "reads" }
    "deploy reads"    = { role = "deploy", policy = "reads" }
    "deploy releases" = { role = "deploy", policy = "releases" }
    "deploy places"   = { role = "deploy", policy = "places" }
  }
}

# An account has one at most per issuer.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.create_oidc_provider ? 1 : 0

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.github_environments

  statement {
    sid     = "JobsOfOneGitHubEnvironmentMayAssume"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    # Equals, not like: no branch, no pull request and no other environment.
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["repo:${var.repository}:environment:${each.value}"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.github_environments

  name                 = "${var.name_prefix}-ci-${each.key}"
  description          = "What workflows of ${var.repository} may do in its environment ${each.value}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = var.session_minutes * 60

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_policy" "this" {
  for_each = local.policies

  name        = "${var.name_prefix}-ci-${each.key}"
  description = "What workflows of ${var.repository} may do in ${var.environment}: ${each.key}"
  policy      = each.value

  lifecycle {
    precondition {
      condition     = length(jsonencode(jsondecode(each.value))) <= 6144
      error_message = "The policy ${each.key} is longer than the 6,144 characters IAM takes in a policy."
    }
  }
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.attached

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.this[each.value.policy].arn
}

# The most that any role can do which a deployment makes. Without it, whoever may write a role's policy may do all that
# AWS offers, by way of that role.
resource "aws_iam_policy" "boundary" {
  name        = "${var.name_prefix}-boundary"
  description = "The most that a role of Driftlake may do in ${var.environment}, whatever its own policy says"
  policy      = data.aws_iam_policy_document.boundary.json

  lifecycle {
    precondition {
      condition     = length(jsonencode(jsondecode(data.aws_iam_policy_document.boundary.json))) <= 6144
      error_message = "The boundary is longer than the 6,144 characters IAM takes in a policy."
    }
  }
}
