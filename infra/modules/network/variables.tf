variable "name_prefix" {
  description = "Start of the names, such as `driftlake-dev-<account number>`. Changing it renames the network."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix is 3 to 50 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "region" {
  description = "Region of the network, such as `us-east-1`. Three interface endpoints in one zone cost $21.90 a month and $0.01 per GB; S3's gateway nothing. A NAT gateway, which this has not, would cost $32.85 and $0.045 per GB."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is a region's code, such as us-east-1."
  }
}

variable "zone_letter" {
  description = "Letter of the availability zone: jobs, and the endpoints that cost, are in this one. Changing it replaces the subnet."
  type        = string
  default     = "a"
  nullable    = false

  validation {
    condition     = can(regex("^[a-f]$", var.zone_letter))
    error_message = "zone_letter is a letter from a to f."
  }
}

variable "cidr_block" {
  description = "Addresses of the network; jobs get the lower half. Changing it replaces everything in it."
  type        = string
  default     = "10.64.0.0/24"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.cidr_block, 0)) && can(regex("/(1[6-9]|2[0-6])$", var.cidr_block))
    error_message = "cidr_block is a network of 64 to 65,536 addresses, such as 10.64.0.0/24."
  }
}
