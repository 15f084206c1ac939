"""What Lambda calls: one handler for each function of infra/modules/orchestration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from iot_functions import checkpoints, curation, dead_letters, lag, missing_schema
from iot_functions.settings import dead_letter_settings, flow_settings

Event = Mapping[str, Any]


@cache
def _client(service: str) -> Any:
    # One for all calls of a warm function; a first connection takes longer than the call.
    return boto3.client(service)


def _clients() -> checkpoints.Clients:
    return checkpoints.Clients(
        *(_client(service) for service in ("s3", "sqs", "stepfunctions", "cloudwatch"))
    )


def _now() -> datetime:
    return datetime.now(UTC)


def get_checkpoints(event: Event, _context: object) -> dict[str, Any]:
    """State GetAllCheckpoints."""
    return checkpoints.get_checkpoints(event, flow_settings(), _clients(), _now)


def settle_landed(event: Event, _context: object) -> dict[str, Any]:
    """State SettleLanded."""
    return curation.settle_landed(event, flow_settings(), _clients())


def read_token(event: Event, _context: object) -> dict[str, Any]:
    """State ReadCurationToken."""
    return curation.read_token(event, flow_settings(), _clients())


def notify_missing_schema(event: Event, _context: object) -> dict[str, Any]:
    """State NotifyMissingSchema."""
    return missing_schema.notify_missing_schema(event, flow_settings(), _clients(), _now)


def publish_lag(event: Event, _context: object) -> dict[str, int]:
    """State PublishLag."""
    return lag.publish_lag(event, flow_settings(), _clients(), _now)


def archive_dead_letters(_event: Event, _context: object) -> dict[str, Any]:
    """State ArchiveDeadLetters of the daily flow."""
    return dead_letters.archive(dead_letter_settings(), _client("s3"), _client("sqs"), _now)


def redrive_dead_letters(event: Event, _context: object) -> dict[str, Any]:
    """Called by hand: `aws lambda invoke --payload '{"prefix": "2025/11/21"}'`."""
    return dead_letters.redrive(event, dead_letter_settings(), _client("s3"), _client("sqs"))
