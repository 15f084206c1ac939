"""Records of a version that a migration leads to the columns (behaviour.md, row 10).

Such a record is judged by its own contract: `conforms` is that verdict. Then it is migrated, and the contract that
speaks the columns decides on typing and `is_valid`. What only its own contract says is listed and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from iot_common.engine.classify import Examination, examine
from iot_common.engine.contract import Contract
from iot_common.engine.events import Event, EventCode, Source
from iot_common.engine.migration import Migration, Upgraded
from iot_common.engine.parse import Record, json_text
from iot_common.engine.registry import Resolution
from iot_silver.typing_rules import TypedReading

_ADDED = (EventCode.FIELD_ADDED, EventCode.FIELD_ADDED_NESTED)


@dataclass(frozen=True, slots=True)
class UpgradedExamination:
    """What decides (`found`), what only the record's own contract says, and what the migration did."""

    found: Examination
    own_events: list[Event]
    upgraded: Upgraded


def examine_upgraded(record: Record, resolution: Resolution) -> UpgradedExamination | None:
    """The record as the columns' contract sees it after its migration; None where it needs none."""
    own_contract, migration, target = resolution.contract, resolution.migration, resolution.target
    if own_contract is None or migration is None or target is None:
        return None
    own = examine(record, own_contract)
    upgraded = migration.upgrade(record.value)
    # Keys that were found twice are told with their path as sent, from here.
    found = examine(Record(upgraded.value, record.canonical, record.duplicates), target)
    found.conforms = own.conforms
    found.events = [each for each in found.events if not _is_declared(each, own_contract)]
    own_events = _only_own(own.events, found.events, migration)
    found.events += _major_event(record, own_contract, target)
    return UpgradedExamination(found, own_events, upgraded)


def complete(reading: TypedReading, examination: UpgradedExamination) -> None:
    """Adds to a typed reading what only its own contract says, and what the migration converted, as it was sent."""
    upgraded = examination.upgraded
    reading.events.extend(examination.own_events)
    reading.coerced_fields += [path for path in upgraded.changed if path not in reading.coerced_fields]
    reading.rescued.update(upgraded.as_sent)
    for path, value in upgraded.aside.items():
        # What made room, and what came in its place and fits no column, have one path: neither may hide the other.
        there = path in reading.rescued
        reading.rescued[path] = [value, reading.rescued[path]] if there else value


def _is_declared(event: Event, own_contract: Contract) -> bool:
    """A field of its own version that no column takes is rescued, but is no difference."""
    return event.code in _ADDED and event.path in own_contract.nodes


def _only_own(own: list[Event], found: list[Event], migration: Migration) -> list[Event]:
    told = {(each.path, each.code) for each in found}
    moved = [replace(each, path=migration.target_path(each.path)) for each in own]
    told_as_sent = EventCode.KEY_DUPLICATE
    return [each for each in moved if (each.path, each.code) not in told and each.code is not told_as_sent]


def _major_event(record: Record, own_contract: Contract, target: Contract) -> list[Event]:
    """Last, so that another reason to quarantine the row comes first. Its value says that there is an upgrade."""
    major = target.version.partition(".")[0]
    if own_contract.version.partition(".")[0] == major:
        return []
    sent = record.value.get("schema_version")
    found = f"{json_text(sent)}, upgraded from {own_contract.version} to {target.version}"
    return [Event("schema_version", EventCode.VERSION_MAJOR, f"major {major}", found, Source.ENGINE, sent)]
