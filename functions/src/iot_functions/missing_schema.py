"""Tells of contract versions that records claim and nobody registered: a metric, and a notice for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from iot_common.notices import MISSING_SCHEMA, Notice
from iot_functions.checkpoints import Clients
from iot_functions.settings import FlowSettings

METRIC = "MissingContractVersions"
NOTICES = "ops/notices"
"""Under the warehouse, as `iot_common.settings` has it: observability sends each new one to the alert topic, and drift
makes it an entry of `drift.drift_log` that waits."""


def notify_missing_schema(
    event: Mapping[str, Any], settings: FlowSettings, clients: Clients, clock: Callable[[], datetime]
) -> dict[str, Any]:
    """One metric value, and one notice for each version that has none yet, from whomever.

    Args:
        event: `missing`, the versions, and `run_id` of the curation that met them.
        settings: The places.
        clients: Whom to tell.
        clock: The time of now.

    Returns:
        `told`: the versions of which nobody had heard.
    """
    missing = list(event["missing"])
    clients.cloudwatch.put_metric_data(
        Namespace=settings.metric_namespace,
        MetricData=[{"MetricName": METRIC, "Value": len(missing), "Unit": "Count"}],
    )
    facts = {"run_id": event["run_id"]}
    told = [version for version in missing if _tell(version, facts, settings, clients.s3, clock())]
    return {"told": told}


def _tell(version: str, facts: Mapping[str, Any], settings: FlowSettings, s3: Any, now: datetime) -> bool:
    text = (
        f"Records claim contract version {version}, which is not registered: they are quarantined until then. "
        "Register it."
    )
    notice = Notice(MISSING_SCHEMA, version, "flow", text, now, {"version": version, **facts})
    said = asdict(notice) | {"raised_time": now.isoformat()}
    try:
        s3.put_object(
            Bucket=settings.warehouse.bucket,
            Key=settings.warehouse.key(f"{NOTICES}/{notice.name}"),
            Body=(json.dumps(said, ensure_ascii=False, sort_keys=True) + "\n").encode(),
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "PreconditionFailed":
            return False
        raise
    return True
