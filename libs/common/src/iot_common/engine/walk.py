"""The walk over one value along the locations of a contract.

`source` is CONTRACT as long as draft-07 itself would look at the value; a value found under another spelling of its
key, or within an array of one, is judged by the engine alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from iot_common.engine.checks import Difference
from iot_common.engine.ecma_pattern import PatternTimeoutError
from iot_common.engine.events import MISSING, NO_VERDICT, Event, EventCode, Source, shorten
from iot_common.engine.exact_number import ExactNumber
from iot_common.engine.location import Location
from iot_common.engine.nearest import told_differences
from iot_common.engine.parse import child_path, json_type
from iot_common.engine.rules import Alternatives, Rules
from iot_common.engine.shape import bounded_path
from iot_common.engine.type_mismatch import type_differences
from iot_common.engine.wording import brief

EVENTS_LIMIT: Final = 1_000
"""Events of one record beyond which array elements and undeclared fields raise no more: each such event is of a value
that no typed column takes, and a hostile record has a million."""

_ADDED: Final = frozenset({EventCode.FIELD_ADDED, EventCode.FIELD_ADDED_NESTED})
NOT_DECLARED: Final = "not declared"
KIND_OF: Final[dict[type, str]] = {
    dict: "object", list: "array", str: "string", float: "number", int: "integer", bool: "boolean", type(None): "null",
}  # fmt: skip
"""As `json_type` says, for all but numbers kept as text."""
_LONG_PATH: Final = 4_096
"""Nothing is added to longer paths uncut, or a deep record of long keys would fill the memory with paths."""
_EXPLAINED_BRANCHES: Final = 16


@dataclass(slots=True)
class Examination:
    """What one walk over a record found.

    Attributes:
        conforms: the draft-07 verdict to the letter, formats asserted.
        leaves: declared path -> value as parsed, after folding a key's case and unwrapping a one-element array.
        undeclared: path -> value that no declared path takes; whole subtrees at their topmost path.
        omitted: events left out because there are too many of their kind.
    """

    conforms: bool = True
    events: list[Event] = field(default_factory=list)
    omitted: int = 0
    leaves: dict[str, Any] = field(default_factory=dict)
    undeclared: dict[str, Any] = field(default_factory=dict)


class Walk:
    """One walk; `explains` is False within an explanation, so that explanations never nest."""

    def __init__(self, *, explains: bool = True) -> None:
        self.found = Examination()
        self._explains = explains
        self._indexes: tuple[int, ...] = ()

    def report(
        self, path: str, code: EventCode, expected: str, found: str, source: Source, value: Any = MISSING
    ) -> None:
        """Add one event."""
        found_so_far = self.found
        if source is Source.CONTRACT:
            found_so_far.conforms = False
        if len(found_so_far.events) >= EVENTS_LIMIT and (self._indexes or code in _ADDED):
            found_so_far.omitted += 1
            return
        found_so_far.events.append(Event(path, code, expected, shorten(found), source, value, self._indexes))

    def visit(
        self, place: Location, value: Any, path: str, source: Source, *, unwrapped: bool = False
    ) -> None:
        """Judge a value and all below it."""
        if not place.is_object:
            self.found.leaves[path] = value
        try:
            settled = self._settle(place, value, path, source) if place.choices else place
            kind = KIND_OF.get(type(value)) or json_type(value)
            if self._check(settled, kind, value, path, source):
                if kind == "object":
                    self._object(settled, value, path, source)
                elif kind == "array":
                    self._array(settled, value, path, source)
            elif kind == "array" and len(value) == 1 and not unwrapped and not isinstance(value[0], list):
                self.visit(place, value[0], path, Source.ENGINE, unwrapped=True)
        except PatternTimeoutError as error:
            expected = shorten(f"pattern {error.pattern}")
            self.report(path, EventCode.CONSTRAINT, expected, NO_VERDICT, Source.ENGINE, value)

    def _check(self, place: Location, kind: str, value: Any, path: str, source: Source) -> bool:
        """What is said of the value by itself; returns whether its type is admitted."""
        first = len(self.found.events)
        admitted = True
        if type(value) is ExactNumber and value - value != 0:
            self._beyond_float(place, kind, value, path)
        for rules in place.rules:
            if rules.kinds is None or kind in rules.kinds or rules.accepts(kind, value):
                for check in rules.checks[kind]:
                    differences = check(value)
                    if differences:
                        self._tell(differences, value, path, source)
            else:
                admitted = False
                self._tell(type_differences(rules, kind, value), value, path, source)
        if len(place.rules) > 1 and len(self.found.events) > first + 1:
            self.found.events[first:] = dict.fromkeys(self.found.events[first:])
        return admitted

    def _beyond_float(self, place: Location, kind: str, number: ExactNumber, path: str) -> None:
        if all(rules.accepts(kind, number) for rules in place.rules):
            expected = "number within float64"
            self.report(path, EventCode.NONFINITE, expected, brief(number), Source.ENGINE, number)

    def _tell(self, differences: Iterable[Difference], value: Any, path: str, source: Source) -> None:
        for code, expected, found, engine, key in differences:
            says = Source.ENGINE if engine else source
            if key is not None:
                self.report(child_path(path, key), code, expected, found, says)
            else:
                self.report(path, code, expected, found, says, MISSING if value is None else value)

    def _settle(self, place: Location, value: Any, path: str, source: Source) -> Location:
        """The place once all conditions are answered for this value."""
        while place.choices:
            chosen = []
            for choice in place.choices:
                speaking = choice.chosen(value)
                chosen.append(speaking)
                if isinstance(choice, Alternatives) and choice.is_broken_by(speaking):
                    self._alternatives(place, choice, speaking, value, path, source)
            place = place.settled(tuple(chosen))
        return place

    def _alternatives(
        self,
        place: Location,
        choice: Alternatives,
        fitting: tuple[Rules, ...],
        value: Any,
        path: str,
        source: Source,
    ) -> None:
        count = len(choice.options)
        wanted = "exactly one" if choice.keyword == "oneOf" else "at least one"
        expected = f"{choice.keyword}: {wanted} of {count} schemas"
        if fitting:
            names = [name for name, rules in choice.named() if rules in fitting]
            found = f"fits {len(names)}: {', '.join(names[:_EXPLAINED_BRANCHES])}"
        elif self._explains:
            found = self._nearest(place, choice, value, path)
        else:
            found = brief(value)
        self.report(path, EventCode.CONSTRAINT, expected, found, source, value)

    def _nearest(self, place: Location, choice: Alternatives, value: Any, path: str) -> str:
        """The differences from the branch that the value comes closest to."""
        tried = []
        for name, rules in choice.named()[:_EXPLAINED_BRANCHES]:
            walk = Walk(explains=False)
            walk.visit(place.alone(rules), value, path, Source.CONTRACT)
            tried.append((name, walk.found.events))
        return told_differences(tried, path)

    def _object(self, place: Location, members: dict[str, Any], path: str, source: Source) -> None:
        if len(path) > _LONG_PATH:
            path = bounded_path(path)
        declared, refused = place.names, place.refused
        unknown = [key for key in members if key not in declared]
        respelled = _respelled(place, unknown) if unknown and place.folds else {}
        for name in place.required:
            if name not in members and name not in respelled:
                code, missing = EventCode.FIELD_REMOVED_REQUIRED, child_path(path, name)
                self.report(missing, code, "present (required)", "missing", source)
        for name in declared:
            if name in members:
                if name in refused:
                    self._refused(name, members[name], path, source)
                self.visit(place.below(name), members[name], child_path(path, name), source)
            elif name in respelled:
                self._fold(place, name, respelled[name], members, path, source)
        folded = {key for name, key in respelled.items() if name not in members}
        for key in unknown:
            if key not in folded:
                self._unknown(place, key, members[key], path, source)

    def _fold(
        self, place: Location, name: str, key: str, members: dict[str, Any], path: str, source: Source
    ) -> None:
        broken = place.closed or name in place.required
        says = source if broken else Source.ENGINE
        self.report(child_path(path, name), EventCode.KEY_CASE, name, key, says)
        self.visit(place.below(name), members[key], child_path(path, name), Source.ENGINE)

    def _unknown(self, place: Location, key: str, value: Any, path: str, source: Source) -> None:
        if not place.matches(key):
            self._undeclared(place, key, value, path, source)
            return
        if any(not rules.declares(key) for rules in place.closed):
            self._refused(key, value, path, source)
        self.visit(place.member(key), value, child_path(path, key), source)

    def _refused(self, key: str, value: Any, path: str, source: Source) -> None:
        """A key that another schema at the same place declares."""
        here, expected = child_path(path, key), "additionalProperties false"
        self.report(here, EventCode.CONSTRAINT, expected, brief(value), source, value)

    def _undeclared(self, place: Location, key: str, value: Any, path: str, source: Source) -> None:
        here = child_path(path, key)
        self.found.undeclared[here] = value
        says = source if place.closed else Source.ENGINE
        declared = place.folded.get(key.lower()) if key.isascii() else None
        if declared is not None and place.folds:
            self.report(here, EventCode.KEY_CASE, declared, key, says, value)
            return
        added = EventCode.FIELD_ADDED_NESTED if path else EventCode.FIELD_ADDED
        self.report(here, added, NOT_DECLARED, _kind_and_text(value), says, value)
        if place.rest.declaring:
            self._aside([(place.rest, value, self._indexes)], here, source)

    def _array(self, place: Location, items: list[Any], path: str, source: Source) -> None:
        around = self._indexes
        places = ((place.item(index), item, (*around, index)) for index, item in enumerate(items))
        self._aside(
            ((below, item, indexes) for below, item, indexes in places if below is not None),
            path + "[]",
            source,
        )

    def _aside(
        self, values: Iterable[tuple[Location, Any, tuple[int, ...]]], path: str, source: Source
    ) -> None:
        """Visits for events alone: elements share one path, and an undeclared field is kept as a whole."""
        found, around = self.found, self._indexes
        leaves, undeclared = found.leaves, found.undeclared
        found.leaves, found.undeclared = {}, {}
        for place, value, indexes in values:
            self._indexes = indexes
            self.visit(place, value, path, source)
        found.leaves, found.undeclared, self._indexes = leaves, undeclared, around


def added_field(path: str, value: Any, source: Source, *, nested: bool) -> Event:
    """The event of an undeclared field; nested ones have a code of their own, as they may well be valid."""
    code = EventCode.FIELD_ADDED_NESTED if nested else EventCode.FIELD_ADDED
    return Event(path, code, NOT_DECLARED, _kind_and_text(value), source, value)


def _kind_and_text(value: Any) -> str:
    return shorten(f"{json_type(value)} {brief(value)}")


def _respelled(place: Location, unknown: list[str]) -> dict[str, str]:
    """Declared name -> its one other spelling; two other spellings are ambiguous and fold to nothing."""
    spelled: dict[str, list[str]] = {}
    for key in unknown:
        name = place.folded.get(key.lower()) if key.isascii() else None
        if name is not None:
            spelled.setdefault(name, []).append(key)
    return {name: keys[0] for name, keys in spelled.items() if len(keys) == 1}
