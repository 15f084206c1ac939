"""Scenario files: which drifts, on which devices, from when.

A scenario is TOML; `scenarios/demo.toml` is the documented example. Every unknown key is an error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

from iot_simulator.drifts import KINDS, DriftKind
from iot_simulator.errors import ScenarioError
from iot_simulator.readings import UNITS

# Exactly one of these says who drifts.
COHORT_KEYS = ("devices", "id_range", "id_share", "place", "share", "count")
_DRIFT_KEYS = {"id", "kind", "start", "end", "parameters", "record_share", "note", *COHORT_KEYS}
_OFFSET = re.compile(r"\+(\d+(?:\.\d+)?)([mhd])\Z")
_OFFSET_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_CHOICES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("type_changed", "to"): ("string", "bool", "object"),
    ("timestamp_epoch", "unit"): ("seconds", "milliseconds"),
    ("unit_changed", "to"): UNITS,
    ("unit_unknown", "to"): UNITS,
    ("*", "reading"): ("temperature", "humidity", "battery_level"),
}

Moment = float | str | datetime


@dataclass(frozen=True)
class Drift:
    """One drift as the scenario states it.

    Attributes:
        drift_id: Its name in the ground truth, unique in the scenario.
        kind: What happens.
        parameters: Every parameter of the kind, defaults filled in.
        cohort_key: Which of COHORT_KEYS chooses the devices.
        cohort: Its value.
        start: A share of the time range (0 to 1), an offset ("+36h"), or an instant.
        end: Likewise; None lasts.
        record_share: Share of the devices' readings that are changed.
        note: For people.
    """

    drift_id: str
    kind: DriftKind
    parameters: Mapping[str, Any]
    cohort_key: str
    cohort: Any
    start: Moment
    end: Moment | None = None
    record_share: float = 1.0
    note: str = ""


@dataclass(frozen=True)
class Scenario:
    """The drifts of one simulation.

    Attributes:
        name: Of the scenario.
        source: The file, or the bundled name, for messages.
        drifts: In the order of the file.
        description: For people.
    """

    name: str
    source: str
    drifts: tuple[Drift, ...]
    description: str = ""


def bundled_scenarios() -> list[str]:
    """Names of the scenarios that come with the package."""
    folder = resources.files("iot_simulator") / "scenarios"
    files = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read a scenario: a bundled name ("demo"), or the path of a TOML file.

    Raises:
        ScenarioError: It does not exist, is no TOML, or says something unknown or impossible.
    """
    source = str(name_or_path)
    if source in bundled_scenarios():
        text = (resources.files("iot_simulator") / "scenarios" / f"{source}.toml").read_text("utf-8")
        return parse_scenario(text, source)
    try:
        text = Path(source).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"Name a TOML file, or one of the bundled scenarios: {', '.join(bundled_scenarios())}."
        raise ScenarioError(source, "file", f"it cannot be read ({error})", remedy) from error
    return parse_scenario(text, source)


def parse_scenario(text: str, source: str) -> Scenario:
    """Check the text of a scenario and fill in defaults; `source` names it in errors.

    Raises:
        ScenarioError: See load_scenario.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(source, "file", f"it is no TOML ({error})", "Mend the line.") from error
    _refuse_unknown(source, "top level", document, {"name", "description", "drift"})
    entries = document.get("drift", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ScenarioError(
            source, "top level", "'drift' is no list of tables", "Head each drift with [[drift]]."
        )
    drifts = tuple(_drift(source, number, entry) for number, entry in enumerate(entries, 1))
    names = [drift.drift_id for drift in drifts]
    for name in names:
        if names.count(name) > 1:
            remedy = "Give each drift its own id."
            raise ScenarioError(source, f"drift '{name}'", "its id is used twice", remedy)
    # Drifts are the bits of a signed 64-bit number in the readings.
    if len(drifts) > 62:
        remedy = "Split it: 62 is the limit."
        raise ScenarioError(source, "top level", f"it has {len(drifts)} drifts", remedy)
    return Scenario(document.get("name", source), source, drifts, document.get("description", ""))


def _refuse_unknown(source: str, place: str, found: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(found) - known)
    if unknown:
        listed = ", ".join(sorted(known)) or "none"
        raise ScenarioError(source, place, f"unknown key '{unknown[0]}'", f"Known here: {listed}.")


def _drift(source: str, number: int, entry: Mapping[str, Any]) -> Drift:
    place = f"drift '{entry.get('id', f'number {number}')}'"
    _refuse_unknown(source, place, entry, _DRIFT_KEYS)
    for key in ("id", "kind", "start"):
        if key not in entry:
            raise ScenarioError(source, place, f"'{key}' is missing", f"Add {key} = …")
    kind = KINDS.get(entry["kind"])
    if kind is None:
        remedy = f"Known: {', '.join(sorted(KINDS))}."
        raise ScenarioError(source, place, f"unknown kind '{entry['kind']}'", remedy)
    cohort_key = _cohort_key(source, place, entry)
    record_share = entry.get("record_share", 1.0)
    if not (_is_number(record_share) and 0.0 < record_share <= 1.0):
        raise ScenarioError(
            source, place, f"record_share is {record_share!r}", "It lies above 0 and up to 1."
        )
    return Drift(
        drift_id=str(entry["id"]),
        kind=kind,
        parameters=_parameters(source, place, kind, entry.get("parameters", {})),
        cohort_key=cohort_key,
        cohort=entry[cohort_key],
        start=_moment(source, place, "start", entry["start"]),
        end=_moment(source, place, "end", entry["end"]) if "end" in entry else None,
        record_share=float(record_share),
        note=entry.get("note", ""),
    )


def _cohort_key(source: str, place: str, entry: Mapping[str, Any]) -> str:
    given = [key for key in COHORT_KEYS if key in entry]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise ScenarioError(
            source, place, f"it has {found}", f"Say who drifts with exactly one of {', '.join(COHORT_KEYS)}."
        )
    _check_cohort(source, place, given[0], entry[given[0]])
    return given[0]


def _check_cohort(source: str, place: str, key: str, value: Any) -> None:
    is_pair = isinstance(value, list) and len(value) == 2 and all(_is_number(limit) for limit in value)
    right, form = {
        "devices": (
            isinstance(value, list) and value and all(isinstance(v, str) for v in value),
            "device ids",
        ),
        "id_range": (is_pair and value[0] <= value[1], "two ids, the smaller first"),
        "id_share": (is_pair and 0 <= value[0] < value[1] <= 1, "two shares from 0 to 1, the smaller first"),
        "place": (isinstance(value, str), "the name of a place"),
        "share": (_is_number(value) and 0.0 < value <= 1.0, "a number above 0 and up to 1"),
        "count": (_is_number(value) and isinstance(value, int) and value > 0, "a whole number above 0"),
    }[key]
    if not right:
        raise ScenarioError(source, place, f"{key} is {value!r}", f"Give {form}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _parameters(source: str, place: str, kind: DriftKind, given: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise ScenarioError(source, place, f"parameters is {given!r}", "Write parameters = { name = value }.")
    _refuse_unknown(source, f"{place}, parameters of {kind.name}", given, set(kind.parameters))
    complete = {**kind.parameters, **given}
    for key, value in complete.items():
        default = kind.parameters[key]
        if isinstance(default, str) and not isinstance(value, str) and key != "value":
            raise ScenarioError(source, place, f"parameter '{key}' is {value!r}", "Give it a text.")
        if isinstance(default, float) and not _is_number(value) and key != "value":
            raise ScenarioError(source, place, f"parameter '{key}' is {value!r}", "Give it a number.")
        choices = _CHOICES.get((kind.name, key)) or _CHOICES.get(("*", key))
        if choices and value not in choices:
            raise ScenarioError(
                source, place, f"parameter '{key}' is {value!r}", f"Choose one of {', '.join(choices)}."
            )
    return complete


def _moment(source: str, place: str, key: str, value: Any) -> Moment:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            return value
    elif isinstance(value, str):
        if _OFFSET.match(value):
            return value
    elif _is_number(value) and 0.0 <= value <= 1.0:
        return float(value)
    raise ScenarioError(
        source,
        place,
        f"{key} is {value!r}",
        'Give a share of the time range (0.6), an offset ("+36h", "+90m", "+2d"), or an instant with a zone.',
    )


def moment_ms(moment: Moment, start_ms: int, range_ms: int) -> int:
    """A moment of a scenario as milliseconds since 1970, for a simulation of that start and length."""
    if isinstance(moment, datetime):
        return round(moment.timestamp() * 1000)
    if isinstance(moment, str):
        match = _OFFSET.match(moment)
        assert match is not None  # checked when the scenario was read
        return start_ms + round(float(match[1]) * _OFFSET_MS[match[2]])
    return start_ms + round(moment * range_ms)
