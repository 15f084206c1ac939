"""Front doors, sinks and conveniences that are off by default. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from driftlake.cost.inputs import Inputs
from driftlake.cost.profile import Line, Profile, events_per_month


def _monthly(component: str, price: str) -> Callable[[Profile, Inputs], Line]:
    def line(_profile: Profile, inputs: Inputs) -> Line:
        return Line(component, inputs.usd(price), inputs.prices[price].unit)

    return line


def _firehose(profile: Profile, inputs: Inputs) -> Line:
    events = events_per_month(profile, inputs)
    rounded = math.ceil(inputs.assumed["event_bytes"] / 5120) * 5120
    gb = events * rounded / 2**30
    usd = gb * inputs.usd("firehose_gb")
    return Line("Firehose, a record each", usd, f"{events / 1e6:,.0f} million records as {gb:,.0f} GB")


def _iot_core(profile: Profile, inputs: Inputs) -> Line:
    millions = events_per_month(profile, inputs) / 1e6
    usd = millions * inputs.usd("iot_core_million_messages")
    return Line("IoT Core, a message each", usd, f"{millions:,.0f} million messages")


def _sqs_each(profile: Profile, inputs: Inputs) -> Line:
    millions = 3 * events_per_month(profile, inputs) / 1e6
    usd = millions * inputs.usd("sqs_million_requests")
    return Line("SQS, a message each", usd, f"{millions:,.0f} million requests: send, receive, delete")


def _vpc_endpoints(_profile: Profile, inputs: Inputs) -> Line:
    endpoints = inputs.assumed["vpc_endpoints"]
    usd = endpoints * inputs.usd("interface_endpoint_month")
    return Line("VPC interface endpoints", usd, f"{endpoints:g} in one zone, without traffic; S3's is free")


def _redshift(_profile: Profile, inputs: Inputs) -> Line:
    assumed = inputs.assumed
    loads = assumed["days_per_month"] * 24
    hours = loads * assumed["redshift_load_seconds"] / 3600 * assumed["redshift_rpu"]
    usd = hours * inputs.usd("redshift_rpu_hour")
    return Line("Redshift Serverless", usd, f"{loads:g} loads, {hours:g} RPU-hours")


OPTIONS: Mapping[str, Callable[[Profile, Inputs], Line]] = {
    "airflow": _monthly("managed Airflow", "airflow_month"),
    "dashboard": _monthly("CloudWatch dashboard", "dashboard_month"),
    "firehose": _firehose,
    "iot-core": _iot_core,
    "kms-key": _monthly("KMS key", "kms_key_month"),
    "msk": _monthly("MSK", "msk_month"),
    "nat-gateway": _monthly("NAT gateway", "nat_gateway_month"),
    "redshift": _redshift,
    "sqs-per-message": _sqs_each,
    "vpc-endpoints": _vpc_endpoints,
}
"""By the name under which `--with` turns one on. Most break the budget alone."""
