"""What several rules at one place declare together, for those who compare what is observed with what is declared.

Where rules only apply under a condition, the answer is the widest: it must not call a valid value a change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, TypeVar

from iot_common.engine.draft07.equality import is_equal
from iot_common.engine.rules import Alternatives, Conditional, Rules

_Members = tuple[Any, ...] | None
"""Admitted types or values; None where nothing is said."""

_T = TypeVar("_T")


def types_at(rules: tuple[Rules, ...], declaring: tuple[Rules, ...]) -> tuple[str, ...]:
    """The types that `type` keywords admit; empty where any is admitted (or none at all)."""
    return _at(rules, declaring, lambda each: each.types or None, _common_types) or ()


def enum_at(rules: tuple[Rules, ...], declaring: tuple[Rules, ...]) -> tuple[Any, ...] | None:
    """The values that `enum` keywords admit; None where there is no such list."""
    return _at(rules, declaring, lambda each: each.enum, _common_values)


def folded(keys: Iterable[str]) -> dict[str, str]:
    """Lower-case spelling -> key, where only one key folds to it.

    ASCII only: Unicode folding maps other letters (the Kelvin sign, long s) onto ours.
    """
    spelled: dict[str, list[str]] = {}
    for key in keys:
        if key.isascii():
            spelled.setdefault(key.lower(), []).append(key)
    return {lower: same[0] for lower, same in spelled.items() if len(same) == 1}


_Own = Callable[[Rules], _Members]
_Common = Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]


def _at(rules: tuple[Rules, ...], declaring: tuple[Rules, ...], own: _Own, common: _Common) -> _Members:
    """What all rules admit that always speak; else what any admits of those that may."""
    if len(declaring) == 1:
        return own(declaring[0])
    known: dict[Rules, _Members] = {}
    always = _all((_admitted(each, own, common, known) for each in rules), common)
    return always if always is not None or rules else _any(own(each) for each in declaring)


def _admitted(rules: Rules, own: _Own, common: _Common, known: dict[Rules, _Members]) -> _Members:
    """What one schema admits with its parts and choices; each is asked once, however often it is referred to."""
    if rules in known:
        return known[rules]
    known[rules] = None
    found = [own(rules), *(_admitted(each, own, common, known) for each in rules.all_of)]
    for choice in rules.choices:
        if isinstance(choice, Alternatives):
            found.append(_any(_admitted(each, own, common, known) for each in choice.branches))
        elif isinstance(choice, Conditional) and choice.then and choice.otherwise:
            both = (choice.then[0], choice.otherwise[0])
            found.append(_any(_admitted(each, own, common, known) for each in both))
    known[rules] = _all(found, common)
    return known[rules]


def _all(admitted: Iterable[_Members], common: _Common) -> _Members:
    said = [each for each in admitted if each is not None]
    return reduce(common, said) if said else None


def _any(admitted: Iterable[_Members]) -> _Members:
    branches = list(admitted)
    if not branches or any(each is None for each in branches):
        return None
    found: list[Any] = []
    for each in branches:
        found.extend(member for member in each or () if not _is_among(member, found))
    return tuple(found)


def _common_types(left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
    whole = ("integer" in left and "number" in right) or ("integer" in right and "number" in left)
    both = [name for name in left if name in right]
    return (*both, "integer") if whole and not {"integer", "number"} & set(both) else tuple(both)


def _common_values(left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(member for member in left if _is_among(member, right))


def _is_among(member: Any, members: Iterable[Any]) -> bool:
    return any(is_equal(member, each) for each in members)
