"""What can differ between a record and its contract, as events that decide nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FOUND_TEXT_LIMIT = 256
"""Longest `found` text of an event; the whole value stays in the rescued column or in quarantine."""


class EventCode(StrEnum):
    """The vocabulary of behaviour.md; drift and the policy tables speak it too."""

    FIELD_ADDED = "FIELD_ADDED"
    FIELD_ADDED_NESTED = "FIELD_ADDED_NESTED"
    FIELD_REMOVED_REQUIRED = "FIELD_REMOVED_REQUIRED"
    FIELD_REMOVED_OPTIONAL = "FIELD_REMOVED_OPTIONAL"
    TYPE_CHANGED = "TYPE_CHANGED"
    TYPE_WIDENED = "TYPE_WIDENED"
    ENUM_ADDED = "ENUM_ADDED"
    UNIT_CHANGED = "UNIT_CHANGED"
    UNIT_SUSPECT = "UNIT_SUSPECT"
    RANGE = "RANGE"
    PATTERN = "PATTERN"
    FORMAT = "FORMAT"
    VERSION_MINOR = "VERSION_MINOR"
    VERSION_MAJOR = "VERSION_MAJOR"
    VERSION_UNKNOWN = "VERSION_UNKNOWN"
    VERSION_MALFORMED = "VERSION_MALFORMED"
    RENAME_SUSPECT = "RENAME_SUSPECT"
    ARRAY_SCALAR = "ARRAY_SCALAR"
    NULL_VALUE = "NULL_VALUE"
    CONSTRAINT = "CONSTRAINT"
    KEY_CASE = "KEY_CASE"
    KEY_DUPLICATE = "KEY_DUPLICATE"
    CLOCK_FUTURE = "CLOCK_FUTURE"
    CLOCK_SKEW = "CLOCK_SKEW"
    LATE = "LATE"
    MALFORMED_JSON = "MALFORMED_JSON"
    OVERSIZE = "OVERSIZE"
    ENCODING = "ENCODING"
    NONFINITE = "NONFINITE"
    CIRCUIT_OPEN = "CIRCUIT_OPEN"


FLEET_CODES = frozenset(
    {
        EventCode.FIELD_REMOVED_OPTIONAL,
        EventCode.TYPE_WIDENED,
        EventCode.UNIT_CHANGED,
        EventCode.UNIT_SUSPECT,
        EventCode.RENAME_SUSPECT,
        EventCode.CLOCK_SKEW,
    }
)
"""Codes that need more than one record to be seen: drift raises them, never the classification of a row."""

BREAKER_CODES = frozenset({EventCode.CIRCUIT_OPEN})
"""Codes that the circuit breaker gives to the records it holds, whatever they are."""

DOWNGRADE_EXPECTED = "not below the device's version before"
"""`expected` of a VERSION_MINOR or VERSION_MAJOR that tells of a device that went back to a lower version."""

RECORD_CODES = frozenset(EventCode) - FLEET_CODES - BREAKER_CODES
"""Codes that one record alone can raise; a policy table must know every one of them."""


NO_VERDICT = "no verdict"
"""`found` of a CONSTRAINT whose pattern would take too long on a text: the record is neither valid nor invalid."""


class Source(StrEnum):
    """Who speaks: the contract as written (draft-07), or the engine, which is stricter."""

    CONTRACT = "contract"
    ENGINE = "engine"


class Missing:
    """Marks an event that has no value of its own, as for a field that is not there."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class Event:
    """One difference at one path.

    `value` is the value as parsed (`MISSING` where there is none), and `indexes` the places in arrays that the `[]`
    of the path stand for; both take no part in equality, so that tests and sets see only what is reported.
    """

    path: str
    code: EventCode
    expected: str
    found: str
    source: Source
    value: Any = field(default=MISSING, compare=False, repr=False)
    indexes: tuple[int, ...] = field(default=(), compare=False, repr=False)


def shorten(text: str) -> str:
    """Cut a text to what an event carries, marking the cut."""
    return text if len(text) <= FOUND_TEXT_LIMIT else text[: FOUND_TEXT_LIMIT - 1] + "…"
