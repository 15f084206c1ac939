# Without AWS: the provider is mocked, so the tests see what the module asks for, not what Glue answers.
mock_provider "aws" {}

variables {
  warehouse_uri = "s3://driftlake-test-123456789012-lake/warehouse"
}

run "has_a_database_for_each_namespace_of_the_contracts" {
  assert {
    condition     = toset(output.database_names) == toset(["bronze", "silver", "gold", "drift", "ops"])
    error_message = "The namespaces are those of iot_common.contracts."
  }

  assert {
    condition     = alltrue([for database in aws_glue_catalog_database.this : length(database.description) > 0])
    error_message = "Every database says what it holds."
  }
}

run "puts_tables_where_a_local_warehouse_has_them" {
  assert {
    condition = alltrue([
      for name, database in aws_glue_catalog_database.this :
      database.location_uri == "s3://driftlake-test-123456789012-lake/warehouse/${name}"
    ])
    error_message = "Tables lie in <warehouse>/<namespace>/<table>, not in <namespace>.db: the stages' roles name these folders."
  }
}

run "refuses_a_warehouse_with_a_closing_slash" {
  command = plan

  variables {
    warehouse_uri = "s3://driftlake-test-123456789012-lake/warehouse/"
  }

  expect_failures = [var.warehouse_uri]
}

run "refuses_a_warehouse_outside_s3" {
  command = plan

  variables {
    warehouse_uri = "/srv/warehouse"
  }

  expect_failures = [var.warehouse_uri]
}

run "refuses_a_namespace_athena_would_fold" {
  command = plan

  variables {
    namespaces = { Bronze = "Every line." }
  }

  expect_failures = [var.namespaces]
}
