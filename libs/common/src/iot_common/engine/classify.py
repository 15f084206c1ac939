"""Compare one parsed record with one contract: every difference, in one walk, deciding nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from iot_common.engine import timestamps
from iot_common.engine.contract import Contract, Node
from iot_common.engine.events import MISSING, Event, EventCode, Source, shorten
from iot_common.engine.exact_number import ExactNumber, compare, is_integral, read_number
from iot_common.engine.parse import Record, child_path, json_text, json_type

_CONTAINERS: Final = frozenset({"object", "array"})
_NONFINITE_TEXTS: Final = frozenset({"nan", "inf", "infinity"})


EQUAL_VALUES: Final = "equal values"
"""`found` of a KEY_DUPLICATE that is harmless: the key is repeated with one and the same value."""


@dataclass(slots=True)
class Examination:
    """What one walk over a record found.

    Attributes:
        conforms: the draft-07 verdict to the letter, formats asserted.
        leaves: declared path -> value as parsed, after folding a key's case and unwrapping a one-element array.
        undeclared: path -> value that no declared path takes; whole subtrees at their topmost path.
    """

    conforms: bool = True
    events: list[Event] = field(default_factory=list)
    leaves: dict[str, Any] = field(default_factory=dict)
    undeclared: dict[str, Any] = field(default_factory=dict)


def classify(record: Record, contract: Contract) -> list[Event]:
    """All differences between a record and a contract, duplicate keys first."""
    return examine(record, contract).events


def examine(record: Record, contract: Contract) -> Examination:
    """The differences with the verdict and the values found at declared paths."""
    walk = _Walk()
    walk.examination.events.extend(duplicate_events(record))
    walk.visit(contract.root, record.value, "", Source.CONTRACT)
    return walk.examination


def duplicate_events(record: Record) -> list[Event]:
    """One event per repeated key; needs no contract."""
    events = []
    for path, equal, values in record.duplicates:
        found = EQUAL_VALUES if equal else "different values: " + ", ".join(map(json_text, values[:3]))
        code, says = EventCode.KEY_DUPLICATE, Source.ENGINE
        events.append(Event(path, code, "each key once", shorten(found), says, values))
    return events


class _Walk:
    """One walk; `source` is CONTRACT as long as draft-07 itself would look at the value."""

    def __init__(self) -> None:
        self.examination = Examination()

    def report(
        self, path: str, code: EventCode, expected: str, found: str, source: Source, value: Any = MISSING
    ) -> None:
        if source is Source.CONTRACT:
            self.examination.conforms = False
        self.examination.events.append(Event(path, code, expected, shorten(found), source, value))

    def visit(self, node: Node, value: Any, path: str, source: Source, *, unwrapped: bool = False) -> None:
        if not node.is_object:
            self.examination.leaves[path] = value
        kind = json_type(value)
        if node.never:
            self.report(path, EventCode.CONSTRAINT, "nothing (schema false)", json_text(value), source, value)
        elif node.types and kind not in node.types and not _has_type(kind, value, node.types):
            self._mismatch(node, kind, value, path, source, unwrapped)
        else:
            self._constraints(node, kind, value, path, source)

    def _mismatch(
        self, node: Node, kind: str, value: Any, path: str, source: Source, unwrapped: bool
    ) -> None:
        expected = " or ".join(node.types)
        wants_container = not _CONTAINERS.isdisjoint(node.types)
        if value is None:
            self.report(path, EventCode.NULL_VALUE, expected, "null", source)
        elif kind == "array" and "array" not in node.types:
            self.report(path, EventCode.ARRAY_SCALAR, expected, f"array of {len(value)}", source, value)
            if len(value) == 1 and not unwrapped and not isinstance(value[0], list):
                self.visit(node, value[0], path, Source.ENGINE, unwrapped=True)
        elif kind == "object" or wants_container:
            found = "object" if kind == "object" else json_text(value)
            self.report(path, EventCode.ARRAY_SCALAR, expected, found, source, value)
        elif kind == "string" and not {"number", "integer"}.isdisjoint(node.types):
            self._text_for_number(node, value, path, source)
        else:
            self.report(path, EventCode.TYPE_CHANGED, expected, f"{kind} {json_text(value)}", source, value)

    def _text_for_number(self, node: Node, text: str, path: str, source: Source) -> None:
        number = read_number(text)
        overflows = number is not None and number - number != 0
        if overflows or text.strip().lstrip("+-").lower() in _NONFINITE_TEXTS:
            self.report(path, EventCode.NONFINITE, "finite number", json_text(text), source, text)
            return
        found = f"string {json_text(text)}"
        self.report(path, EventCode.TYPE_CHANGED, " or ".join(node.types), found, source, text)
        if number is not None:
            self._bounds(node, number, path, Source.ENGINE)

    def _constraints(self, node: Node, kind: str, value: Any, path: str, source: Source) -> None:
        if node.enum is not None and not any(_equal(value, each) for each in node.enum):
            self.report(path, EventCode.ENUM_ADDED, _choices(node.enum), json_text(value), source, value)
        if node.const and not _equal(value, node.const[0]):
            expected = f"const {json_text(node.const[0])}"
            self.report(path, EventCode.CONSTRAINT, expected, json_text(value), source, value)
        if kind == "string":
            self._string(node, value, path, source)
        elif kind == "object":
            self._object(node, value, path, source)
        elif kind == "array":
            self._array(node, value, path, source)
        elif kind in ("integer", "number"):
            if isinstance(value, ExactNumber) and value - value != 0:
                self.report(
                    path, EventCode.NONFINITE, "number within float64", value.text, Source.ENGINE, value
                )
            self._bounds(node, value, path, source)

    def _bounds(self, node: Node, number: float, path: str, source: Source) -> None:
        for keyword, bound in node.bounds.items():
            order = compare(number, bound)
            too_low = order < 0 if keyword == "minimum" else order <= 0 and keyword == "exclusiveMinimum"
            too_high = order > 0 if keyword == "maximum" else order >= 0 and keyword == "exclusiveMaximum"
            if too_low or too_high:
                expected = f"{keyword} {json_text(bound)}"
                self.report(path, EventCode.RANGE, expected, json_text(number), source, number)

    def _string(self, node: Node, text: str, path: str, source: Source) -> None:
        if node.pattern is not None and node.pattern.search(text) is None:
            self.report(path, EventCode.PATTERN, node.pattern.text, json_text(text), source, text)
        if node.format == "date-time" and timestamps.parse_fast(text) is None:
            parsed = timestamps.parse_timestamp(text)
            if not parsed.valid:
                expected = "date-time (RFC 3339 with a zone)"
                self.report(path, EventCode.FORMAT, expected, json_text(text), source, text)
            elif parsed.issue:
                expected = "an instant in the years 0001 to 9999"
                self.report(path, EventCode.FORMAT, expected, json_text(text), Source.ENGINE, text)
        if node.sizes:
            self._sizes(node, len(text), "Length", path, source, text)

    def _sizes(self, node: Node, size: int, what: str, path: str, source: Source, value: Any) -> None:
        low, high = node.sizes.get(f"min{what}"), node.sizes.get(f"max{what}")
        if low is not None and size < low:
            self.report(path, EventCode.CONSTRAINT, f"min{what} {low}", str(size), source, value)
        if high is not None and size > high:
            self.report(path, EventCode.CONSTRAINT, f"max{what} {high}", str(size), source, value)

    def _array(self, node: Node, items: list[Any], path: str, source: Source) -> None:
        self._sizes(node, len(items), "Items", path, source, items)
        if node.unique_items and _has_equal_items(items):
            self.report(path, EventCode.CONSTRAINT, "uniqueItems", "equal items", source, items)
        if node.items is not None:
            self._items(node.items, items, path + "[]", source)

    def _items(self, node: Node, items: list[Any], path: str, source: Source) -> None:
        """Elements share one path, so only the array as a whole is a leaf: nothing overwrites its neighbour."""
        found = self.examination
        leaves, undeclared = found.leaves, found.undeclared
        found.leaves, found.undeclared = {}, {}
        for item in items:
            self.visit(node, item, path, source)
        found.leaves, found.undeclared = leaves, undeclared

    def _object(self, node: Node, members: dict[str, Any], path: str, source: Source) -> None:
        self._sizes(node, len(members), "Properties", path, source, members)
        unknown = [key for key in members if key not in node.properties]
        respelled = _respelled(node, unknown) if unknown else {}
        for name in node.required:
            if name not in members and name not in respelled:
                missing = child_path(path, name)
                self.report(
                    missing, EventCode.FIELD_REMOVED_REQUIRED, "present (required)", "missing", source
                )
        for name, child in node.properties.items():
            if name in members:
                self.visit(child, members[name], child_path(path, name), source)
            elif name in respelled:
                self._fold(node, name, respelled[name], members, path, source)
        folded = {key for name, key in respelled.items() if name not in members}
        for key in unknown:
            if key not in folded:
                self._undeclared(node, key, members[key], path, source)

    def _fold(
        self, node: Node, name: str, key: str, members: dict[str, Any], path: str, source: Source
    ) -> None:
        broken = node.additional is False or name in node.required
        says = source if broken else Source.ENGINE
        self.report(child_path(path, name), EventCode.KEY_CASE, name, key, says)
        self.visit(node.properties[name], members[key], child_path(path, name), Source.ENGINE)

    def _undeclared(self, node: Node, key: str, value: Any, path: str, source: Source) -> None:
        here = child_path(path, key)
        self.examination.undeclared[here] = value
        says = source if node.additional is False else Source.ENGINE
        declared = node.folded.get(key.lower()) if key.isascii() else None
        if declared is not None and not isinstance(node.additional, Node):
            self.report(here, EventCode.KEY_CASE, declared, key, says, value)
            return
        if says is Source.CONTRACT:
            self.examination.conforms = False
        self.examination.events.append(added_field(here, value, says, nested=bool(path)))
        if isinstance(node.additional, Node):
            self.visit(node.additional, value, here, source)


def added_field(path: str, value: Any, source: Source, *, nested: bool) -> Event:
    """The event of an undeclared field; nested ones have a code of their own, as they may well be valid."""
    code = EventCode.FIELD_ADDED_NESTED if nested else EventCode.FIELD_ADDED
    return Event(path, code, "not declared", shorten(f"{json_type(value)} {json_text(value)}"), source, value)


def _respelled(node: Node, unknown: list[str]) -> dict[str, str]:
    """Declared name -> its one other spelling; two other spellings are ambiguous and fold to nothing."""
    if isinstance(node.additional, Node):
        return {}
    spelled: dict[str, list[str]] = {}
    for key in unknown:
        name = node.folded.get(key.lower()) if key.isascii() else None
        if name is not None:
            spelled.setdefault(name, []).append(key)
    return {name: keys[0] for name, keys in spelled.items() if len(keys) == 1}


def _has_type(kind: str, value: Any, types: tuple[str, ...]) -> bool:
    """Whether a value of a JSON type that `types` does not name still counts as one of them."""
    if kind == "integer":
        return "number" in types
    return kind == "number" and "integer" in types and is_integral(value)


def _choices(values: tuple[Any, ...]) -> str:
    return shorten("one of " + ", ".join(json_text(value) for value in values))


def _equal(left: Any, right: Any) -> bool:
    """JSON equality: numbers by value, booleans are no numbers, objects without order."""
    if isinstance(left, str) or isinstance(right, str):
        return bool(left == right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return compare(left, right) == 0
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


def _has_equal_items(items: list[Any]) -> bool:
    """Quadratic only within items of one canonical hash, so a hostile array stays cheap."""
    buckets: dict[Any, list[Any]] = {}
    for item in items:
        bucket = buckets.setdefault(_bucket(item), [])
        if any(_equal(item, other) for other in bucket):
            return True
        bucket.append(item)
    return False


def _bucket(item: Any) -> Any:
    if isinstance(item, bool) or item is None:
        return json_type(item), item
    if isinstance(item, int | float):
        return "number", float(item)
    if isinstance(item, str):
        return "string", item
    return json_type(item), len(item)
