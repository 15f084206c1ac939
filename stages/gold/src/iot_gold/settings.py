"""Settings of the gold stage."""

from __future__ import annotations

from dataclasses import dataclass

from iot_common.settings import StageSettings


@dataclass(frozen=True, kw_only=True)
class GoldSettings(StageSettings):
    """Aggregates readings into 5-minute device windows, hours by place and days by device."""
