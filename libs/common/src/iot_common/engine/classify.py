"""Compare one parsed record with one contract: every difference, in one walk, deciding nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from iot_common.engine.contract import Contract
from iot_common.engine.events import Event, EventCode, Source, shorten
from iot_common.engine.parse import DuplicateKey, Record
from iot_common.engine.walk import Examination, Walk, added_field
from iot_common.engine.wording import brief

__all__ = [
    "EQUAL_VALUES", "Examination", "added_field", "classify", "duplicate_events", "examine", "examine_value",
]  # fmt: skip

EQUAL_VALUES: Final = "equal values"
"""`found` of a KEY_DUPLICATE that is harmless: the key is repeated with one and the same value."""


def classify(record: Record, contract: Contract) -> list[Event]:
    """All differences between a record and a contract, duplicate keys first."""
    return examine(record, contract).events


def examine(record: Record, contract: Contract) -> Examination:
    """The differences with the verdict and the values found at declared paths."""
    return examine_value(record.value, contract, record.duplicates)


def examine_value(value: Any, contract: Contract, duplicates: Iterable[DuplicateKey] = ()) -> Examination:
    """As `examine`, for any JSON value."""
    walk = Walk()
    walk.found.events.extend(_repeated(duplicates))
    walk.visit(contract.top, value, "", Source.CONTRACT)
    return walk.found


def duplicate_events(record: Record) -> list[Event]:
    """One event per repeated key; needs no contract."""
    return _repeated(record.duplicates)


def _repeated(duplicates: Iterable[DuplicateKey]) -> list[Event]:
    events = []
    for path, equal, values in duplicates:
        found = EQUAL_VALUES if equal else "different values: " + ", ".join(map(brief, values[:3]))
        code, says = EventCode.KEY_DUPLICATE, Source.ENGINE
        events.append(Event(path, code, "each key once", shorten(found), says, values))
    return events
