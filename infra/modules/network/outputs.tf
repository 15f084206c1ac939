output "network" {
  description = "What stage-job takes as `network`: write it into environment.hcl."
  value = {
    subnet_id         = aws_subnet.jobs.id
    availability_zone = local.zone
    security_group_id = aws_security_group.jobs.id
  }
}
