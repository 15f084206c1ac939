"""What a finding says, in one sentence. Pure; the strings are printable, and the page escapes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from driftlake.rendering import printable, table_cell
from driftlake.report.fields import AXES

VERSIONS_NAMED = 3

_NAMES = {name: axis.split(",")[0] for name, axis in AXES.items()}

_STRUCTURAL = {
    "FIELD_ADDED": "{who} send a field that no contract declares: {field}",
    "FIELD_ADDED_NESTED": "{who} send a field that no contract declares: {field}",
    "FIELD_REMOVED_REQUIRED": "{who} no longer send the required field {field}",
    "FIELD_REMOVED_OPTIONAL": "{who} no longer send the optional field {field}",
    "TYPE_CHANGED": "{who} send {field} as another type",
    "TYPE_WIDENED": "{who} send {field} as a wider type",
    "ENUM_ADDED": "{who} send a value of {field} that its list does not have",
    "UNIT_CHANGED": "{who} declare another unit at {field} than before",
    "RANGE": "{who} send values of {field} outside the range that was agreed",
    "RENAME_SUSPECT": "{who} seem to send {field} under a new name",
    "VERSION_MINOR": "{who} claim {found}, newer within the same major",
    "VERSION_MAJOR": "{who} claim {found}, of another major",
    "VERSION_UNKNOWN": "{who} claim {found}, which nobody knows",
    "VERSION_DOWNGRADE": "{who} went back to a lower contract version",
    "MALFORMED_JSON": "Lines arrive that are not whole JSON",
    "ENCODING": "Lines arrive that are not UTF-8",
    "SILENT": "{who} fell silent",
}  # fmt: skip


def who_of(row: Mapping[str, Any]) -> str:
    """`sensor_7`, or `12 devices`."""
    devices, count = row["devices"] or [], row["device_count"] or 0
    if len(devices) == 1 and count <= 1:
        return printable(str(devices[0]))
    return f"{count:,} devices" if count != 1 else "One device"


def headline(row: Mapping[str, Any]) -> str:
    """What happened, in one sentence without a full stop."""
    told = _STRUCTURAL.get(row["kind"])
    return _structural(row, told) if told else _statistical(row)


def _structural(row: Mapping[str, Any], told: str) -> str:
    who = who_of(row)
    said = told.format(who=who, field=field_name(row["field"]), found=_versions(row["evidence"].get("found")))
    return said if who.endswith("devices") else _singular(said)


def _versions(found: Any) -> str:
    if not isinstance(found, list) or not found:
        return "a contract version"
    more = ", …" if len(found) > VERSIONS_NAMED else ""
    return f"contract version {', '.join(short(each) for each in found[:VERSIONS_NAMED])}{more}"


def _statistical(row: Mapping[str, Any]) -> str:
    evidence, kind = row["evidence"], printable(str(row["kind"]))
    of, unit = f"The {field_name(row['field'])} of {who_of(row)}", unit_of(evidence)
    usual, observed = (short(evidence.get(key)) for key in ("usual_median", "observed_median"))
    match kind:
        case "STUCK":
            return f"{of} stands still at {observed}{unit}"
        case "NOISE":
            return f"{of} jumps from reading to reading as it never did"
        case "UNIT_SUSPECT":
            return f"{of} reads as if sent in another unit or scale: {observed}{unit} for {usual}{unit}"
        case "VALUE_SHIFT":
            return f"{of} {_shift(evidence, usual, observed, unit)}"
    return f"{kind}: {of[0].lower()}{of[1:]}" if row["field"] else kind


def _shift(evidence: Mapping[str, Any], usual: str, observed: str, unit: str) -> str:
    slope = evidence.get("observed_percent_per_day")
    if isinstance(slope, int | float):
        return f"falls by {short(abs(slope))} % a day"
    if evidence.get("usual_median") is not None:
        return f"is {observed}{unit} where {usual}{unit} is usual"
    return "left what is usual for it"


def field_name(field: str | None) -> str:
    """`temperature` for the silver column; a path stays as it is."""
    return _NAMES.get(field or "", printable(str(field or "")))


def unit_of(evidence: Mapping[str, Any]) -> str:
    """The unit behind a number, with a blank before it; empty where there is none."""
    return f" {printable(str(evidence['unit']))}" if evidence.get("unit") else ""


def _singular(said: str) -> str:
    for verb in ("send", "claim", "declare", "seem"):
        if f" {verb} " in said:
            return said.replace(f" {verb} ", f" {verb}s ", 1)
    return said


def short(value: Any) -> str:
    """A number with four digits; anything else as a table has it."""
    return f"{value:.4g}" if isinstance(value, int | float) else table_cell(value)
