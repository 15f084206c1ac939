"""Records to try where no proof was found: plain values, values the schemas spell, and small changes of known ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from iot_common.compatibility.documents import subschemas
from iot_common.compatibility.exact import is_number

_PLAIN: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 0.5, 1_000_000, "", "a", "A1", "2026-03-06T00:00:31Z", "x" * 40, [], [None], [0, 0],
    ["a", "a"], {}, {"a": None}, {"a": 1, "b": "b"},
)  # fmt: skip
_MOST_SPELLED: Final = 60


def probes(seeds: Sequence[Any], schemas: Iterable[Any]) -> Iterator[Any]:
    """Values, the likeliest first; a few hundred to a few thousand."""
    spelled = list(_spelled(schemas))
    yield from _PLAIN
    yield from spelled
    replacements = [*spelled, *_PLAIN]
    for seed in chain(seeds, spelled):
        yield from _changed(seed, replacements)


def _spelled(schemas: Iterable[Any]) -> Iterator[Any]:
    """Values of enums and constants, and numbers at bounds."""
    found = 0
    for schema in schemas:
        for each in subschemas(schema):
            values = [*each.get("enum", [])[:5], *([each["const"]] if "const" in each else [])]
            for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
                if is_number(each.get(keyword)):
                    values += [each[keyword], each[keyword] + 1, each[keyword] - 1]
            values += [each["default"]] if "default" in each else []
            values += each["examples"][:3] if isinstance(each.get("examples"), list) else []
            for value in values:
                yield value
                found += 1
                if found >= _MOST_SPELLED:
                    return


def _changed(value: Any, replacements: Sequence[Any]) -> Iterator[Any]:
    """The value with one part left out, added or replaced."""
    if isinstance(value, dict):
        yield {**value, "undeclared field": 1}
        for key in value:
            yield {name: each for name, each in value.items() if name != key}
        for key, item in value.items():
            for other in chain(_changed(item, replacements), replacements):
                yield {**value, key: other}
    elif isinstance(value, list):
        yield [*value, None]
        for index, item in enumerate(value):
            yield value[:index] + value[index + 1 :]
            for other in chain(_changed(item, replacements), replacements):
                yield [*value[:index], other, *value[index + 1 :]]
