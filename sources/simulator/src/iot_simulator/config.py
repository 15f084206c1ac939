"""The settings of a simulation, checked once when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from iot_simulator.errors import SettingError
from iot_simulator.scenario import Scenario

# 300,000 lines of 200 devices every five minutes are 5.2 days: three clean days as a reference for
# hour-of-day baselines, and two days for the drifts.
DEFAULT_EVENTS = 300_000
# A Monday, in the past, so that object times never lie in the future of the machine that reads them.
DEFAULT_START = datetime(2026, 3, 2, tzinfo=UTC)

OBJECT_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {"gz": ".ndjson.gz", "zst": ".ndjson.zst", "ndjson": ".ndjson", "json": ".json"}
)
_SHARES = (
    "anomaly_share",
    "fahrenheit_share",
    "late_share",
    "duplicate_share",
    "conflict_share",
    "malformed_share",
    "missing_share",
)


@dataclass(frozen=True)
class SimulationConfig:
    """Everything that decides the bytes of a simulation: equal settings, equal landing objects.

    Attributes:
        devices: Size of the fleet; devices are `sensor_1` to `sensor_<devices>`.
        events: Lines to write, re-deliveries and malformed lines included; None runs until stopped and
            needs a `rate`. Starts of drifts given as a share refer to `events`, or to the default.
        start: Event time of the first reading, with a zone.
        interval_seconds: Time between two readings of one device.
        seed: Seed of every random choice.
        anomaly_share: Share of readings with a spike in temperature that is no drift.
        scenario: The drifts to inject; None for a healthy fleet.
        gateways: Number of gateways; each serves the devices of some sites and writes its own objects.
        compression: Form of a landing object: `gz` or `zst` (NDJSON, compressed), `ndjson` or `json` (plain).
        rate: Lines per second of real time; None writes as fast as possible.
        object_minutes: Time of arrival that one object of one gateway spans (unpaced writing only).
        flush_seconds: Real time between two flushes of every gateway (paced writing only).
        fahrenheit_share: Share of devices that declare Fahrenheit from the start.
        late_share: Share of lines that arrive one to six hours late.
        duplicate_share: Share of lines delivered a second time, byte for byte.
        conflict_share: Share of readings corrected later: same device and timestamp, another value.
        malformed_share: Share of lines damaged on their way: cut off, no JSON, or no UTF-8.
        missing_share: Share of readings that never arrive, outages of minutes to hours not counted.
    """

    devices: int = 200
    events: int | None = DEFAULT_EVENTS
    start: datetime = DEFAULT_START
    interval_seconds: float = 300.0
    seed: int = 42
    anomaly_share: float = 0.003
    scenario: Scenario | None = None
    gateways: int = 4
    compression: str = "gz"
    rate: float | None = None
    object_minutes: int = 60
    flush_seconds: float = 5.0
    fahrenheit_share: float = 0.05
    late_share: float = 0.002
    duplicate_share: float = 0.003
    conflict_share: float = 0.001
    malformed_share: float = 0.0003
    missing_share: float = 0.002

    def __post_init__(self) -> None:
        """Refuse impossible values and contradictions with a SettingError."""
        self._check_counts()
        self._check_shares()
        if self.start.tzinfo is None:
            raise SettingError("start", self.start.isoformat(), "give it a zone, for example a trailing Z")
        if self.compression not in OBJECT_SUFFIXES:
            raise SettingError("compression", self.compression, f"choose one of {', '.join(OBJECT_SUFFIXES)}")
        if self.events is None and self.rate is None:
            raise SettingError("events", None, "an endless simulation needs a rate in lines per second")

    def _check_counts(self) -> None:
        for setting in ("devices", "gateways", "interval_seconds", "object_minutes", "flush_seconds"):
            if getattr(self, setting) <= 0:
                raise SettingError(setting, getattr(self, setting), "it must be above 0")
        for setting in ("events", "rate"):
            value = getattr(self, setting)
            if value is not None and value <= 0:
                raise SettingError(setting, value, "it must be above 0, or absent")
        if self.interval_seconds < 0.1:
            # Readings of one device would share a millisecond, and with it their identity.
            raise SettingError("interval_seconds", self.interval_seconds, "it must be 0.1 or more")
        if self.seed < 0:
            raise SettingError("seed", self.seed, "it must be 0 or a positive whole number")

    def _check_shares(self) -> None:
        for setting in _SHARES:
            if not 0.0 <= getattr(self, setting) <= 1.0:
                raise SettingError(setting, getattr(self, setting), "a share lies between 0 and 1")

    @property
    def start_ms(self) -> int:
        """Start in milliseconds since 1970 (UTC)."""
        return round(self.start.timestamp() * 1000)

    @property
    def range_ms(self) -> int:
        """Length of event time that `events` lines take, to which shares in a scenario refer."""
        return round((self.events or DEFAULT_EVENTS) * self.interval_seconds * 1000 / self.devices)

    @property
    def object_suffix(self) -> str:
        """File name suffix of the landing objects."""
        return OBJECT_SUFFIXES[self.compression]
