# Without AWS: the provider is mocked, so the tests see what the module asks for, not what AWS answers.
mock_provider "aws" {}

variables {
  name_prefix = "driftlake-test-123456789012"
  region      = "us-east-1"
}

run "has_a_way_to_what_a_stage_calls_and_to_nothing_else" {
  assert {
    condition = {
      for service, endpoint in aws_vpc_endpoint.interface : service => "${endpoint.service_name} ${endpoint.vpc_endpoint_type} ${endpoint.private_dns_enabled}"
      } == {
      for service in ["glue", "logs", "sns"] : service => "com.amazonaws.us-east-1.${service} Interface true"
    }
    error_message = "Three endpoints, by the names that the AWS SDKs use: each costs $7.30 a month."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.route_table_ids == toset([aws_route_table.jobs.id])
    error_message = "S3 has a gateway, which is free, in the subnet's table of routes."
  }

  assert {
    condition     = length(aws_route_table.jobs.route) == 0
    error_message = "No other way leads out."
  }
}

run "lets_nobody_in_but_itself" {
  assert {
    condition = alltrue([
      for rule in [aws_vpc_security_group_ingress_rule.workers, aws_vpc_security_group_egress_rule.workers] :
      rule.referenced_security_group_id == aws_security_group.jobs.id && rule.cidr_ipv4 == null && rule.to_port == 65535
    ])
    error_message = "Workers reach each other on all ports; no address is let in."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.s3.prefix_list_id == aws_vpc_endpoint.s3.prefix_list_id && aws_vpc_security_group_egress_rule.s3.to_port == 443
    error_message = "S3 is reached by its gateway."
  }
}

run "gives_what_a_stage_takes" {
  variables {
    zone_letter = "c"
  }

  assert {
    condition = output.network == {
      subnet_id         = aws_subnet.jobs.id
      availability_zone = "us-east-1c"
      security_group_id = aws_security_group.jobs.id
    }
    error_message = "The output is stage-job's `network`."
  }

  assert {
    condition     = aws_subnet.jobs.cidr_block == "10.64.0.0/25" && aws_subnet.jobs.availability_zone == "us-east-1c"
    error_message = "Jobs have the lower half of the addresses, in that zone."
  }
}

run "refuses_a_network_too_small_for_its_jobs" {
  command = plan

  variables {
    cidr_block = "10.64.0.0/28"
  }

  expect_failures = [var.cidr_block]
}

run "refuses_a_zone_that_is_none" {
  command = plan

  variables {
    zone_letter = "us-east-1a"
  }

  expect_failures = [var.zone_letter]
}
