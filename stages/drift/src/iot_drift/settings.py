"""Settings of the drift stage."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta

from iot_common.errors import SettingsError
from iot_common.settings import StageSettings, setting
from iot_drift.findings import SEVERITIES

WINDOW_CHOICES = (5, 15, 60)
"""Multiples of silver's 5-minute windows that divide an hour, so that a window never crosses an hour of the day."""

ALERT_CHANNELS = ("console", "webhook", "sns")
"""As `iot_common.io.alert_channels` has them."""

_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+(\.fifo)?")


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
    retrain_hours: float = setting("event time after which a challenger is trained; 0: never", 24.0)
    training_days: float = setting(
        "days of scored windows a challenger learns from, beside the reference", 7.0
    )
    min_device_share: float = setting("smallest share of the devices for a structural finding", 0.0)
    unit_lookback_hours: float = setting("how far back a device's earlier unit is looked for", 48.0)

    silence_windows: int = setting(
        "windows without a sign after which a device, or an optional field, has fallen silent", 24
    )

    quiet_windows: int = setting("windows of its devices without it after which a finding is resolved", 96)
    action: str = setting(
        'do nothing but this to a finding: JSON as {"event": "3fa1", "action": "accepted", "note": "why"}', ""
    )
    alerts: str = setting(
        "where alerts go: console, webhook, sns, several with commas; empty: nowhere", "console"
    )
    alert_min_severity: str = setting("least severity that is told: INFO, WARN, ERROR, CRITICAL", "WARN")
    # Not in what the settings say of themselves: whoever has the address of a webhook can write to it.
    alert_webhook_url: str = field(
        default="",
        repr=False,
        metadata={"help": "https address; better in the environment: DRIFTLAKE_ALERT_WEBHOOK_URL"},
    )
    alert_sns_topic_arn: str = setting("topic of the channel sns", "")

    def __post_init__(self) -> None:
        """Refuse values the detectors cannot work with."""
        super().__post_init__()
        if self.window_minutes not in WINDOW_CHOICES:
            raise SettingsError(f"--window-minutes is one of {WINDOW_CHOICES}, not {self.window_minutes}")
        if self.reference_hours <= 0 or self.reference_min_windows < 2:
            raise SettingsError("--reference-hours must be above 0 and --reference-min-windows at least 2")
        if not 0 < self.false_alarms_per_1000_device_days <= 1000:
            raise SettingsError("--false-alarms-per-1000-device-days lies above 0 and up to 1000")
        if self.retrain_hours < 0 or self.training_days <= 1:
            raise SettingsError(
                "--retrain-hours is 0 or more; --training-days lies above 1, the day that judges"
            )
        if self.silence_windows < 1:
            raise SettingsError(f"--silence-windows is 1 or more, not {self.silence_windows}")
        if self.quiet_windows < 1:
            raise SettingsError(f"--quiet-windows is 1 or more, not {self.quiet_windows}")
        self._check_alerts()
        if self.persistence_windows < 1:
            raise SettingsError(f"--persistence-windows is 1 or more, not {self.persistence_windows}")

    def _check_alerts(self) -> None:
        unknown = [name for name in self.alert_channels if name not in ALERT_CHANNELS]
        if unknown:
            raise SettingsError(f"--alerts has no channel {unknown[0]!r}: it is {', '.join(ALERT_CHANNELS)}")
        if self.alert_min_severity not in SEVERITIES:
            raise SettingsError(
                f"--alert-min-severity is one of {', '.join(SEVERITIES)}, not {self.alert_min_severity!r}"
            )
        if "sns" in self.alert_channels and not _TOPIC.fullmatch(self.alert_sns_topic_arn):
            raise SettingsError(
                "channel sns needs --alert-sns-topic-arn, like arn:aws:sns:eu-central-1:123456789012:drift"
            )

    @property
    def is_whole_run(self) -> bool:
        """False for what people do to a finding."""
        return super().is_whole_run and not self.action

    @property
    def alert_channels(self) -> tuple[str, ...]:
        """Names of the channels, each once."""
        return tuple(dict.fromkeys(name.strip() for name in self.alerts.split(",") if name.strip()))

    @property
    def silence(self) -> timedelta:
        """Shortest silence that is told."""
        return timedelta(minutes=self.silence_windows * self.window_minutes)
