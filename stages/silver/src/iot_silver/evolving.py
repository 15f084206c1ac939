"""Which undeclared paths become columns, and what the columns hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from iot_common.contracts.silver_reading import READING
from iot_common.engine.added_path import added_code
from iot_common.engine.evolved_column import EvolvedColumns, column_name, folded, may_have_column
from iot_common.engine.registry import ContractRegistry
from iot_common.engine.shape import OVERFLOW_PATH
from iot_silver.policy import Evolution
from iot_silver.row_columns import EVOLVED_FIELD


class Candidate(NamedTuple):
    """A path with enough evidence."""

    folded_path: str
    path: str
    column_name: str
    device_count: int
    batch_count: int


@dataclass(frozen=True)
class ColumnPlan:
    """What a batch does before it writes.

    Attributes:
        added: Column name -> path of the columns to add.
        deferred: Paths that earned one, but the table has all it may have: they stay rescued.
    """

    added: Mapping[str, str]
    deferred: tuple[str, ...]


def plan_columns(
    candidates: Iterable[Candidate], present: Mapping[str, str], evolution: Evolution
) -> ColumnPlan:
    """Who gets a column: what most devices send comes first.

    A candidate whose name another path has (two paths, one hash) gets none: it stays rescued, like those deferred.

    Args:
        candidates: Paths with enough evidence, those that have their column included.
        present: Column name -> path of the evolved columns there are.
        evolution: For the budget.
    """
    ordered = sorted(candidates, key=lambda each: (-each.device_count, -each.batch_count, each.folded_path))
    having = {folded(path) for path in present.values()}
    added: dict[str, str] = {}
    deferred = []
    for each in ordered:
        if each.folded_path in having:
            continue
        free = len(present) + len(added) < evolution.column_budget
        if free and each.column_name not in present and each.column_name not in added:
            added[each.column_name] = each.path
        else:
            deferred.append(each.path)
    return ColumnPlan(added, tuple(deferred))


@dataclass(frozen=True)
class PathEvidence:
    """What one batch saw of one path as spelled, under one contract version."""

    contract_version: str
    path: str
    record_count: int
    device_sketch: bytes
    first_event_time: datetime | None
    last_event_time: datetime | None


EVIDENCE_DDL = (
    "folded_path string, path string, column_name string, record_count bigint, device_sketch binary, "
    "first_event_time timestamp, last_event_time timestamp"
)


def evidence_rows(
    observed: Iterable[PathEvidence], registry: ContractRegistry, having: Iterable[str]
) -> list[tuple[Any, ...]]:
    """Rows of EVIDENCE_DDL for the topmost undeclared paths that have no column yet; several per folded path.

    Args:
        observed: Paths of one batch.
        registry: What is declared.
        having: Paths that have their column.
    """
    done = {folded(path) for path in having} | {OVERFLOW_PATH}
    contracts = {contract.version: contract for contract in registry.contracts}
    kept = [
        each
        for each in observed
        if each.contract_version in contracts
        and added_code(each.path, contracts[each.contract_version]) is not None
        and may_have_column(each.path)
        and folded(each.path) not in done
    ]
    return [
        (
            folded(each.path), each.path, column_name(each.path, READING.column_names), each.record_count,
            each.device_sketch, each.first_event_time, each.last_event_time,
        )
        for each in kept
    ]  # fmt: skip


def with_evolved(batches: Iterable[pa.RecordBatch], paths: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    """Classified batches with the column `evolved`, read from `rescued`: rows without extras are not looked at.

    Args:
        batches: Columns of `row_columns.CLASSIFIED_SCHEMA`.
        paths: Name -> path of the evolved columns.
    """
    columns = EvolvedColumns(paths)
    for batch in batches:
        rescued = batch.column("rescued")
        if rescued.null_count == len(rescued):
            evolved = pa.nulls(len(rescued), EVOLVED_FIELD.type)
        else:
            found = (None if text is None else columns.values(text) for text in rescued.to_pylist())
            evolved = pa.array([list(each.items()) if each else None for each in found], EVOLVED_FIELD.type)
        yield pa.RecordBatch.from_arrays([*batch.columns, evolved], schema=batch.schema.append(EVOLVED_FIELD))
