"""Sub-schemas by their place, and which part of a value each of them judges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from iot_common.engine.draft07 import keywords
from iot_common.engine.draft07.documents import Documents, UnresolvableError, base_of, dialect_of
from iot_common.engine.draft07.uris import pointer_to
from iot_common.engine.errors import ContractError

Step = tuple[str, str | int | None] | None
"""From a value to the part that a sub-schema judges: ("key", name), ("index", place), each with None for any of
them, ("name", None) for the keys themselves. None: the value as a whole."""

_WHOLE: Final = frozenset({"allOf", "anyOf", "dependencies", "else", "if", "not", "oneOf", "then"})
_ANY: Final[dict[str, Step]] = {
    "additionalItems": ("index", None),
    "additionalProperties": ("key", None),
    "contains": ("index", None),
    "patternProperties": ("key", None),
    "propertyNames": ("name", None),
}

PlaceKey = tuple[int, str]


class Place(NamedTuple):
    """A sub-schema, the base around it, and the pointer by which the root reaches it (through `$ref`s too)."""

    schema: Any
    base: str
    pointer: str

    @property
    def key(self) -> PlaceKey:
        """The same for the same verdict: one schema object may stand within several bases."""
        return id(self.schema), self.base

    def below(self, schema: Any, *keys: str | int) -> Place:
        """The place of a schema within this one."""
        return Place(schema, base_of(self.schema, self.base), pointer_to(self.pointer, *keys))


class Edge(NamedTuple):
    """One schema asks another about a part of its value."""

    step: Step
    place: Place


class Atlas:
    """Follows references; the name is for errors."""

    def __init__(self, name: str, documents: Documents) -> None:
        self.name = name
        self.documents = documents
        self._settled: dict[PlaceKey, Place] = {}

    def settle(self, place: Place) -> Place:
        """The place at the end of a chain of `$ref`s.

        Raises:
            ContractError: the chain leads nowhere or round in a circle.
        """
        if keywords.reference_of(place.schema) is None or is_foreign(place):
            return place
        passed: dict[PlaceKey, None] = {}
        while keywords.reference_of(place.schema) is not None and not is_foreign(place):
            known = self._settled.get(place.key)
            if known is not None:
                place = known
                break
            if place.key in passed:
                raise ContractError(self.name, place.pointer, CIRCLE)
            passed[place.key] = None
            place = self._follow(place)
        # Each link of a long chain is followed once, however many refer to it.
        self._settled.update(dict.fromkeys(passed, place))
        return place

    def _follow(self, place: Place) -> Place:
        reference = place.schema["$ref"]
        try:
            schema, base = self.documents.resolve(reference, place.base)
        except UnresolvableError as error:
            raise ContractError(self.name, place.pointer, str(error)) from error
        return Place(schema, base, f"{place.pointer}/$ref")

    def edges(self, place: Place) -> Iterator[Edge]:
        """What a settled place asks; keywords that have no effect there are left out."""
        schema = place.schema
        if not isinstance(schema, dict) or is_foreign(place):
            return
        for child in keywords.children(schema):
            keyword = child.keys[0]
            if keyword == "definitions" or (keyword in ("then", "else") and "if" not in schema):
                continue
            if keyword == "additionalItems" and not isinstance(schema.get("items"), list):
                continue
            yield Edge(_step(*child.keys), self.settle(place.below(child.schema, *child.keys)))


CIRCLE: Final = "a circle of references that never looks deeper into the value, so no verdict is defined"


def is_foreign(place: Place) -> bool:
    """Whether the schema names another dialect than draft-07; the root may not, a document may."""
    return dialect_of(place.schema) is not None


def _step(keyword: str | int, key: str | int | None = None) -> Step:
    if keyword in _WHOLE:
        return None
    if keyword == "properties":
        return "key", key
    if keyword == "items":
        return "index", key
    return _ANY[str(keyword)]
