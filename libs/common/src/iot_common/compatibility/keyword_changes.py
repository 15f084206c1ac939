"""Changes of single keywords at one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final, Protocol

from iot_common.compatibility.changes import ABSENT, ChangeCode
from iot_common.compatibility.exact import NumberTooLargeError, fraction_of, identity
from iot_common.compatibility.views import Placed, View, same
from iot_common.engine.parse import child_path

_SIZES: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_DECIDING: Final = frozenset({
    "never", "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    *_SIZES, "pattern", "format", "required", "properties", "patternProperties", "additionalProperties", "items",
    "additionalItems", "uniqueItems", "contains", "propertyNames", "dependencies", "allOf", "anyOf", "oneOf", "not",
    "if", "then", "else", "definitions", "$ref",
})  # fmt: skip
ANNOTATIONS: Final = ("title", "description", "default", "examples", "$comment", "$schema", "$id", "unit")
_MOST_RENAMES: Final = 400
_OPTIONAL_KEYWORDS: Final = {
    "pattern": (ChangeCode.PATTERN_ADDED, ChangeCode.PATTERN_REMOVED, ChangeCode.PATTERN_CHANGED),
    "format": (ChangeCode.FORMAT_ADDED, ChangeCode.FORMAT_REMOVED, ChangeCode.FORMAT_CHANGED),
    "const": (ChangeCode.CONST_ADDED, ChangeCode.CONST_REMOVED, ChangeCode.CONST_CHANGED),
}


class Add(Protocol):
    """Takes one change."""

    def __call__(self, path: str, code: ChangeCode, keyword: str, old: Any = ..., new: Any = ...) -> None:
        """Adds it to the list."""


def compare_scalars(old: View, new: View, path: str, add: Add) -> None:
    """Bounds, sizes, steps and uniqueness."""
    for keyword, sign in (("minimum", 1), ("maximum", -1)):
        before, after = _bound(old, keyword, sign), _bound(new, keyword, sign)
        if before != after:
            is_tighter = before is None or (after is not None and after > before)
            _add_bound(
                path, keyword, _spelled_bound(old, keyword), _spelled_bound(new, keyword), is_tighter, add
            )
    for keyword in _SIZES:
        empty = 0 if keyword.startswith("min") else ABSENT
        left, right = old.get(keyword, empty), new.get(keyword, empty)
        if left is right or (left is not ABSENT and right is not ABSENT and left == right):
            continue
        is_tighter = left is ABSENT or (right is not ABSENT and (right > left) == keyword.startswith("min"))
        _add_bound(path, keyword, old.get(keyword, ABSENT), new.get(keyword, ABSENT), is_tighter, add)
    _compare_steps(old, new, path, add)
    if bool(old.get("uniqueItems")) != bool(new.get("uniqueItems")):
        code = ChangeCode.UNIQUE_ITEMS_ADDED if new.get("uniqueItems") else ChangeCode.UNIQUE_ITEMS_REMOVED
        add(path, code, "uniqueItems", bool(old.get("uniqueItems")), bool(new.get("uniqueItems")))


def _add_bound(path: str, keyword: str, old: Any, new: Any, is_tighter: bool, add: Add) -> None:
    add(path, ChangeCode.BOUND_TIGHTENED if is_tighter else ChangeCode.BOUND_LOOSENED, keyword, old, new)


def _bound(view: View, keyword: str, sign: int) -> tuple[Any, bool] | None:
    """The stricter of the inclusive and the exclusive bound, so that greater is tighter."""
    exclusive = "exclusive" + keyword.capitalize()
    found = [(sign * _exact(view[name]), name == exclusive) for name in (keyword, exclusive) if name in view]
    return max(found, default=None)


def _exact(number: float) -> Any:
    try:
        return fraction_of(number)
    except NumberTooLargeError:
        return float(number)


def _spelled_bound(view: View, keyword: str) -> Any:
    exclusive = "exclusive" + keyword.capitalize()
    if exclusive not in view:
        return view.get(keyword, ABSENT)
    given = {name: view[name] for name in (keyword, exclusive) if name in view}
    return given if len(given) > 1 else {exclusive: view[exclusive]}


def _compare_steps(old: View, new: View, path: str, add: Add) -> None:
    left, right = old.get("multipleOf", ABSENT), new.get("multipleOf", ABSENT)
    if left is ABSENT and right is ABSENT:
        return
    if left is ABSENT or right is ABSENT:
        _add_bound(path, "multipleOf", left, right, left is ABSENT, add)
        return
    before, after = _exact(left), _exact(right)
    if before == after:
        return
    if isinstance(before, Fraction) and isinstance(after, Fraction) and 1 in (
        (before / after).denominator, (after / before).denominator,
    ):  # fmt: skip
        _add_bound(path, "multipleOf", left, right, (after / before).denominator == 1, add)
    else:
        add(path, ChangeCode.MULTIPLE_OF_CHANGED, "multipleOf", left, right)


def compare_values(old: View, new: View, path: str, add: Add) -> None:
    """Patterns, formats, constants and enumerations."""
    for keyword, (added, removed, changed) in _OPTIONAL_KEYWORDS.items():
        before, after = old.get(keyword, ABSENT), new.get(keyword, ABSENT)
        if before is ABSENT and after is ABSENT:
            continue
        if before is ABSENT or after is ABSENT:
            add(path, added if before is ABSENT else removed, keyword, before, after)
        elif not same(before, after):
            add(path, changed, keyword, before, after)
    _compare_enum(old, new, path, add)


def _compare_enum(old: View, new: View, path: str, add: Add) -> None:
    before, after = old.get("enum"), new.get("enum")
    is_unit = path.rpartition(".")[2] == "unit"
    if before is None and after is None:
        return
    if before is None or after is None:
        code = ChangeCode.ENUM_ADDED if before is None else ChangeCode.ENUM_REMOVED
        add(path, code, "enum", ABSENT if before is None else before, ABSENT if after is None else after)
        is_unit_change = True
    else:
        left = {identity(value): value for value in before}
        right = {identity(value): value for value in after}
        for key in [k for k in right if k not in left]:
            add(path, ChangeCode.ENUM_VALUE_ADDED, "enum", ABSENT, right[key])
        for key in [k for k in left if k not in right]:
            add(path, ChangeCode.ENUM_VALUE_REMOVED, "enum", left[key])
        is_unit_change = left.keys() != right.keys()
    if is_unit and is_unit_change:
        add(
            path,
            ChangeCode.UNIT_CHANGED,
            "enum",
            ABSENT if before is None else before,
            ABSENT if after is None else after,
        )


def compare_annotations(old: View, new: View, path: str, add: Add) -> None:
    """Keywords that decide nothing, known and unknown; `unit` is the only one that means a change of data."""
    for keyword in {**old, **new}:
        before, after = old.get(keyword, ABSENT), new.get(keyword, ABSENT)
        if keyword in _DECIDING or (before is not ABSENT and after is not ABSENT and same(before, after)):
            continue
        code = ChangeCode.UNIT_CHANGED if keyword == "unit" else ChangeCode.ANNOTATION_CHANGED
        add(path, code, keyword, before, after)


def compare_required(old: View, new: View, path: str, add: Add) -> None:
    """Names, whether or not they are declared."""
    before, after = old.get("required", []), new.get("required", [])
    for name in [each for each in dict.fromkeys(after) if each not in set(before)]:
        add(child_path(path, name), ChangeCode.REQUIRED_ADDED, "required", ABSENT, name)
    for name in [each for each in dict.fromkeys(before) if each not in set(after)]:
        add(child_path(path, name), ChangeCode.REQUIRED_REMOVED, "required", name)


def compare_renames(before: Mapping[str, Placed], after: Mapping[str, Placed], path: str, add: Add) -> None:
    """Pairs of a removed and an added property that may be one: the surest sign first, each name in one pair at most.

    Signs: names that differ only in case and separators; schemas equal to the last annotation; schemas that accept the
    same, where no other pair could be meant.
    """
    gone = [name for name in before if name not in after]
    came = [name for name in after if name not in before]
    if len(gone) * len(came) > _MOST_RENAMES:
        return
    for is_sign in (_same_folded_name, _same_schema, _same_shape):
        like = [
            (left, right)
            for left in gone
            for right in came
            if is_sign((left, before[left].schema), (right, after[right].schema))
        ]
        for left, right in like:
            if sum(left == each for each, _ in like) == 1 == sum(right == each for _, each in like):
                add(child_path(path, left), ChangeCode.RENAME_SUSPECT, "properties", left, right)
                gone.remove(left)
                came.remove(right)


_Named = tuple[str, Any]


def _same_folded_name(left: _Named, right: _Named) -> bool:
    return _folded(left[0]) == _folded(right[0]) != ""


def _folded(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _same_schema(left: _Named, right: _Named) -> bool:
    return isinstance(left[1], dict) and bool(left[1]) and identity(left[1]) == identity(right[1])


def _same_shape(left: _Named, right: _Named) -> bool:
    shapes = [_without_annotations(schema) for _, schema in (left, right)]
    return bool(shapes[0]) and identity(shapes[0]) == identity(shapes[1])


def _without_annotations(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict):
        return {}
    return {name: each for name, each in schema.items() if name not in ANNOTATIONS}


def compare_dependencies(
    old: View, new: View, path: str, add: Add, differs: Callable[[Placed, Placed], bool]
) -> None:
    """What the presence of a property asks for."""
    before, after = old.get("dependencies", {}), new.get("dependencies", {})
    for name in {**before, **after}:
        place = child_path(path, name)
        left, right = before.get(name, ABSENT), after.get(name, ABSENT)
        if left is ABSENT or right is ABSENT:
            code = ChangeCode.DEPENDENCY_ADDED if left is ABSENT else ChangeCode.DEPENDENCY_REMOVED
            add(place, code, "dependencies", left, right)
            continue
        both = isinstance(left, Placed) and isinstance(right, Placed)
        if differs(left, right) if both else not same(left, right):
            add(place, ChangeCode.DEPENDENCY_CHANGED, "dependencies", left, right)
