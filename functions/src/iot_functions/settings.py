"""Settings of the functions, from their environment, which infra/modules/orchestration fills."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from iot_common.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket and a key prefix in it, without slashes at its ends."""

    bucket: str
    prefix: str

    def key(self, name: str) -> str:
        """Key of an object under the prefix."""
        return f"{self.prefix}/{name}" if self.prefix else name


def place_of(uri: str) -> Place:
    """Where an `s3://` URI points.

    Raises:
        SettingsError: If it is no such URI.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise SettingsError(f"{uri!r} is no s3://BUCKET/PREFIX: mend the function's environment variable")
    return Place(bucket, prefix.strip("/"))


def required(environment: Mapping[str, str], name: str) -> str:
    """A variable of the environment.

    Raises:
        SettingsError: If it is missing or empty.
    """
    value = environment.get(name, "")
    if not value:
        raise SettingsError(f"environment variable {name} is not set: infra/modules/orchestration sets it")
    return value


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """What the functions of the flow know of their places.

    Attributes:
        warehouse: Where the stages leave tokens and notices.
        landing_queue_url: Queue of landed objects.
        metric_namespace: Namespace of the lag metrics.
        cadence_minutes: Stage -> minutes between its runs, for those that run less often than the flow.
    """

    warehouse: Place
    landing_queue_url: str
    metric_namespace: str
    cadence_minutes: Mapping[str, int]


def flow_settings(environment: Mapping[str, str] = os.environ) -> FlowSettings:
    """Settings from the environment.

    Raises:
        SettingsError: If a variable is missing or wrong.
    """
    cadence = required(environment, "CADENCE_MINUTES")
    try:
        minutes = {str(stage): int(value) for stage, value in json.loads(cadence).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise SettingsError(
            f'CADENCE_MINUTES is JSON as {{"flow": 15, "gold": 60}}, not {cadence!r}'
        ) from error
    return FlowSettings(
        warehouse=place_of(required(environment, "WAREHOUSE_URI")),
        landing_queue_url=required(environment, "LANDING_QUEUE_URL"),
        metric_namespace=required(environment, "METRIC_NAMESPACE"),
        cadence_minutes=minutes,
    )


@dataclass(frozen=True, slots=True)
class DeadLetterSettings:
    """What the functions of the dead letters know of their places.

    Attributes:
        archive: Where dead letters go.
        dead_letter_queue_url: Queue they come from.
        landing_queue_url: Queue to which they are sent again.
        archive_after_days: Age at which they go: after the alarm has rung, before SQS deletes them at 14 days.
    """

    archive: Place
    dead_letter_queue_url: str
    landing_queue_url: str
    archive_after_days: int


def dead_letter_settings(environment: Mapping[str, str] = os.environ) -> DeadLetterSettings:
    """Settings from the environment.

    Raises:
        SettingsError: If a variable is missing or wrong.
    """
    days = required(environment, "ARCHIVE_AFTER_DAYS")
    if not days.isdecimal():
        raise SettingsError(f"ARCHIVE_AFTER_DAYS is a whole number of days, not {days!r}")
    return DeadLetterSettings(
        archive=place_of(required(environment, "ARCHIVE_URI")),
        dead_letter_queue_url=required(environment, "DEAD_LETTER_QUEUE_URL"),
        landing_queue_url=required(environment, "LANDING_QUEUE_URL"),
        archive_after_days=int(days),
    )
