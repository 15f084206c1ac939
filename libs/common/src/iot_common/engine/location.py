"""All rules that meet at one place of a record, as one: what is declared there, and which rules meet below.

Locations have no path. A recursive schema is a circle of them; they are made as records need them and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Final

from iot_common.engine import declared
from iot_common.engine.rules import Choice, Rules

_KEPT_LIMIT: Final = 4_096
"""Locations kept: combinations of branches may be many, and one made anew is as right as a kept one."""

_Key = tuple[tuple[Rules, ...], tuple[Rules, ...], tuple[Choice, ...]]


class Locations:
    """Makes the locations of one contract; the same rules give the same location."""

    def __init__(self) -> None:
        self._kept: dict[_Key, Location] = {}
        self._names: dict[tuple[Rules, ...], dict[str, None]] = {}

    def at(self, rules: Iterable[Rules], declaring: Iterable[Rules] = ()) -> Location:
        """The place where `rules` speak, and where keys of `declaring` count as declared besides."""
        speaking = _with_parts(rules)
        choices = tuple(chain.from_iterable(each.choices for each in speaking))
        return self.of(speaking, _with_branches((*speaking, *declaring)), choices)

    def of(
        self, rules: tuple[Rules, ...], declaring: tuple[Rules, ...], choices: tuple[Choice, ...]
    ) -> Location:
        """The place of exactly these."""
        key = (rules, declaring, choices)
        known = self._kept.get(key)
        if known is None:
            known = Location(self, rules, declaring, choices)
            if len(self._kept) < _KEPT_LIMIT:
                self._kept[key] = known
        return known

    @property
    def is_full(self) -> bool:
        """True once no more are kept."""
        return len(self._kept) >= _KEPT_LIMIT

    def names(self, declaring: tuple[Rules, ...]) -> dict[str, None]:
        """The keys that rules name, in the order of the schema; however conditions turn out, these are the same."""
        known = self._names.get(declaring)
        if known is None:
            known = dict.fromkeys(chain.from_iterable(each.properties for each in declaring))
            if len(self._names) < _KEPT_LIMIT:
                self._names[declaring] = known
        return known


class Location:
    """One place of a record.

    Attributes:
        rules: those that speak of the value, parts of `allOf` included.
        declaring: those and all that may speak under a condition: what they name counts as declared.
        choices: conditions that the value has yet to settle.
    """

    def __init__(
        self,
        locations: Locations,
        rules: tuple[Rules, ...],
        declaring: tuple[Rules, ...],
        choices: tuple[Choice, ...],
    ) -> None:
        self.rules = rules
        self.declaring = declaring
        self.choices = choices
        self._locations = locations
        self._settled: dict[tuple[tuple[Rules, ...], ...], Location] = {}
        self.names = locations.names(declaring)
        self.closed = tuple(each for each in rules if each.additional is False)
        self.required = tuple(dict.fromkeys(chain.from_iterable(each.required for each in rules)))
        self.folds = not any(each.patterns or isinstance(each.additional, Rules) for each in declaring)
        self.has_patterns = any(each.patterns for each in declaring)
        self._below: dict[str, Location] = {}
        self._item_lists = max((len(each.item_list or ()) for each in declaring), default=0)
        self._items_at: dict[int, Location | None] = {}

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The types that are admitted; empty where any is."""
        return declared.types_at(self.rules, self.declaring)

    @cached_property
    def enum(self) -> tuple[Any, ...] | None:
        """The values that are admitted; None where nothing lists them."""
        return declared.enum_at(self.rules, self.declaring)

    @cached_property
    def is_object(self) -> bool:
        """True where a value only groups others."""
        return bool(self.names) or self.types == ("object",)

    def settled(self, chosen: tuple[tuple[Rules, ...], ...]) -> Location:
        """The place once each choice is made; what was chosen may bring choices of its own."""
        known = self._settled.get(chosen)
        if known is None:
            rules = _with_parts((*self.rules, *chain.from_iterable(chosen)))
            new = [each for each in rules if each not in self.rules]
            choices = tuple(chain.from_iterable(each.choices for each in new))
            known = self._locations.of(rules, _with_branches((*rules, *self.declaring)), choices)
            if not self._locations.is_full:
                self._settled[chosen] = known
        return known

    @property
    def properties(self) -> Mapping[str, Location]:
        """Declared key -> the place below it, in the order of the schema."""
        return {key: self.below(key) for key in self.names}

    def below(self, name: str) -> Location:
        """The place below a declared key."""
        known = self._below.get(name)
        if known is None:
            known = self._below[name] = self.member(name)
        return known

    @cached_property
    def refused(self) -> frozenset[str]:
        """Declared keys that some rules forbid all the same: `additionalProperties` sees no other schema."""
        return frozenset(key for key in self.names for each in self.closed if not each.declares(key))

    @cached_property
    def folded(self) -> Mapping[str, str]:
        """Lower-case spelling -> declared key."""
        return declared.folded(self.names)

    @cached_property
    def items(self) -> Location:
        """The place of the elements, whichever rules speak of each."""
        if self._item_lists:
            return self._locations.at((), chain.from_iterable(each.of_items() for each in self.declaring))
        return self._locations.at(
            (each.items for each in self.rules if each.items is not None),
            chain.from_iterable(each.of_items() for each in self.declaring),
        )

    @cached_property
    def rest(self) -> Location:
        """The place below an undeclared key that no pattern matches."""
        return self._locations.at(
            (each.additional for each in self.rules if isinstance(each.additional, Rules)),
            (each.additional for each in self.declaring if isinstance(each.additional, Rules)),
        )

    def member(self, key: str) -> Location:
        """The place below any key."""
        return self._locations.at(
            chain.from_iterable(each.of_member(key) for each in self.rules),
            chain.from_iterable(each.of_member(key) for each in self.declaring),
        )

    def alone(self, rules: Rules) -> Location:
        """The place if only these rules were there."""
        return self._locations.at([rules])

    def matches(self, key: str) -> bool:
        """Whether some pattern declares the key."""
        return self.has_patterns and any(each.declares(key) for each in self.declaring)

    def item(self, index: int) -> Location | None:
        """The place of one element; None where nothing is said of it."""
        index = min(index, self._item_lists)
        if index not in self._items_at:
            self._items_at[index] = self._item(index)
        return self._items_at[index]

    def _item(self, index: int) -> Location | None:
        if not self._item_lists:
            return self.items if self.items.declaring else None
        speaking = [found for each in self.rules if (found := each.of_item(index)) is not None]
        naming = [found for each in self.declaring if (found := each.of_item(index)) is not None]
        naming += chain.from_iterable(each.seen_items for each in self.declaring)
        return self._locations.at(speaking, naming) if naming else None


def _with_parts(rules: Iterable[Rules]) -> tuple[Rules, ...]:
    """The rules and all parts of their `allOf`, each once."""
    return _closure(rules, lambda each: each.all_of)


def _with_branches(rules: Iterable[Rules]) -> tuple[Rules, ...]:
    """As `_with_parts`, with all that may speak under a condition."""
    return _closure(
        rules, lambda each: (*each.all_of, *chain.from_iterable(c.branches for c in each.choices))
    )


def _closure(rules: Iterable[Rules], next_of: Any) -> tuple[Rules, ...]:
    found: dict[Rules, None] = {}
    pending: list[Rules] = list(rules)[::-1]
    while pending:
        each = pending.pop()
        if each not in found:
            found[each] = None
            following: Sequence[Rules] = next_of(each)
            pending.extend(reversed(following))
    return tuple(found)
