"""The front door: a draft-07 schema as a verdict function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from iot_common.engine.draft07 import keywords
from iot_common.engine.draft07.documents import (
    Documents,
    UnresolvableError,
    base_of,
    dialect_of,
    meta_schema,
    read_schema,
)
from iot_common.engine.draft07.uris import pointer_to
from iot_common.engine.ecma_pattern import UnsupportedPatternError, compile_pattern
from iot_common.engine.errors import ContractError
from iot_common.engine.timestamps import parse_timestamp

__all__ = ["CompiledSchema", "Formats", "HandedOver", "compile_schema", "read_schema"]


class Formats(StrEnum):
    """Whether `format` decides (as the engine does for contracts) or only annotates."""

    ASSERT = "assert"
    ANNOTATE = "annotate"


class HandedOver(NamedTuple):
    """A sub-schema, by its JSON pointer, that the reference judges instead of compiled code, and why."""

    pointer: str
    reason: str


def compile_schema(
    schema: Any, *, name: str, formats: Formats = Formats.ASSERT, documents: Mapping[str, Any] | None = None
) -> CompiledSchema:
    """Compile a draft-07 schema; `documents` (URI -> schema) are all that a `$ref` may reach beside itself.

    Raises:
        ContractError: the schema is no valid draft-07, or a `$ref` leads nowhere. Nothing is ever fetched.
    """
    return CompiledSchema(schema, name, formats, documents or {})


class CompiledSchema:
    """Draft-07 verdicts by one schema. Every `base` is the one around a sub-schema, "" around the root.

    Attributes:
        handed_over: what the reference judges; empty when all is compiled.
    """

    def __init__(self, schema: Any, name: str, formats: Formats, documents: Mapping[str, Any]) -> None:
        from iot_common.engine.draft07.reference import Reference

        self.schema = schema
        self.handed_over: tuple[HandedOver, ...] = (HandedOver("", "everything: not compiled yet"),)
        self._name = name
        self._documents = Documents(schema, documents)
        self._check(schema, Reference)
        checks = {"date-time": lambda text: parse_timestamp(text).valid} if formats is Formats.ASSERT else {}
        self._reference = Reference(schema, documents, checks)

    def is_valid(self, value: Any) -> bool:
        """Whether a value, as `engine.parse` gives it, conforms."""
        return self._reference.is_valid(value)

    def is_valid_at(self, subschema: Any, base: str, value: Any) -> bool:
        """Whether a value conforms to one sub-schema of this document."""
        return self._reference.is_valid_at(subschema, base, value)

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

    def _check(self, schema: Any, reference: Any) -> None:
        dialect = dialect_of(schema)
        if dialect is not None:
            raise ContractError(self._name, "", f"written for {dialect}; draft-07 is required")
        failure = reference(meta_schema(), {}, {}).first_failure(schema)
        if failure is not None:
            path, reason = failure
            raise ContractError(self._name, pointer_to("#", *path) if path else "", f"no draft-07: {reason}")
        for pointer, sub, _ in self._reachable(schema):
            self._check_patterns(pointer, sub)

    def _check_patterns(self, pointer: str, schema: Any) -> None:
        if not isinstance(schema, dict):
            return
        patterns = [schema["pattern"]] if "pattern" in schema else []
        for pattern in (*patterns, *schema.get("patternProperties", {})):
            try:
                compile_pattern(pattern)
            except UnsupportedPatternError as error:
                raise ContractError(self._name, pointer, str(error)) from error

    def _reachable(self, schema: Any) -> Iterator[tuple[str, Any, str]]:
        """Every sub-schema that a verdict may depend on, with its pointer and the base around it."""
        pending: list[tuple[str, Any, str]] = [("#", schema, "")]
        seen: set[tuple[int, str]] = set()
        while pending:
            pointer, sub, base = pending.pop()
            if (id(sub), base) in seen:
                continue
            seen.add((id(sub), base))
            yield pointer, sub, base
            within = base_of(sub, base)
            reference = keywords.reference_of(sub)
            if reference is None:
                pending.extend(
                    (pointer_to(pointer, *child.keys), child.schema, within)
                    for child in keywords.children(sub)
                    if child.keys[0] != "definitions"
                )
                continue
            try:
                target, around = self._documents.resolve(reference, within)
            except UnresolvableError as error:
                raise ContractError(self._name, pointer, str(error)) from error
            pending.append((f"{pointer}/$ref", target, around))
