"""Settings of the silver stage."""

from __future__ import annotations

from dataclasses import dataclass

from iot_common.settings import StageSettings, setting


@dataclass(frozen=True, kw_only=True)
class SilverSettings(StageSettings):
    """Classifies each record once: typed readings, quarantine with all reasons, schema observations."""

    contracts: str = setting("folder or s3:// prefix with further contract versions and migrations", "")
    lateness_minutes: int = setting(
        "behind the stream's own event time by more than this: late, still merged", 10
    )
    late_quarantine_days: int = setting("behind it by more than this: quarantined; 0: never", 30)
    clock_tolerance_seconds: int = setting(
        "device time ahead of arrival by more than this: clock suspect", 300
    )
    zscore_threshold: float = setting("robust z-score above which a value is flagged", 6.0)
    replay: str = setting(
        'do nothing but replay these quarantined records: JSON as {"codes": ["LATE"]}, {} for all', ""
    )

    @property
    def is_whole_run(self) -> bool:
        """False for a replay."""
        return super().is_whole_run and not self.replay


@dataclass(frozen=True, slots=True)
class RollingSettings:
    """The rolling robust z-score: a value against the median and MAD of the device's readings before it."""

    threshold: float
    readings: int = 30
    """Readings before it that are looked at."""
    minimum_readings: int = 10
    """Fewer say too little: the value is not flagged."""
    hours: int = 3
    """Older readings are not looked at: by then the day has moved on."""
