"""From what the engine found in a record to silver's typed columns, as the policy table says.

One law stands above the table: a value that reaches no typed column unchanged is rescued.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from iot_common.engine import timestamps
from iot_common.engine.classify import Examination
from iot_common.engine.events import MISSING, Event, EventCode, Source
from iot_common.engine.exact_number import ExactNumber, compare, read_number
from iot_common.engine.parse import json_text
from iot_silver.policy import Policy, Rule


class Quantity(NamedTuple):
    """A measured value with its unit: where the contract has them, and which column takes the canonical value."""

    column: str
    value_path: str
    unit_path: str


TEMPERATURE: Final = Quantity(
    "temperature_celsius", "readings.temperature.value", "readings.temperature.unit"
)
HUMIDITY: Final = Quantity("humidity_percent", "readings.humidity.value", "readings.humidity.unit")
BATTERY: Final = Quantity("battery_percent", "readings.battery_level.value", "readings.battery_level.unit")
QUANTITIES: Final = (TEMPERATURE, HUMIDITY, BATTERY)
IDENTITY_PATHS: Final = ("device_id", "timestamp", "schema_version")
LATITUDE_PATH: Final = "location.latitude"
LONGITUDE_PATH: Final = "location.longitude"
LEAVES: Final = (
    "schema_version",
    "device_id",
    "timestamp",
    LATITUDE_PATH,
    LONGITUDE_PATH,
    TEMPERATURE.value_path,
    TEMPERATURE.unit_path,
    HUMIDITY.value_path,
    HUMIDITY.unit_path,
    BATTERY.value_path,
    BATTERY.unit_path,
    "status",
)
"""Paths of the values that the columns are made of, in the order in which the lanes carry them."""

_NUMBER_PATHS: Final = frozenset({LATITUDE_PATH, LONGITUDE_PATH, *(each.value_path for each in QUANTITIES)})


class FoundRow(NamedTuple):
    """One classified row, in the order of `row_columns.FOUND_SCHEMA`; what is not known is None."""

    payload: bytes | None
    decision: str
    idempotency_key: str
    device_id: str | None = None
    event_time_raw: int | None = None
    schema_version: str | None = None
    contract_version: str | None = None
    version_fallback: bool = False
    status: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    temperature_celsius: float | None = None
    temperature_value_raw: float | None = None
    temperature_unit_raw: str | None = None
    humidity_percent: float | None = None
    battery_percent: float | None = None
    clock_suspect: bool = False
    conforms: bool = False
    is_valid: bool = False
    coerced_fields: list[str] | tuple[()] = ()
    violations: list[tuple[str, str, str, str]] | tuple[()] = ()
    rescued: str | None = None
    shape_id: int | None = None
    shape: tuple[tuple[str, str, str | None], ...] | None = None


@dataclass(slots=True)
class TypedReading:
    """The typed columns of one record, and how they came about.

    Attributes:
        quarantined: some event says that the row must leave the good path.
        columns: column -> value for those of `FoundRow` that hold readings, place and status.
        rescued: path -> value as parsed, for all that reached no column unchanged.
    """

    events: list[Event]
    device_id: str | None = None
    event_time: int | None = None
    quarantined: bool = False
    is_valid: bool = True
    columns: dict[str, Any] = field(default_factory=dict)
    coerced_fields: list[str] = field(default_factory=list)
    rescued: dict[str, Any] = field(default_factory=dict)

    @property
    def rescued_json(self) -> str | None:
        """The rescued values as one JSON object, numbers as written; None when there are none."""
        return json_text(self.rescued) if self.rescued else None


def type_reading(found: Examination, policy: Policy, version_events: list[Event]) -> TypedReading:
    """Decide every event and fill the columns.

    Args:
        found: what the engine saw. Its events are not changed; range checks of canonical values add to a copy.
        policy: what to do about each event, and how units convert.
        version_events: what is to be said of the version itself.
    """
    reading = TypedReading([*version_events, *found.events])
    blocked: set[str] = set()
    for event in reading.events:
        _decide(event, policy.rule(event), found, policy, reading, blocked)
    landed = _fill(found, policy, reading, blocked)
    _rescue(found, policy, reading, blocked, landed)
    required = ("status", "latitude", "longitude", *(each.column for each in QUANTITIES))
    if any(reading.columns[column] is None for column in required):
        reading.is_valid = False
    return reading


def _decide(
    event: Event, rule: Rule, found: Examination, policy: Policy, reading: TypedReading, blocked: set[str]
) -> None:
    action = rule.action
    if action == "coerce":
        if _can_coerce(event, found, policy):
            if event.path not in reading.coerced_fields and event.code is not EventCode.VERSION_MAJOR:
                reading.coerced_fields.append(event.path)
            return
        action = rule.otherwise
    if rule.invalidates:
        reading.is_valid = False
    if action == "quarantine":
        reading.quarantined = True
    elif action == "rescue":
        blocked.add(event.path)


def _can_coerce(event: Event, found: Examination, policy: Policy) -> bool:
    """True where the value reaches its column without loss."""
    if event.code is EventCode.ARRAY_SCALAR:
        return (
            isinstance(event.value, list) and len(event.value) == 1 and not isinstance(event.value[0], list)
        )
    if event.code is EventCode.TYPE_CHANGED:
        return (
            event.path in _NUMBER_PATHS
            and isinstance(event.value, str)
            and _lossless(event.value) is not None
        )
    if event.code is EventCode.VERSION_MAJOR:
        return event.value is not MISSING  # it has been upgraded
    if event.code is EventCode.FORMAT:
        return isinstance(event.value, str) and timestamps.instant_of(event.value) is not None
    if event.code is EventCode.ENUM_ADDED:
        columns = [each.column for each in QUANTITIES if each.unit_path == event.path]
        return any(event.value in policy.units.get(column, {}) for column in columns)
    return False


def _lossless(text: str) -> float | None:
    """The float64 that a text in JSON's own number grammar names exactly; None for all else."""
    number = read_number(text)
    if number is None or isinstance(number, ExactNumber) or compare(float(number), number) != 0:
        return None
    return float(number)


def _fill(found: Examination, policy: Policy, reading: TypedReading, blocked: set[str]) -> set[str]:
    """Fills the columns; returns the paths whose values are in them exactly."""
    landed: set[str] = set()
    text = _Leaves(found, blocked, landed)
    reading.device_id = text.string("device_id")
    timestamp = text.string("timestamp")
    reading.event_time = timestamps.instant_of(timestamp) if timestamp is not None else None
    reading.columns["schema_version"] = text.string("schema_version")
    reading.columns["status"] = text.string("status")
    reading.columns["latitude"] = text.number(LATITUDE_PATH)
    reading.columns["longitude"] = text.number(LONGITUDE_PATH)
    for quantity in QUANTITIES:
        _fill_quantity(quantity, text, policy, reading, landed)
    return landed


def _fill_quantity(
    quantity: Quantity, leaves: _Leaves, policy: Policy, reading: TypedReading, landed: set[str]
) -> None:
    raw = leaves.number(quantity.value_path)
    unit = leaves.raw_string(quantity.unit_path)
    blocked = quantity.unit_path in leaves.blocked
    conversion = None if blocked or unit is None else policy.units[quantity.column].get(unit)
    if quantity is TEMPERATURE:
        reading.columns["temperature_value_raw"] = raw
        reading.columns["temperature_unit_raw"] = unit
    if conversion is None:
        # A number without its unit is unsafe to aggregate: both are rescued together (row 8).
        reading.columns[quantity.column] = None
        landed.discard(quantity.value_path)
        return
    landed.add(quantity.unit_path)
    canonical = None if raw is None else conversion.to_canonical(raw)
    reading.columns[quantity.column] = canonical
    if canonical is not None:
        _check_canonical(quantity, canonical, policy, reading)


def _check_canonical(quantity: Quantity, canonical: float, policy: Policy, reading: TypedReading) -> None:
    bounds = policy.canonical.get(quantity.column)
    if bounds is None or bounds.minimum <= canonical <= bounds.maximum:
        return
    if any(event.code is EventCode.RANGE and event.path == quantity.value_path for event in reading.events):
        return
    expected = f"{quantity.column} within {bounds.minimum:g} and {bounds.maximum:g}"
    event = Event(quantity.value_path, EventCode.RANGE, expected, repr(canonical), Source.ENGINE, canonical)
    reading.events.append(event)
    if policy.rule(event).invalidates:
        reading.is_valid = False


def _rescue(
    found: Examination, policy: Policy, reading: TypedReading, blocked: set[str], landed: set[str]
) -> None:
    """The law: undeclared values, and declared ones that are in no column exactly, as first written."""
    written: dict[str, Any] = {}
    for event in found.events:
        if event.value is not MISSING and event.code is not EventCode.KEY_DUPLICATE:
            written.setdefault(event.path, event.value)
            if _is_lost_subtree(event, found, policy):
                reading.rescued[event.path] = written[event.path]
    reading.rescued.update({path: written[path] for path in written if path in blocked})
    reading.rescued.update(found.undeclared)
    for path, value in found.leaves.items():
        if path not in landed and value is not None:
            reading.rescued.setdefault(path, written.get(path, value))


def _is_lost_subtree(event: Event, found: Examination, policy: Policy) -> bool:
    """A value in the place of a declared object: no path below it was read."""
    misplaced = event.code in (EventCode.ARRAY_SCALAR, EventCode.TYPE_CHANGED)
    return misplaced and event.path not in found.leaves and not _can_coerce(event, found, policy)


class _Leaves:
    """Reads declared paths as columns want them, noting those that are held exactly."""

    def __init__(self, found: Examination, blocked: set[str], landed: set[str]) -> None:
        self._leaves = found.leaves
        self.blocked = blocked
        self._landed = landed

    def raw_string(self, path: str) -> str | None:
        value = self._leaves.get(path)
        return value if isinstance(value, str) else None

    def string(self, path: str) -> str | None:
        value = self.raw_string(path)
        if value is None or path in self.blocked:
            return None
        self._landed.add(path)
        return value

    def number(self, path: str) -> float | None:
        value = self._leaves.get(path)
        if path in self.blocked or value is None or isinstance(value, bool):
            return None
        if isinstance(value, str):
            value = _lossless(value)
        if not isinstance(value, int | float):
            return None
        number = float(value)
        if number - number != 0:
            return None
        if compare(number, value) == 0:
            self._landed.add(path)
        return number
