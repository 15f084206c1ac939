"""The few functions of the flow: small, on AWS Lambda, with boto3 of its runtime and nothing else."""
