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
  name_prefix  = "driftlake-prod-123456789012"
  account_id   = "123456789012"
  region       = "us-east-1"
  environment  = "prod"
  repository   = "example/driftlake"
  state_bucket = "driftlake-state-123456789012"
  state_prefix = "primary/us-east-1/prod"
}

run "trusts_one_environment_of_one_repository" {
  command = plan

  assert {
    condition = {
      for role, json in output.trust_json : role => jsondecode(json).Statement
      } == {
      for role, environment in { plan = "prod-plan", deploy = "prod" } : role => [{
        Sid       = "JobsOfOneGitHubEnvironmentMayAssume"
        Effect    = "Allow"
        Action    = "sts:AssumeRoleWithWebIdentity"
        Principal = { Federated = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }
        Condition = {
          StringEquals = {
            "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
            "token.actions.githubusercontent.com:sub" = "repo:example/driftlake:environment:${environment}"
          }
        }
      }]
    }
    error_message = "No other repository, environment, branch or pull request may take a role."
  }

  assert {
    condition     = { for key, role in aws_iam_role.this : key => role.name } == { plan = "driftlake-prod-123456789012-ci-plan", deploy = "driftlake-prod-123456789012-ci-deploy" }
    error_message = "The roles are known by their names."
  }
}

run "a_plan_changes_nothing_but_its_lock" {
  command = plan

  assert {
    condition     = [for each in aws_iam_role_policy_attachment.this : each.role if each.role == "driftlake-prod-123456789012-ci-plan"] == ["driftlake-prod-123456789012-ci-plan"] && local.attached["plan reads"].policy == "reads"
    error_message = "The role of plans has the reading policy, and no other."
  }

  assert {
    condition = toset([
      for action in flatten([for statement in jsondecode(output.policy_json.reads).Statement : statement.Action]) : action
      if !can(regex("^[a-z0-9]+:(Get|List|Describe|View|Validate)", action))
    ]) == toset(["s3:PutObject", "s3:DeleteObject", "kms:Decrypt", "kms:GenerateDataKey"])
    error_message = "Of what is no reading, it locks; with a key of one's own, by that key."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(output.policy_json.reads).Statement : statement.Resource
      if length(setintersection(toset(flatten([statement.Action])), ["s3:PutObject", "s3:DeleteObject"])) > 0
    ])) == toset(["arn:aws:s3:::driftlake-state-123456789012/primary/us-east-1/prod/*.tflock"])
    error_message = "It puts and removes the lock of its environment's state, nothing else."
  }
}

run "a_deployment_makes_roles_within_the_boundary_alone" {
  command = plan

  assert {
    condition = one([
      for statement in flatten([for name in ["releases", "places"] : jsondecode(output.policy_json[name]).Statement]) : statement.Condition.StringEquals["iam:PermissionsBoundary"]
      if contains(flatten([statement.Action]), "iam:PutRolePolicy") && statement.Effect == "Allow"
    ]) == "arn:aws:iam::123456789012:policy/driftlake-prod-123456789012-boundary"
    error_message = "Who may write any policy into a role may do all that AWS offers."
  }

  assert {
    condition = length(setintersection(
      toset(flatten([for statement in flatten([for name in ["releases", "places"] : jsondecode(output.policy_json[name]).Statement]) : statement.Action if statement.Effect == "Allow"])),
      ["iam:AttachRolePolicy", "iam:CreatePolicyVersion", "iam:DeleteRolePermissionsBoundary", "iam:CreateUser", "iam:CreateAccessKey"],
    )) == 0
    error_message = "It takes no boundary away, changes none, and makes no user and no key."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.policy_json.boundary).Statement :
      alltrue([for action in flatten([statement.Action]) : !can(regex("^(iam|sts|organizations):|[*]", action))])
    ])
    error_message = "The boundary names every action, and none on identities."
  }
}

run "a_deployment_cannot_change_its_own_role" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in flatten([for name in ["releases", "places"] : jsondecode(output.policy_json[name]).Statement]) : statement.Resource if statement.Effect == "Deny"
      ])) == toset([
      "arn:aws:iam::123456789012:role/driftlake-prod-123456789012-ci-*",
      "arn:aws:s3:::driftlake-state-123456789012/primary/us-east-1/prod/ci-role/*",
    ])
    error_message = "Neither the roles of workflows nor their state are a workflow's to change."
  }
}

run "a_deployment_deletes_nothing_that_holds_data" {
  command = plan

  assert {
    condition = length(setintersection(
      toset(flatten([for statement in flatten([for name in ["releases", "places"] : jsondecode(output.policy_json[name]).Statement]) : statement.Action if statement.Effect == "Allow"])),
      ["s3:DeleteBucket", "glue:DeleteDatabase", "glue:DeleteTable", "sqs:DeleteQueue", "sqs:PurgeQueue", "sns:DeleteTopic"],
    )) == 0
    error_message = "Buckets, databases, tables, queues and topics are deleted by people."
  }

  assert {
    condition = alltrue([
      for statement in flatten([for name in ["releases", "places"] : jsondecode(output.policy_json[name]).Statement]) : alltrue([
        for resource in flatten([statement.Resource]) : !strcontains(resource, "-lake/") && !strcontains(resource, "-landing/")
      ]) if length(setintersection(toset(flatten([statement.Action])), ["s3:PutObject", "s3:DeleteObject"])) > 0
    ])
    error_message = "A deployment writes no object into the lake or the landing bucket."
  }
}

run "reads_of_the_lake_what_gates_ask" {
  command = plan

  assert {
    condition = {
      for name in ["reads", "releases", "places"] : name => toset([
        for resource in flatten([for statement in jsondecode(output.policy_json[name]).Statement : statement.Resource if contains(flatten([statement.Action]), "s3:GetObject")]) :
        resource if !strcontains(resource, "state")
      ])
      } == {
      reads  = toset(["arn:aws:s3:::driftlake-prod-123456789012-artifacts/*"])
      places = toset([])
      releases = toset([
        "arn:aws:s3:::driftlake-prod-123456789012-lake/warehouse/ops/*",
        "arn:aws:s3:::driftlake-prod-123456789012-lake/warehouse/silver/quarantine/*",
      ])
    }
    error_message = "A plan reads nothing of the lake, a rollout what its gates compare."
  }
}

run "changes_views_and_no_table" {
  command = plan

  variables {
    views = ["silver.scientist_view", "gold.device_day"]
  }

  assert {
    condition = toset(flatten([
      for statement in flatten([for name in ["releases", "places"] : jsondecode(output.policy_json[name]).Statement]) : statement.Resource
      if contains(flatten([statement.Action]), "glue:UpdateTable")
      ])) == toset([
      "arn:aws:glue:us-east-1:123456789012:catalog",
      "arn:aws:glue:us-east-1:123456789012:database/gold",
      "arn:aws:glue:us-east-1:123456789012:database/silver",
      "arn:aws:glue:us-east-1:123456789012:table/gold/device_day",
      "arn:aws:glue:us-east-1:123456789012:table/silver/scientist_view",
    ])
    error_message = "Tables are their stages'; a rollout makes the views over them."
  }

}

run "changes_no_table_without_views" {
  command = plan

  assert {
    condition     = !contains(flatten([for statement in flatten([for name in ["releases", "places"] : jsondecode(output.policy_json[name]).Statement]) : statement.Action]), "glue:UpdateTable")
    error_message = "Without views there is nothing to change in the catalog's tables."
  }
}

run "refuses_a_view_that_is_a_wildcard" {
  command = plan

  variables {
    views = ["silver.*"]
  }

  expect_failures = [var.views]
}

run "unlocks_but_replaces_no_release" {
  command = plan

  assert {
    condition = toset(flatten([
      for statement in flatten([for name in ["releases", "places"] : jsondecode(output.policy_json[name]).Statement]) : statement.Resource
      if contains(flatten([statement.Action]), "s3:DeleteObject") && statement.Effect == "Allow"
    ])) == toset(["arn:aws:s3:::driftlake-prod-123456789012-artifacts/locks/*"])
    error_message = "Of the artifacts a rollout removes its own lock alone."
  }
}

run "uses_the_issuer_an_account_has" {
  command = plan

  variables {
    create_oidc_provider = false
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0
    error_message = "An account has one at most per issuer."
  }
}

run "refuses_a_repository_with_a_wildcard" {
  command = plan

  variables {
    repository = "example/*"
  }

  expect_failures = [var.repository]
}

run "refuses_an_owner_without_a_repository" {
  command = plan

  variables {
    repository = "example"
  }

  expect_failures = [var.repository]
}

run "refuses_credentials_for_a_day" {
  command = plan

  variables {
    session_minutes = 720
  }

  expect_failures = [var.session_minutes]
}

run "refuses_an_account_number_with_a_digit_missing" {
  command = plan

  variables {
    account_id = "12345678901"
  }

  expect_failures = [var.account_id]
}
