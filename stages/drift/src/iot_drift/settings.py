"""Settings of the drift stage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from iot_common.errors import SettingsError
from iot_common.settings import StageSettings, setting

WINDOW_CHOICES = (5, 15, 60)
"""Multiples of silver's 5-minute windows that divide an hour, so that a window never crosses an hour of the day."""


@dataclass(frozen=True, kw_only=True)
class DriftSettings(StageSettings):
    """Finds what changed: declared against observed structure, and device windows against their own past."""

    contracts: str = setting("folder or s3:// prefix with further contract versions and migrations", "")
    window_minutes: int = setting("length of a device window: 5, 15 or 60", 15)
    reference_hours: float = setting("a device's first hours: they train the model and are not scored", 48.0)
    reference_min_windows: int = setting("windows a device needs before its later ones are scored", 48)
    false_alarms_per_1000_device_days: float = setting("false alarms the thresholds may cause", 1.0)
    persistence_windows: int = setting("windows of which most must deviate before there is a finding", 4)
    seed: int = setting("seed of the IsolationForest: same rows and seed, same scores", 7)
    min_device_share: float = setting("smallest share of the devices for a structural finding", 0.0)
    unit_lookback_hours: float = setting("how far back a device's earlier unit is looked for", 48.0)

    silence_windows: int = setting(
        "windows without a sign after which a device, or an optional field, has fallen silent", 24
    )

    def __post_init__(self) -> None:
        """Refuse values the detectors cannot work with."""
        super().__post_init__()
        if self.window_minutes not in WINDOW_CHOICES:
            raise SettingsError(f"--window-minutes is one of {WINDOW_CHOICES}, not {self.window_minutes}")
        if self.reference_hours <= 0 or self.reference_min_windows < 2:
            raise SettingsError("--reference-hours must be above 0 and --reference-min-windows at least 2")
        if not 0 < self.false_alarms_per_1000_device_days <= 1000:
            raise SettingsError("--false-alarms-per-1000-device-days lies above 0 and up to 1000")
        if self.silence_windows < 1:
            raise SettingsError(f"--silence-windows is 1 or more, not {self.silence_windows}")
        if self.persistence_windows < 1:
            raise SettingsError(f"--persistence-windows is 1 or more, not {self.persistence_windows}")

    @property
    def silence(self) -> timedelta:
        """Shortest silence that is told."""
        return timedelta(minutes=self.silence_windows * self.window_minutes)
