"""The sub-schemas of a contract as rules that classification walks by: one `Rules` each, no paths, circles welcome.

The schema has passed `compile_schema`, so nothing here can be malformed, and every `$ref` leads somewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from iot_common.engine.checks import Check
from iot_common.engine.exact_number import is_integral

Verdict = Callable[[Any], bool]


@dataclass(slots=True, eq=False)
class Rules:
    """What one sub-schema says. Rules are compared by identity: one object per sub-schema and base.

    Attributes:
        kinds: JSON types as written that pass `types`; None where any does.
        checks: JSON type as written -> what is checked of such a value by itself.
        required: keys that must be there.
        additional: `additionalProperties`: True (open), False (closed), or the rules of the rest.
        item_list: the rules of the first elements, where `items` is a list; then `items` are `additionalItems`.
        all_of: rules that speak of the same value, always.
        choices: rules that speak of the same value, under a condition.
        seen_items: rules that some element must follow (`contains`): their keys count as declared.
        schema: the sub-schema itself.
        plain: True where `schema` says all with keywords that need no walk beyond `properties`, `items` and
            `additionalProperties`.
    """

    schema: Any
    types: tuple[str, ...] = ()
    kinds: frozenset[str] | None = None
    checks: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    range_checks: tuple[Check, ...] = ()
    required: tuple[str, ...] = ()
    properties: Mapping[str, Rules] = field(default_factory=dict)
    patterns: tuple[tuple[Callable[[str], object], Rules], ...] = ()
    additional: bool | Rules = True
    items: Rules | None = None
    item_list: tuple[Rules, ...] | None = None
    all_of: tuple[Rules, ...] = ()
    choices: tuple[Choice, ...] = ()
    seen_items: tuple[Rules, ...] = ()
    enum: tuple[Any, ...] | None = None
    plain: bool = True

    def accepts(self, kind: str, value: Any) -> bool:
        """Whether `type` admits a value, given its JSON type as written."""
        if self.kinds is None or kind in self.kinds:
            return True
        return kind == "number" and "integer" in self.kinds and is_integral(value)

    def declares(self, key: str) -> bool:
        """Whether a key is named here, or matches a pattern."""
        return key in self.properties or any(search(key) is not None for search, _ in self.patterns)

    def of_member(self, key: str) -> Iterator[Rules]:
        """The rules of the member with a key."""
        named = self.properties.get(key)
        found = named is not None
        if named is not None:
            yield named
        for search, rules in self.patterns:
            if search(key) is not None:
                found = True
                yield rules
        if not found and isinstance(self.additional, Rules):
            yield self.additional

    def of_item(self, index: int) -> Rules | None:
        """The rules of an element."""
        if self.item_list is not None and index < len(self.item_list):
            return self.item_list[index]
        return self.items

    def of_items(self) -> Iterator[Rules]:
        """The rules that any element may have."""
        yield from self.item_list or ()
        if self.items is not None:
            yield self.items
        yield from self.seen_items


@dataclass(slots=True, eq=False)
class Choice:
    """Rules of which some speak of a value, depending on the value."""

    @property
    def branches(self) -> tuple[Rules, ...]:
        """All that may ever speak."""
        raise NotImplementedError

    def chosen(self, value: Any) -> tuple[Rules, ...]:
        """Those that speak of this value."""
        raise NotImplementedError


@dataclass(slots=True, eq=False)
class Alternatives(Choice):
    """`anyOf` and `oneOf`: the branches that a value fits speak of it, for what else they declare.

    Attributes:
        keyword: `anyOf` or `oneOf`.
        options: each branch with its verdict.
    """

    keyword: str
    options: tuple[tuple[Rules, Verdict], ...]

    @property
    def branches(self) -> tuple[Rules, ...]:
        """Every branch."""
        return tuple(rules for rules, _ in self.options)

    def chosen(self, value: Any) -> tuple[Rules, ...]:
        """The branches that the value fits."""
        return tuple(rules for rules, is_valid in self.options if is_valid(value))

    def is_broken_by(self, chosen: Sequence[Rules]) -> bool:
        """Whether so many fitting branches are against the keyword."""
        return not chosen or (self.keyword == "oneOf" and len(chosen) > 1)

    def named(self) -> list[tuple[str, Rules]]:
        """Each branch with what it is called in a text, as in a JSON pointer: `anyOf/0` is the first."""
        return [(f"{self.keyword}/{place}", rules) for place, (rules, _) in enumerate(self.options)]


@dataclass(slots=True, eq=False)
class Conditional(Choice):
    """`if`, `then` and `else`. Without `if` the others mean nothing; without both it still declares keys."""

    condition: Rules
    holds: Verdict
    then: tuple[Rules, ...]
    otherwise: tuple[Rules, ...]

    @property
    def branches(self) -> tuple[Rules, ...]:
        """The condition as well: the keys that it names are declared."""
        return (self.condition, *self.then, *self.otherwise)

    def chosen(self, value: Any) -> tuple[Rules, ...]:
        """What the condition asks for."""
        return (self.condition, *self.then) if self.holds(value) else self.otherwise


@dataclass(slots=True, eq=False)
class Dependent(Choice):
    """`dependencies` with a schema: it speaks where the key is there."""

    key: str
    rules: Rules

    @property
    def branches(self) -> tuple[Rules, ...]:
        """The one."""
        return (self.rules,)

    def chosen(self, value: Any) -> tuple[Rules, ...]:
        """The one, where the value is an object with the key."""
        return self.branches if isinstance(value, dict) and self.key in value else ()
