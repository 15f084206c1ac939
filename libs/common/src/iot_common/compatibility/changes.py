"""The vocabulary of changes between two versions of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Effect(StrEnum):
    """What one change does to the records that its place accepts, seen alone."""

    MORE = "accepts more"
    LESS = "accepts less"
    OTHER = "accepts others"
    NONE = "annotation"


class ChangeCode(StrEnum):
    """What changed; `keyword` of a change names the keyword where a code stands for several."""

    PROPERTY_ADDED = "PROPERTY_ADDED"
    PROPERTY_REMOVED = "PROPERTY_REMOVED"
    RENAME_SUSPECT = "RENAME_SUSPECT"
    REQUIRED_ADDED = "REQUIRED_ADDED"
    REQUIRED_REMOVED = "REQUIRED_REMOVED"
    TYPE_WIDENED = "TYPE_WIDENED"
    TYPE_NARROWED = "TYPE_NARROWED"
    TYPE_CHANGED = "TYPE_CHANGED"
    ENUM_ADDED = "ENUM_ADDED"
    ENUM_REMOVED = "ENUM_REMOVED"
    ENUM_VALUE_ADDED = "ENUM_VALUE_ADDED"
    ENUM_VALUE_REMOVED = "ENUM_VALUE_REMOVED"
    UNIT_CHANGED = "UNIT_CHANGED"
    CONST_ADDED = "CONST_ADDED"
    CONST_REMOVED = "CONST_REMOVED"
    CONST_CHANGED = "CONST_CHANGED"
    BOUND_LOOSENED = "BOUND_LOOSENED"
    BOUND_TIGHTENED = "BOUND_TIGHTENED"
    MULTIPLE_OF_CHANGED = "MULTIPLE_OF_CHANGED"
    UNIQUE_ITEMS_ADDED = "UNIQUE_ITEMS_ADDED"
    UNIQUE_ITEMS_REMOVED = "UNIQUE_ITEMS_REMOVED"
    PATTERN_ADDED = "PATTERN_ADDED"
    PATTERN_REMOVED = "PATTERN_REMOVED"
    PATTERN_CHANGED = "PATTERN_CHANGED"
    FORMAT_ADDED = "FORMAT_ADDED"
    FORMAT_REMOVED = "FORMAT_REMOVED"
    FORMAT_CHANGED = "FORMAT_CHANGED"
    ADDITIONAL_OPENED = "ADDITIONAL_OPENED"
    ADDITIONAL_CLOSED = "ADDITIONAL_CLOSED"
    ADDITIONAL_LOOSENED = "ADDITIONAL_LOOSENED"
    ADDITIONAL_TIGHTENED = "ADDITIONAL_TIGHTENED"
    PATTERN_PROPERTY_ADDED = "PATTERN_PROPERTY_ADDED"
    PATTERN_PROPERTY_REMOVED = "PATTERN_PROPERTY_REMOVED"
    ITEMS_ADDED = "ITEMS_ADDED"
    ITEMS_REMOVED = "ITEMS_REMOVED"
    ITEM_ADDED = "ITEM_ADDED"
    ITEM_REMOVED = "ITEM_REMOVED"
    ALTERNATIVE_ADDED = "ALTERNATIVE_ADDED"
    ALTERNATIVE_REMOVED = "ALTERNATIVE_REMOVED"
    DEPENDENCY_ADDED = "DEPENDENCY_ADDED"
    DEPENDENCY_REMOVED = "DEPENDENCY_REMOVED"
    DEPENDENCY_CHANGED = "DEPENDENCY_CHANGED"
    SUBSCHEMA_ADDED = "SUBSCHEMA_ADDED"
    SUBSCHEMA_REMOVED = "SUBSCHEMA_REMOVED"
    SUBSCHEMA_CHANGED = "SUBSCHEMA_CHANGED"
    ANNOTATION_CHANGED = "ANNOTATION_CHANGED"
    REWRITTEN = "REWRITTEN"


MEANINGS: Final[Mapping[ChangeCode, tuple[Effect, str]]] = {
    ChangeCode.PROPERTY_ADDED: (Effect.OTHER, "a property is declared that was not"),
    ChangeCode.PROPERTY_REMOVED: (Effect.OTHER, "a property is no longer declared"),
    ChangeCode.RENAME_SUSPECT: (
        Effect.NONE,
        "one property went and one of the same shape came, in one object",
    ),
    ChangeCode.REQUIRED_ADDED: (Effect.LESS, "a property must now be there"),
    ChangeCode.REQUIRED_REMOVED: (Effect.MORE, "a property may now be missing"),
    ChangeCode.TYPE_WIDENED: (Effect.MORE, "more types, the old ones included"),
    ChangeCode.TYPE_NARROWED: (Effect.LESS, "fewer types, no new one"),
    ChangeCode.TYPE_CHANGED: (Effect.OTHER, "types came and types went"),
    ChangeCode.ENUM_ADDED: (Effect.LESS, "values are now listed that were free"),
    ChangeCode.ENUM_REMOVED: (Effect.MORE, "values are free that were listed"),
    ChangeCode.ENUM_VALUE_ADDED: (Effect.MORE, "one more value in a list"),
    ChangeCode.ENUM_VALUE_REMOVED: (Effect.LESS, "one value fewer in a list"),
    ChangeCode.UNIT_CHANGED: (
        Effect.NONE,
        "the values of a field named `unit`, or the keyword `unit`, changed",
    ),
    ChangeCode.CONST_ADDED: (Effect.LESS, "one value is now prescribed"),
    ChangeCode.CONST_REMOVED: (Effect.MORE, "no value is prescribed any more"),
    ChangeCode.CONST_CHANGED: (Effect.OTHER, "another value is prescribed"),
    ChangeCode.BOUND_LOOSENED: (Effect.MORE, "a bound of a number, length or count went, or further out"),
    ChangeCode.BOUND_TIGHTENED: (Effect.LESS, "a bound of a number, length or count came, or further in"),
    ChangeCode.MULTIPLE_OF_CHANGED: (Effect.OTHER, "a step that is neither multiple nor part of the old one"),
    ChangeCode.UNIQUE_ITEMS_ADDED: (Effect.LESS, "items must now differ"),
    ChangeCode.UNIQUE_ITEMS_REMOVED: (Effect.MORE, "items may now be equal"),
    ChangeCode.PATTERN_ADDED: (Effect.LESS, "a pattern must now match"),
    ChangeCode.PATTERN_REMOVED: (Effect.MORE, "no pattern must match any more"),
    ChangeCode.PATTERN_CHANGED: (Effect.OTHER, "another pattern must match"),
    ChangeCode.FORMAT_ADDED: (Effect.LESS, "a format is asserted"),
    ChangeCode.FORMAT_REMOVED: (Effect.MORE, "no format is asserted any more"),
    ChangeCode.FORMAT_CHANGED: (Effect.OTHER, "another format is asserted"),
    ChangeCode.ADDITIONAL_OPENED: (Effect.MORE, "undeclared properties or items are now allowed"),
    ChangeCode.ADDITIONAL_CLOSED: (Effect.LESS, "undeclared properties or items are now refused"),
    ChangeCode.ADDITIONAL_LOOSENED: (Effect.MORE, "undeclared properties or items no longer have a schema"),
    ChangeCode.ADDITIONAL_TIGHTENED: (Effect.LESS, "undeclared properties or items now have a schema"),
    ChangeCode.PATTERN_PROPERTY_ADDED: (Effect.OTHER, "properties are declared by a new pattern"),
    ChangeCode.PATTERN_PROPERTY_REMOVED: (Effect.OTHER, "properties are no longer declared by a pattern"),
    ChangeCode.ITEMS_ADDED: (Effect.LESS, "items now have a schema"),
    ChangeCode.ITEMS_REMOVED: (Effect.MORE, "items no longer have a schema"),
    ChangeCode.ITEM_ADDED: (Effect.OTHER, "one more position has a schema of its own"),
    ChangeCode.ITEM_REMOVED: (Effect.OTHER, "one position fewer has a schema of its own"),
    ChangeCode.ALTERNATIVE_ADDED: (Effect.MORE, "one more alternative (anyOf, oneOf)"),
    ChangeCode.ALTERNATIVE_REMOVED: (Effect.LESS, "one alternative fewer (anyOf, oneOf)"),
    ChangeCode.DEPENDENCY_ADDED: (Effect.LESS, "a property now asks for more"),
    ChangeCode.DEPENDENCY_REMOVED: (Effect.MORE, "a property no longer asks for more"),
    ChangeCode.DEPENDENCY_CHANGED: (Effect.OTHER, "what a property asks for changed"),
    ChangeCode.SUBSCHEMA_ADDED: (Effect.LESS, "a keyword with a schema (not, if, contains, ...) came"),
    ChangeCode.SUBSCHEMA_REMOVED: (Effect.MORE, "a keyword with a schema went"),
    ChangeCode.SUBSCHEMA_CHANGED: (Effect.OTHER, "a schema changed in a way this list does not take apart"),
    ChangeCode.ANNOTATION_CHANGED: (Effect.NONE, "a keyword that decides nothing changed"),
    ChangeCode.REWRITTEN: (
        Effect.NONE,
        "the same is spelled otherwise: definitions, order, a lone alternative",
    ),
}
"""What each code means, and what it does, taken alone, to the records accepted at its place."""

ABSENT: Final = object()
"""The keyword is not there; `null` would be a value."""


class Change(NamedTuple):
    """One difference.

    Attributes:
        path: where in a record: `readings.temperature`, `items[]`, `pair[0]`, `*` for undeclared properties; an
            alternative adds `<anyOf:1>`.
        keyword: the keyword that differs.
        old: its argument before, or ABSENT.
        new: its argument after, or ABSENT.
        columns: `table.column` of what reads the path.
    """

    path: str
    code: ChangeCode
    keyword: str
    old: Any = ABSENT
    new: Any = ABSENT
    columns: tuple[str, ...] = ()

    @property
    def effect(self) -> Effect:
        """What it does, taken alone."""
        return MEANINGS[self.code][0]

    @property
    def is_annotation(self) -> bool:
        """True if it cannot change a verdict."""
        return self.effect is Effect.NONE
