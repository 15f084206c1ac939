terraform {
  # S3 state locks itself (use_lockfile) from 1.11 on.
  required_version = ">= 1.11.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
