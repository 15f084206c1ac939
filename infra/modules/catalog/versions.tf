terraform {
  # As every module here: the units keep their state in S3, which locks itself (use_lockfile) from 1.11 on.
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
