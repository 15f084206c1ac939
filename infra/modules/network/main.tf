# A network for jobs that must not use Glue's own: one subnet without a way out, and endpoints of the services that a
# stage calls. One zone: a job whose zone fails runs again when it is back, and a second zone doubles the price.
locals {
  zone = "${var.region}${var.zone_letter}"

  # What a stage calls beside S3: tables (glue), what it says (logs), alerts of drift (sns).
  services = toset(["glue", "logs", "sns"])
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr_block
  enable_dns_support   = true
  enable_dns_hostnames = true # or the endpoints have no names of their own

  tags = { Name = var.name_prefix }
}

# The one that AWS makes lets everything in: nobody shall use it.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "jobs" {
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(var.cidr_block, 1, 0)
  availability_zone = local.zone

  tags = { Name = "${var.name_prefix}-jobs" }
}

resource "aws_route_table" "jobs" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name_prefix}-jobs" }
}

resource "aws_route_table_association" "jobs" {
  subnet_id      = aws_subnet.jobs.id
  route_table_id = aws_route_table.jobs.id
}

# Workers of a job speak to each other on all ports, and to the endpoints; nobody else speaks to them.
resource "aws_security_group" "jobs" {
  name        = "${var.name_prefix}-jobs"
  description = "Workers of the stages' jobs, and the endpoints they call"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "workers" {
  security_group_id            = aws_security_group.jobs.id
  description                  = "Workers and endpoints, on all TCP ports: Glue asks for it"
  referenced_security_group_id = aws_security_group.jobs.id
  ip_protocol                  = "tcp"
  from_port                    = 0
  to_port                      = 65535
}

resource "aws_vpc_security_group_egress_rule" "workers" {
  security_group_id            = aws_security_group.jobs.id
  description                  = "Workers and endpoints"
  referenced_security_group_id = aws_security_group.jobs.id
  ip_protocol                  = "tcp"
  from_port                    = 0
  to_port                      = 65535
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  security_group_id = aws_security_group.jobs.id
  description       = "S3 by its gateway"
  prefix_list_id    = aws_vpc_endpoint.s3.prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.jobs.id]
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.services

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [aws_subnet.jobs.id]
  security_group_ids  = [aws_security_group.jobs.id]
  private_dns_enabled = true
}
