"""The observed schema's difference between two instants, or between some devices and the rest. Pure.

Observations say of a group of devices (a cohort of one batch) which paths and types were seen, from when to when, and
name its first 50 devices in order. So a cohort is told exactly; a device is, as long as the list reaches to it, and
where it does not, its cohort is told in its place and the answer says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

COHORTS = 16
LISTED = 50
"""Devices an observation names: all of them, or the first in order."""

SHARE_MOVED = 0.1
"""A path's share of the records is a change from here on; below, it is sampling."""

ROOT = "$"


@dataclass(frozen=True, slots=True)
class Observation:
    """A row of `silver.schema_observation`, as far as a difference asks."""

    path: str
    device_cohort: str
    record_count: int
    device_examples: tuple[str, ...]
    first_event_time: datetime | None
    last_event_time: datetime | None
    schema_version: str | None = None
    json_type: str | None = None
    enum_value: str | None = None
    code: str | None = None

    def covers(self, instant: datetime, within: timedelta) -> bool:
        """True if it was seen in the time up to the instant."""
        if self.first_event_time is None or self.last_event_time is None:
            return False
        return self.first_event_time <= instant and self.last_event_time > instant - within

    def holds(self, device: str) -> bool | None:
        """Whether the device is among its devices; None if its list does not reach so far."""
        if device in self.device_examples:
            return True
        is_complete = len(self.device_examples) < LISTED or device < self.device_examples[-1]
        return False if is_complete else None


@dataclass(frozen=True, slots=True)
class Group:
    """Which devices: some by name, whole cohorts, or with neither all; `rest` turns it into all others."""

    devices: tuple[str, ...] = ()
    cohorts: tuple[str, ...] = ()
    rest: bool = False

    @property
    def is_everyone(self) -> bool:
        """True if it selects nothing."""
        return not (self.devices or self.cohorts)

    def belongs(self, row: Observation) -> bool | None:
        """Whether the row tells of the group; None if only its cohort is known to."""
        if self.is_everyone:
            return True
        mine = self._mine(row)
        if not self.rest:
            return mine
        # The rest is there too if the row names anybody else.
        others = row.device_cohort not in self.cohorts and set(row.device_examples) - {*self.devices}
        return True if others else False if mine else mine is None or row.device_cohort not in self.cohorts

    def _mine(self, row: Observation) -> bool | None:
        if row.device_cohort in self.cohorts:
            return True
        held = [row.holds(each) for each in self.devices if cohort_of(each) == row.device_cohort]
        return True if True in held else None if None in held else False


def cohort_of(device: str) -> str:
    """The cohort of a device, as silver computes it."""
    return f"c{zlib.crc32(device.encode()) % COHORTS:02d}"


@dataclass(slots=True)
class PathSeen:
    """What was seen at one path."""

    records: int = 0
    types: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    is_exact: bool = True


Schema = dict[str, PathSeen]


def observed_schema(
    rows: Iterable[Observation], group: Group, instant: datetime | None, within: timedelta
) -> Schema:
    """What a group's records looked like in the time up to an instant (None: ever)."""
    seen: Schema = {}
    for row in rows:
        if instant is not None and not row.covers(instant, within):
            continue
        belongs = group.belongs(row)
        if belongs is False:
            continue
        path = seen.setdefault(row.path, PathSeen())
        path.is_exact &= belongs is True
        if row.code is not None:
            path.codes.add(row.code)
            continue
        path.records += row.record_count
        path.types.update([row.json_type] if row.json_type else [])
        path.values.update([row.enum_value] if row.enum_value else [])
        path.versions.update([row.schema_version or "none"] if row.path == ROOT else [])
    return seen


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `before` on the first side, `after` on the second; `is_exact` as the module says."""

    change: str
    path: str
    before: str | None
    after: str | None
    is_exact: bool

    def as_row(self) -> tuple[Any, ...]:
        """For a table."""
        return (self.change, self.path, self.before, self.after, "yes" if self.is_exact else "cohort")


def differences(one: Schema, other: Schema, *, with_shares: bool) -> list[Change]:
    """Every difference, by path.

    Args:
        one: The first side.
        other: The second.
        with_shares: Compare how many records have a path; only where both sides count the same devices' records.
    """
    found = []
    for path in sorted(one.keys() | other.keys()):
        here, there = one.get(path), other.get(path)
        before, after = here or PathSeen(), there or PathSeen()
        is_exact = before.is_exact and after.is_exact
        for change, was, now in _sides(path, before, after, one, other, with_shares):
            found.append(Change(change, path, was, now, is_exact))
    return found


def _sides(
    path: str, before: PathSeen, after: PathSeen, one: Schema, other: Schema, with_shares: bool
) -> Iterable[tuple[str, str | None, str | None]]:
    nested = "_NESTED" if "." in path else ""
    if after.types and not before.types:
        if not _is_below_new(path, one, other):
            yield f"FIELD_ADDED{nested}", None, _listed(after.types)
    elif before.types and not after.types:
        if not _is_below_new(path, other, one):
            yield "FIELD_REMOVED", _listed(before.types), None
    elif before.types != after.types:
        yield _type_change(before.types, after.types), _listed(before.types), _listed(after.types)
    if before.types and after.types:
        if before.values != after.values:
            yield "VALUES", _listed(before.values), _listed(after.values)
        was, now = (_share(path, schema) for schema in (one, other))
        if with_shares and was is not None and now is not None and abs(was - now) >= SHARE_MOVED:
            yield "SHARE", f"{was:.0%} of the records", f"{now:.0%} of the records"
    if before.codes != after.codes:
        yield "EVENTS", _listed(before.codes), _listed(after.codes)
    if before.versions != after.versions:
        yield "VERSIONS", _listed(before.versions), _listed(after.versions)


def _type_change(before: set[str], after: set[str]) -> str:
    """The code of the behaviour matrix that says it best."""
    gained = before ^ after
    if gained == {"null"}:
        return "NULL_VALUE"
    if gained & {"array", "object"}:
        return "ARRAY_SCALAR"
    if gained <= {"integer", "number"}:
        return "TYPE_WIDENED"
    return "TYPE_CHANGED"


def _is_below_new(path: str, one: Schema, other: Schema) -> bool:
    """True if a path above it is new itself: that one is told."""
    parts = path.split(".")
    above = (".".join(parts[:count]) for count in range(1, len(parts)))
    return any(each in other and each not in one for each in above)


def _share(path: str, schema: Schema) -> float | None:
    total = schema[ROOT].records if ROOT in schema else 0
    return min(schema[path].records / total, 1.0) if total else None


def _listed(values: Iterable[str]) -> str | None:
    return ", ".join(sorted(values)) or None


def newest_instant(rows: Sequence[Observation]) -> datetime | None:
    """The newest record of the middle cohort: a device whose clock runs years ahead must not speak for all."""
    newest: dict[str, datetime] = {}
    for row in rows:
        if row.path == ROOT and row.last_event_time is not None:
            newest[row.device_cohort] = max(
                newest.get(row.device_cohort, row.last_event_time), row.last_event_time
            )
    ordered = sorted(newest.values())
    return ordered[(len(ordered) - 1) // 2] if ordered else None
