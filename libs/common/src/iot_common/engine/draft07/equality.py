"""JSON equality, as `const`, `enum` and `uniqueItems` need it: by value, exact, and at any depth.

Numbers are equal by exact value (`1` and `1.0`), booleans are no numbers, objects have no order. Values are compared
through one text per value, written without recursion, so that no nesting exhausts the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from json.encoder import encode_basestring
from typing import Any, Final

from iot_common.engine.exact_number import ExactNumber, normal_form

_EXACT_INTEGER: Final = 2**53
"""Up to here a float and the int of the same value are both exact."""


def scalar_key(value: Any) -> Any:
    """A hashable that is equal for equal scalars and for nothing else; strings stand for themselves."""
    kind = type(value)
    if kind is str:
        return value
    if kind is bool or value is None:
        return (value, None)
    if kind is not ExactNumber:
        return value if -_EXACT_INTEGER <= value <= _EXACT_INTEGER else normal_form(value)
    form, nearest = normal_form(value), float(value)
    within = -_EXACT_INTEGER <= nearest <= _EXACT_INTEGER
    return nearest if within and normal_form(nearest) == form else form


def value_key(value: Any) -> Any:
    """As `scalar_key`, for any value: containers by their text."""
    return ("container", container_text(value)) if isinstance(value, list | dict) else scalar_key(value)


def is_equal(left: Any, right: Any) -> bool:
    """Whether two values are equal in JSON's sense."""
    if isinstance(left, list | dict) != isinstance(right, list | dict):
        return False
    return bool(value_key(left) == value_key(right))


def has_equal_items(items: list[Any]) -> bool:
    """Whether any two items are equal, in time linear in the text of the array."""
    kinds = set(map(type, items))
    if kinds == {str}:
        return len(set(items)) != len(items)
    seen = set()
    for item in items:
        key = value_key(item)
        if key in seen:
            return True
        seen.add(key)
    return False


def membership(values: Iterable[Any]) -> Callable[[Any], bool]:
    """A test whether a value equals one of those given."""
    scalars = frozenset(scalar_key(each) for each in values if not isinstance(each, list | dict))
    containers = frozenset(container_text(each) for each in values if isinstance(each, list | dict))

    def is_member(value: Any) -> bool:
        if isinstance(value, list | dict):
            return bool(containers) and container_text(value) in containers
        return scalar_key(value) in scalars

    return is_member


def container_text(value: Any) -> str:
    """One text per JSON value: sorted keys, numbers in normal form. Takes no stack, however deep the value."""
    parts: list[str] = []
    pending: list[Any] = [(value,)]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        (each,) = item
        if isinstance(each, dict):
            parts.append("{")
            pending.append("}")
            for key in sorted(each, reverse=True):
                pending.append((each[key],))
                pending.append(encode_basestring(key) + ":")
        elif isinstance(each, list):
            parts.append("[")
            pending.append("]")
            pending.extend((element,) for element in reversed(each))
        else:
            parts.append(_scalar_text(each))
    return "".join(parts)


def _scalar_text(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring(value) + ","
    if isinstance(value, bool) or value is None:
        return f"{value},"
    form = normal_form(value)
    return f"{'-' if form.negative else ''}{form.digits}e{form.exponent},"
