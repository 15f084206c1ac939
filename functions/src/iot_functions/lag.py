"""How far behind the stages are, as metrics with alarms, and whether a backlog wants another pass at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from iot_common.run_token import RunToken
from iot_functions.checkpoints import Clients, objects_waiting
from iot_functions.settings import FlowSettings
from iot_functions.tokens import Tokens, list_tokens

CURATION, SEMANTIC = "CurationLagRecords", "SemanticLagSeconds"
"""Metrics of infra/modules/observability's alarms."""


def publish_lag(
    event: Mapping[str, Any], settings: FlowSettings, clients: Clients, clock: Callable[[], datetime]
) -> dict[str, int]:
    """Publish both lags, after every pass, also one that failed.

    Curation lag is what has landed before the pass began and is not in silver: objects that no bronze run has taken
    (by the queue's depth and the records of bronze's last objects: an estimate), and what bronze has taken since
    silver's last run. Semantic lag is the age of the oldest curation that gold has not served.

    Args:
        event: `run_id` and `began` of the pass.
        settings: The places.
        clients: Whom to ask.
        clock: The time of now.

    Returns:
        Both lags; `backlog_records`, which counts what landed during the pass as well; `pass_seconds`.
    """
    now = clock()
    tokens = list_tokens(clients.s3, settings.warehouse)
    bronze = tokens.newest("bronze")
    depth = objects_waiting(clients.sqs, settings.landing_queue_url)
    landed = round(depth * _records_per_object(bronze))
    blocks = sum(token.records_written for token in tokens.since("bronze", "silver"))
    is_taken = bronze is not None and bronze.run_id == event["run_id"]
    lags = {CURATION: blocks + (0 if is_taken else landed), SEMANTIC: semantic_lag_seconds(tokens, now)}
    clients.cloudwatch.put_metric_data(
        Namespace=settings.metric_namespace,
        MetricData=[
            {"MetricName": name, "Value": value, "Unit": "Seconds" if name == SEMANTIC else "Count"}
            for name, value in lags.items()
        ],
    )
    began = datetime.fromisoformat(event["began"])
    return {
        "curation_lag_records": lags[CURATION],
        "semantic_lag_seconds": lags[SEMANTIC],
        "backlog_records": blocks + landed,
        "pass_seconds": round((now - began).total_seconds()),
    }


def _records_per_object(bronze: RunToken | None) -> float:
    """Of bronze's last run; 1 where that read none: an object has one record at least."""
    if bronze is None or not bronze.files_read:
        return 1.0
    return max(1.0, bronze.records_written / bronze.files_read)


def semantic_lag_seconds(tokens: Tokens, now: datetime) -> int:
    """Age of the oldest curation that gold has not served; 0 where it has served all.

    What gold took is known by the snapshot: a run of gold that began before a curation ended has not served it.
    """
    gold = tokens.newest("gold")
    unserved = None
    for token in tokens.newest_first("silver"):
        if gold is not None and token.given_snapshot_id == gold.taken_snapshot_id:
            break
        if token.given_snapshot_id:
            unserved = token
    if unserved is None:
        return 0
    return max(0, round((now - datetime.fromisoformat(unserved.ended_time)).total_seconds()))
