"""Everything that can be said of two versions of a schema: changes, compatibility with its proof, the step required."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from iot_common.compatibility.bump import BumpRule, closed, required_bump
from iot_common.compatibility.changes import ABSENT, Change, ChangeCode
from iot_common.compatibility.containment import SECONDS, Comparison, Containment
from iot_common.compatibility.documents import VersionedSchema, versioned_schema
from iot_common.compatibility.lineage import columns_reading, is_raw_contract
from iot_common.compatibility.views import same
from iot_common.compatibility.walk import list_changes
from iot_common.engine.draft07.compiler import Formats
from iot_common.engine.errors import ContractError
from iot_common.engine.parse import json_text

_WITHOUT_READERS: Final = frozenset({ChangeCode.ANNOTATION_CHANGED, ChangeCode.PROPERTY_ADDED})


@dataclass(frozen=True)
class SchemaDiff:
    """The result of a comparison. Backward: NEW accepts what OLD does; forward: the reverse."""

    old: str
    new: str
    changes: tuple[Change, ...]
    backward: Containment
    forward: Containment
    required: BumpRule

    @property
    def full(self) -> bool | None:
        """Both ways; unknown unless both are known, or one is refuted."""
        if self.backward.holds is False or self.forward.holds is False:
            return False
        return True if self.backward.holds and self.forward.holds else None

    def as_json(self) -> dict[str, Any]:
        """For machines: verdicts are true, false or "unknown"; `rendered` writes it with exact numbers."""
        verdicts = {"backward": self.backward.holds, "forward": self.forward.holds, "full": self.full}
        return {
            "old": self.old,
            "new": self.new,
            **{name: "unknown" if holds is None else holds for name, holds in verdicts.items()},
            "required_bump": self.required.bump.name,
            "rule": self.required.rule,
            "counter_examples": self._counter_examples(),
            "reasons": {
                name: verdict.reason
                for name, verdict in (("backward", self.backward), ("forward", self.forward))
                if verdict.holds is None
            },
            "changes": [change_as_json(change) for change in self.changes],
        }

    def _counter_examples(self) -> dict[str, Any]:
        """A record for each verdict that is false; the one against `full` is that of a direction."""
        told: dict[str, Any] = {}
        for name, verdict, sides in (
            ("backward", self.backward, ("old", "new")),
            ("forward", self.forward, ("new", "old")),
        ):
            if verdict.holds is False:
                accepted_by, refused_by = sides
                record = {
                    "record": verdict.counter_example,
                    "accepted_by": accepted_by,
                    "refused_by": refused_by,
                }
                told[name] = record
                told.setdefault("full", record)
        return told


def compare(
    old: VersionedSchema, new: VersionedSchema, *, formats: Formats = Formats.ASSERT, seconds: float = SECONDS
) -> SchemaDiff:
    """Compares two versions; takes no longer than a few times `seconds`, whatever the schemas are."""
    changes = list_changes(old.compiled, new.compiled)
    if is_raw_contract(old.schema):
        changes = [_with_columns(change) for change in changes]
    comparison = Comparison(old, new, formats=formats, seconds=seconds)
    backward, forward = comparison.backward(), comparison.forward()
    if not (backward.holds and forward.holds) and all(change.is_annotation for change in changes):
        changes = [*changes, Change("", ChangeCode.SUBSCHEMA_CHANGED, "", old.schema, new.schema)]
    required = required_bump(
        has_other_unit=any(_is_other_unit(change) for change in changes),
        removes_what_is_read=_removes_what_is_read(changes),
        is_identical=not changes and same(old.schema, new.schema),
        has_only_annotations=all(change.is_annotation for change in changes),
        backward=backward.holds,
        forward=forward.holds,
        declared_backward=lambda: _declared_backward(old, new, formats, seconds),
    )
    return SchemaDiff(old.name, new.name, tuple(changes), backward, forward, required)


def _is_other_unit(change: Change) -> bool:
    """The keyword `unit`, which validates nothing, says another unit: equal numbers then mean another thing."""
    is_unit = change.code is ChangeCode.UNIT_CHANGED and change.keyword == "unit"
    return is_unit and change.old is not ABSENT and change.new is not ABSENT


def _removes_what_is_read(changes: Sequence[Change]) -> bool:
    """A field that every record had, or that a table reads, is gone: whoever reads it finds nothing."""
    no_longer_required = {change.path for change in changes if change.code is ChangeCode.REQUIRED_REMOVED}
    return any(
        change.columns or change.path in no_longer_required
        for change in changes
        if change.code is ChangeCode.PROPERTY_REMOVED
    )


def _with_columns(change: Change) -> Change:
    if change.code in _WITHOUT_READERS:
        return change
    return change._replace(columns=columns_reading(change.path))


def _declared_backward(
    old: VersionedSchema, new: VersionedSchema, formats: Formats, seconds: float
) -> bool | None:
    """Backward compatibility for old records that hold only fields the old version declares."""
    if old.doubt or new.doubt:
        return None
    try:
        narrower = versioned_schema(
            closed(old.schema), name=old.name, formats=formats, documents=old.documents
        )
    except (ContractError, RecursionError):
        return None
    return Comparison(narrower, new, formats=formats, seconds=seconds).backward().holds


def change_as_json(change: Change) -> dict[str, Any]:
    """One change; `old` and `new` are left out where the keyword is absent."""
    told: dict[str, Any] = {
        "path": change.path,
        "code": change.code.value,
        "keyword": change.keyword,
        "effect": change.effect.value,
    }
    told |= {
        name: writable(each)
        for name, each in (("old", change.old), ("new", change.new))
        if each is not ABSENT
    }
    return told | {"read_by": list(change.columns)}


def writable(argument: Any) -> Any:
    """The argument, or a note in its place where it nests deeper than JSON is written here."""
    try:
        json_text(argument)
    except (TypeError, RecursionError):
        return "(nested too deep to show)"
    return argument


def rendered(diff: SchemaDiff, decision: Mapping[str, Any]) -> str:
    """One JSON object; records keep their numbers as written, which `json` would round."""
    return json_text(diff.as_json() | {"decision": dict(decision)})
