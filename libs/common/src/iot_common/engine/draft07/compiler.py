"""The front door: a draft-07 schema as a verdict function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from iot_common.engine.draft07 import inspection
from iot_common.engine.draft07.asserted_formats import AssertedFormats, FormatCheck
from iot_common.engine.draft07.depth import depth_of, judge_deep
from iot_common.engine.draft07.documents import (
    Documents,
    UnresolvableError,
    base_of,
    dialect_of,
    meta_schema,
    read_schema,
)
from iot_common.engine.draft07.generator import Check, Generator, HandedOver
from iot_common.engine.draft07.places import Atlas, Place, PlaceKey
from iot_common.engine.errors import ContractError

if TYPE_CHECKING:
    from iot_common.engine.draft07.reference import Reference

__all__ = ["CompiledSchema", "Formats", "HandedOver", "compile_schema", "read_schema"]


class Formats(StrEnum):
    """Whether `format` decides (as the engine does for contracts) or only annotates."""

    ASSERT = "assert"
    ANNOTATE = "annotate"


def compile_schema(
    schema: Any, *, name: str, formats: Formats = Formats.ASSERT, documents: Mapping[str, Any] | None = None
) -> CompiledSchema:
    """Compile a draft-07 schema; `documents` (URI -> schema) are all that a `$ref` may reach beside itself.

    Raises:
        ContractError: the schema is no valid draft-07, or a `$ref` leads nowhere. Nothing is ever fetched.
    """
    dialect = dialect_of(schema)
    if dialect is not None:
        raise ContractError(name, "", f"written for {dialect}; draft-07 is required")
    inspected = inspection.require_draft07(schema, name, "", _conforms_to_meta_schema)

    def require_reached(places: Mapping[PlaceKey, Place]) -> None:
        inspection.require_reached(places, inspected, name, _conforms_to_meta_schema)

    return CompiledSchema(
        schema, name, AssertedFormats() if formats is Formats.ASSERT else {}, documents or {}, require_reached
    )


class CompiledSchema:
    """Draft-07 verdicts by one schema. Every `base` is the one around a sub-schema, "" around the root."""

    def __init__(
        self,
        schema: Any,
        name: str,
        formats: Mapping[str, FormatCheck],
        documents: Mapping[str, Any],
        require_reached: Callable[[Mapping[PlaceKey, Place]], None],
    ) -> None:
        self.schema = schema
        self._name = name
        self._formats = formats
        self._given = documents
        self._documents = Documents(schema, documents)
        self._atlas = Atlas(name, self._documents)
        self._generator = Generator(self._atlas, formats, self._judged_by_reference, require_reached)
        self._reference: Reference | None = None
        self._checks: dict[tuple[int, str], tuple[Any, Check]] = {}
        self._check = self._generator.check_of(Place(schema, "", "#"))

    @property
    def handed_over(self) -> tuple[HandedOver, ...]:
        """What the reference judges; empty when all is compiled."""
        return tuple(self._generator.handed_over)

    @property
    def formats(self) -> Mapping[str, Callable[[str], bool]]:
        """The formats that decide, by name."""
        return self._formats

    def is_valid(self, value: Any) -> bool:
        """Whether a value, as `engine.parse` gives it, conforms.

        Raises:
            PatternTimeoutError: a pattern with back-references cannot be judged on a text within its bound.
            ContractError: the value is nested deeper than a million calls within calls can judge.
        """
        try:
            return self._check(value)
        except RecursionError:
            return self._judge_deep(self._check, value)
        finally:
            self._generator.forget()

    def is_valid_at(self, subschema: Any, base: str, value: Any) -> bool:
        """Whether a value conforms to one sub-schema of this document. Raises as `is_valid`."""
        known = self._checks.get((id(subschema), base))
        if known is None:
            # Kept with the schema: its identity is the key.
            known = subschema, self._generator.check_of(Place(subschema, base, "#"))
            self._checks[id(subschema), base] = known
        try:
            return known[1](value)
        except RecursionError:
            return self._judge_deep(known[1], value)
        finally:
            self._generator.forget()

    def resolve(self, ref: str, base: str) -> tuple[Any, str]:
        """The schema that a `$ref` names, and the base around it; `base` is the one around the referring schema.

        Raises:
            ContractError: it leads nowhere.
        """
        try:
            return self._documents.resolve(ref, base)
        except UnresolvableError as error:
            raise ContractError(self._name, "", str(error)) from error

    def base_of(self, subschema: Any, base: str) -> str:
        """The base within a sub-schema, which its `$id` may change."""
        return base_of(subschema, base)

    def _judge_deep(self, check: Check, value: Any) -> bool:
        try:
            return judge_deep(check, value, 2 * len(self._generator.places) + 2)
        except RecursionError as error:
            reason = f"a value nested {depth_of(value)} levels is too deep to be judged"
            raise ContractError(self._name, "", reason) from error

    def _judged_by_reference(self, place: Place) -> Check:
        def check(value: Any) -> bool:
            try:
                return self.reference().is_valid_at(place.schema, place.base, value)
            except UnresolvableError as error:
                raise ContractError(self._name, place.pointer, str(error)) from error

        return check

    def reference(self) -> Reference:
        """The same schema judged by the reference alone; loads the library at the first call."""
        from iot_common.engine.draft07.reference import Reference

        if self._reference is None:
            self._reference = Reference(self.schema, self._given, self._formats)
        return self._reference


def _conforms_to_meta_schema(schema: Any) -> bool:
    return _compiled_meta_schema().is_valid(schema)


@lru_cache(maxsize=1)
def _compiled_meta_schema() -> CompiledSchema:
    return CompiledSchema(meta_schema(), "draft-07", {}, {}, lambda places: None)
