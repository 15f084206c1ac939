"""Lists the changes between two versions of a schema, place by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from iot_common.compatibility import keyword_changes
from iot_common.compatibility.changes import ABSENT, Change, ChangeCode
from iot_common.compatibility.views import Placed, View, Views, followed, merged, plain, same, spelled_types
from iot_common.engine.draft07.compiler import CompiledSchema
from iot_common.engine.parse import child_path

_DEEPEST: Final = 60
MOST_CHANGES: Final = 5_000
"""Longer lists help no one; the last entry then says that more were left out."""
_MOST_PAIRINGS: Final = 400
_MOST_VISITS: Final = 20_000
"""Places compared: references can lead to a place by more ways than can be walked."""


def list_changes(old: CompiledSchema, new: CompiledSchema) -> list[Change]:
    """All changes, in the order of the schemas; none only where both are equal as JSON."""
    walk = _Walk()
    walk.visit(Placed(old, old.schema, ""), Placed(new, new.schema, ""), "", 0)
    if not walk.changes and not same(old.schema, new.schema):
        walk.add("", ChangeCode.REWRITTEN, "")
    return walk.changes


class _Walk:
    def __init__(self, outer: _Walk | None = None) -> None:
        self.changes: list[Change] = []
        self._views: Views = Views() if outer is None else outer._views
        self._under_way: set[tuple[int, int]] = set() if outer is None else set(outer._under_way)
        self._equal: set[tuple[int, int]] = set()
        self._is_ended = False
        self._visits_left: int = _MOST_VISITS if outer is None else outer._visits_left // 2

    def add(self, path: str, code: ChangeCode, keyword: str, old: Any = ABSENT, new: Any = ABSENT) -> None:
        if self._is_ended:
            return
        if len(self.changes) == MOST_CHANGES:
            self._end_early()
        else:
            self.changes.append(Change(path, code, keyword, plain(old), plain(new)))

    def _end_early(self) -> None:
        self._is_ended = True
        self.changes.append(
            Change("", ChangeCode.SUBSCHEMA_CHANGED, "more places or changes than are listed")
        )

    def visit(self, old: Placed, new: Placed, path: str, depth: int) -> None:
        """Compares two schemas of one place."""
        old, new = followed(old), followed(new)
        pair = (id(old.schema), id(new.schema))
        if self._is_ended or pair in self._under_way or pair in self._equal:
            return
        self._visits_left -= 1
        if self._visits_left < 0:
            self._end_early()
            return
        if depth > _DEEPEST:
            if not same(old.schema, new.schema):
                self.add(path, ChangeCode.SUBSCHEMA_CHANGED, "", old, new)
            return
        self._under_way.add(pair)
        before = len(self.changes)
        self._compare(self._views.view(old), self._views.view(new), path, depth)
        self._under_way.discard(pair)
        if len(self.changes) == before:
            self._equal.add(pair)

    def _compare(self, old: View, new: View, path: str, depth: int) -> None:
        old_types, new_types = self._views.types(old), self._views.types(new)
        if old_types != new_types:
            self._type_change(old_types, new_types, path)
        if any(keyword in view for view in (old, new) for keyword in ("anyOf", "oneOf")):
            self._alternatives(old, new, path, depth)
        else:
            self._same_kind(old, new, path, depth)

    def _type_change(self, old: frozenset[str], new: frozenset[str], path: str) -> None:
        code = (
            ChangeCode.TYPE_WIDENED
            if old < new
            else ChangeCode.TYPE_NARROWED
            if new < old
            else ChangeCode.TYPE_CHANGED
        )
        self.add(path, code, "type", spelled_types(old), spelled_types(new))

    def _same_kind(self, old: View, new: View, path: str, depth: int) -> None:
        keyword_changes.compare_scalars(old, new, path, self.add)
        keyword_changes.compare_values(old, new, path, self.add)
        keyword_changes.compare_annotations(old, new, path, self.add)
        self._members(old, new, path, depth)
        self._items(old, new, path, depth)
        self._nested(old, new, path, depth)

    def _members(self, old: View, new: View, path: str, depth: int) -> None:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in {**before, **after}:
            place = child_path(path, name)
            if name not in after:
                self.add(place, ChangeCode.PROPERTY_REMOVED, "properties", before[name])
            elif name not in before:
                self.add(place, ChangeCode.PROPERTY_ADDED, "properties", ABSENT, after[name])
            else:
                self.visit(before[name], after[name], place, depth + 1)
        keyword_changes.compare_required(old, new, path, self.add)
        keyword_changes.compare_renames(before, after, path, self.add)
        self._by_key(old, new, "patternProperties", path, depth)
        self._additional(old, new, "additionalProperties", path, depth)

    def _by_key(self, old: View, new: View, keyword: str, path: str, depth: int) -> None:
        before, after = old.get(keyword, {}), new.get(keyword, {})
        for name in {**before, **after}:
            place = child_path(path, "{" + name + "}")
            if name not in after:
                self.add(place, ChangeCode.PATTERN_PROPERTY_REMOVED, keyword, before[name])
            elif name not in before:
                self.add(place, ChangeCode.PATTERN_PROPERTY_ADDED, keyword, ABSENT, after[name])
            else:
                self.visit(before[name], after[name], place, depth + 1)

    def _additional(self, old: View, new: View, keyword: str, path: str, depth: int) -> None:
        before, after = old.get(keyword, True), new.get(keyword, True)
        place = child_path(path, "*") if keyword == "additionalProperties" else path + "[]"
        if isinstance(before, Placed) and isinstance(after, Placed):
            self.visit(before, after, place, depth + 1)
        elif not same(before, after):
            if after is False or before is False:
                code = ChangeCode.ADDITIONAL_CLOSED if after is False else ChangeCode.ADDITIONAL_OPENED
            else:
                code = ChangeCode.ADDITIONAL_TIGHTENED if before is True else ChangeCode.ADDITIONAL_LOOSENED
            self.add(path, code, keyword, before, after)

    def _items(self, old: View, new: View, path: str, depth: int) -> None:
        before, after = old.get("items", ABSENT), new.get("items", ABSENT)
        if isinstance(before, Placed) and isinstance(after, Placed):
            self.visit(before, after, path + "[]", depth + 1)
        elif isinstance(before, list) and isinstance(after, list):
            for index, (left, right) in enumerate(zip(before, after, strict=False)):
                self.visit(left, right, f"{path}[{index}]", depth + 1)
            for index in range(len(before), len(after)):
                self.add(f"{path}[{index}]", ChangeCode.ITEM_ADDED, "items", ABSENT, after[index])
            for index in range(len(after), len(before)):
                self.add(f"{path}[{index}]", ChangeCode.ITEM_REMOVED, "items", before[index])
        elif before is not ABSENT or after is not ABSENT:
            self._items_of_other_kind(before, after, path)
        self._additional(old, new, "additionalItems", path, depth)

    def _items_of_other_kind(self, before: Any, after: Any, path: str) -> None:
        if before is ABSENT:
            self.add(path + "[]", ChangeCode.ITEMS_ADDED, "items", ABSENT, after)
        elif after is ABSENT:
            self.add(path + "[]", ChangeCode.ITEMS_REMOVED, "items", before)
        else:
            self.add(path + "[]", ChangeCode.SUBSCHEMA_CHANGED, "items", before, after)

    def _nested(self, old: View, new: View, path: str, depth: int) -> None:
        for keyword in ("contains", "propertyNames", "not", "if", "then", "else"):
            before, after = old.get(keyword, ABSENT), new.get(keyword, ABSENT)
            if before is ABSENT and after is ABSENT:
                continue
            if before is ABSENT or after is ABSENT:
                code = ChangeCode.SUBSCHEMA_ADDED if before is ABSENT else ChangeCode.SUBSCHEMA_REMOVED
                self.add(path, code, keyword, before, after)
            elif keyword in ("contains", "propertyNames"):
                self.visit(before, after, f"{path}<{keyword}>", depth + 1)
            elif self._differs(before, after, depth):
                self.add(path, ChangeCode.SUBSCHEMA_CHANGED, keyword, before, after)
        keyword_changes.compare_dependencies(
            old, new, path, self.add, lambda a, b: self._differs(a, b, depth)
        )

    def _differs(self, old: Placed, new: Placed, depth: int) -> bool:
        inner = _Walk(self)
        inner.visit(old, new, "", depth + 1)
        return any(not change.is_annotation for change in inner.changes)

    def _alternatives(self, old: View, new: View, path: str, depth: int) -> None:
        """Alternatives are paired: equal ones first, then the most alike; order means nothing."""
        keyword_changes.compare_annotations(old, new, path, self.add)
        before, after = self._alternatives_of(old), self._alternatives_of(new)
        keyword = "oneOf" if "oneOf" in {**old, **new} else "anyOf"
        pairs = self._pairs(before, after)
        is_marked = max(len(before), len(after)) > 1
        gone = [index for index in range(len(before)) if index not in {left for left, _ in pairs}]
        came = [index for index in range(len(after)) if index not in {right for _, right in pairs}]
        for left, right in pairs:
            place = f"{path}<{keyword}:{right}>" if is_marked else path
            self._same_kind(before[left], after[right], place, depth + 1)
        # An alternative that is told by its type alone is told by the change of types already.
        new_types, old_types = self._views.types(new), self._views.types(old)
        for index in gone:
            if self._views.types(before[index]) & new_types:
                self.add(f"{path}<{keyword}:{index}>", ChangeCode.ALTERNATIVE_REMOVED, keyword, before[index])
        for index in came:
            if self._views.types(after[index]) & old_types:
                self.add(
                    f"{path}<{keyword}:{index}>", ChangeCode.ALTERNATIVE_ADDED, keyword, ABSENT, after[index]
                )

    def _alternatives_of(self, view: View) -> list[View]:
        for keyword in ("anyOf", "oneOf"):
            if keyword in view:
                rest = {
                    name: each
                    for name, each in view.items()
                    if name not in (keyword, *keyword_changes.ANNOTATIONS)
                }
                return [merged(rest, self._views.view(each)) for each in view[keyword]]
        return [{name: each for name, each in view.items() if name not in keyword_changes.ANNOTATIONS}]

    def _pairs(self, before: Sequence[View], after: Sequence[View]) -> list[tuple[int, int]]:
        if len(before) * len(after) > _MOST_PAIRINGS:
            return list(zip(range(len(before)), range(len(after)), strict=False))
        ranked = sorted(
            (-_likeness(left, right), abs(i - k), i, k)
            for i, left in enumerate(before)
            for k, right in enumerate(after)
            if self._views.types(left) & self._views.types(right)
        )
        pairs: list[tuple[int, int]] = []
        taken: tuple[set[int], set[int]] = (set(), set())
        for _, _, i, k in ranked:
            if i not in taken[0] and k not in taken[1]:
                pairs.append((i, k))
                taken[0].add(i)
                taken[1].add(k)
        return sorted(pairs, key=lambda pair: pair[1])


def _likeness(left: View, right: View) -> float:
    """1 for equal views, else the share of keywords and properties that both have."""
    if same(left, right):
        return 1.0
    parts = [
        {*(f"{name}={plain(each)!r}" for name, each in view.items() if name != "properties"), *view,
         *(f"properties.{name}" for name in view.get("properties", {}))}
        for view in (left, right)
    ]  # fmt: skip
    return 0.99 * len(parts[0] & parts[1]) / max(1, len(parts[0] | parts[1]))
