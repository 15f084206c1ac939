"""Settings of the metrics stage."""

from __future__ import annotations

from dataclasses import dataclass

from iot_common.settings import StageSettings


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(StageSettings):
    """Gathers the metric rows of all stages, and checks that what came in left by one of the ways."""
