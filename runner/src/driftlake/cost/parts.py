"""What every deployment pays beside its stages. Pure."""

from __future__ import annotations

import math

from driftlake.cost.inputs import Inputs
from driftlake.cost.profile import Line, Profile, landing_objects, runs_per_month


def maintenance(profile: Profile, inputs: Inputs) -> Line:
    """Compaction, expiry and orphan files, once a day: a run of each stage's own job."""
    assumed = inputs.assumed
    grown = max(1.0, profile.gb_per_day / 10)
    share = assumed["maintenance_share_that_grows"]
    seconds = assumed["maintenance_seconds_per_day"] * (1 - share + share * grown)
    days, dpu = assumed["days_per_month"], assumed["stage_dpu"]
    usd = days * seconds * dpu / 3600 * inputs.usd("glue_dpu_hour")
    return Line("maintenance", usd, f"{days:g} days × {seconds:.0f} s × {dpu:g} DPU")


def storage(profile: Profile, inputs: Inputs) -> Line:
    """What all layers keep, once each has reached its retention."""
    assumed = inputs.assumed
    layers = {
        layer: profile.gb_per_day / assumed[f"{layer}_compression"] * assumed[f"{layer}_days"]
        for layer in ("landing", "bronze", "silver")
    }
    kept = sum(layers.values()) + assumed["small_layers_gb"]
    shown = ", ".join(f"{layer} {gb:.0f}" for layer, gb in layers.items())
    return Line("S3 storage", kept * inputs.usd("s3_gb_month"), f"{kept:,.0f} GB: {shown}")


def requests(profile: Profile, inputs: Inputs) -> Line:
    """S3 requests of the stages and of landing."""
    writes, reads = landing_objects(profile, inputs) + _landing_lists(profile, inputs), 0.0
    for stage, measured in inputs.stages.items():
        runs = runs_per_month(profile.every_minutes(stage), inputs)
        writes += runs * measured.s3_writes
        reads += runs * measured.s3_reads
    reads += landing_objects(profile, inputs)
    usd = writes / 1000 * inputs.usd("s3_thousand_writes") + reads / 1000 * inputs.usd("s3_thousand_reads")
    return Line("S3 requests", usd, f"{writes:,.0f} writes and lists, {reads:,.0f} reads")


def _landing_lists(profile: Profile, inputs: Inputs) -> float:
    """LIST requests of a month for what landing keeps: each run of bronze lists all of it, 1,000 objects a request."""
    a_day = landing_objects(profile, inputs) / inputs.assumed["days_per_month"]
    each_run = inputs.assumed["landing_days"] * math.ceil(a_day / 1000)
    return runs_per_month(profile.every_minutes("bronze"), inputs) * each_run


def catalog(profile: Profile, inputs: Inputs) -> Line:
    """Requests to the Glue catalog."""
    requests = sum(
        runs_per_month(profile.every_minutes(stage), inputs) * costs.catalog_requests
        for stage, costs in inputs.stages.items()
    )
    usd = inputs.usd_beyond_free("glue_catalog_million_requests", requests / 1e6)
    return Line("Glue catalog", usd, f"{requests:,.0f} requests")


def athena(_profile: Profile, inputs: Inputs) -> Line:
    """People's queries."""
    tb = inputs.assumed["days_per_month"] * inputs.assumed["athena_gb_scanned_per_day"] / 1000
    return Line("Athena", tb * inputs.usd("athena_tb"), f"{tb:g} TB scanned")


def watching(profile: Profile, inputs: Inputs) -> Line:
    """Logs, alarms and metrics."""
    assumed = inputs.assumed
    runs = sum(runs_per_month(profile.every_minutes(stage), inputs) for stage in inputs.stages)
    logs_gb = runs * assumed["log_mb_per_run"] / 1000
    alarms, metrics = assumed["alarms"], assumed["custom_metrics"]
    usd = inputs.usd_beyond_free("logs_gb", logs_gb)
    usd += inputs.usd_beyond_free("alarm_month", alarms)
    usd += inputs.usd_beyond_free("custom_metric_month", metrics)
    return Line("logs and alarms", usd, f"{logs_gb:.1f} GB of logs, {alarms:g} alarms, {metrics:g} metrics")


def flow(profile: Profile, inputs: Inputs) -> Line:
    """State transitions of the ticks, and the tokens of their runs. Its functions stay within what Lambda gives."""
    ticks = runs_per_month(profile.tick_minutes, inputs)
    transitions = ticks * inputs.assumed["transitions_per_tick"]
    writes = ticks * inputs.assumed["flow_writes_per_tick"]
    usd = inputs.usd_beyond_free("thousand_transitions", transitions / 1000)
    usd += writes / 1000 * inputs.usd("s3_thousand_writes")
    return Line("Step Functions", usd, f"{transitions:,.0f} transitions, {writes:,.0f} S3 writes and lists")


def messages(profile: Profile, inputs: Inputs) -> Line:
    """Notifications of landing objects."""
    requests = landing_objects(profile, inputs) * inputs.assumed["sqs_requests_per_object"]
    usd = inputs.usd_beyond_free("sqs_million_requests", requests / 1e6)
    return Line("SQS of landing objects", usd, f"{requests:,.0f} requests")


PARTS = (maintenance, storage, requests, catalog, athena, watching, flow, messages)
"""In the order of the bill."""
