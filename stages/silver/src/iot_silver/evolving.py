"""Which undeclared paths become columns, and what the columns hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa

from iot_common.contracts.silver_reading import READING
from iot_common.engine.added_path import added_code
from iot_common.engine.evolved_column import EvolvedColumns, column_name, folded, may_have_column
from iot_common.engine.registry import ContractRegistry
from iot_common.engine.shape import OVERFLOW_PATH
from iot_silver.policy import MAX_DEVICES_ASKED, Evolution
from iot_silver.row_columns import EVOLVED_FIELD

DEVICES_KEPT = MAX_DEVICES_ASKED
PATHS_KEPT = 5_000
"""Most paths that are watched at a time: a record may invent any number."""


class Evidence(NamedTuple):
    """A row of `silver.evolving_path`."""

    folded_path: str
    path: str
    column_name: str
    devices: tuple[str, ...]
    batch_count: int
    first_event_time: datetime | None
    processing_time: datetime

    def is_enough(self, evolution: Evolution) -> bool:
        """True once the path has earned a column."""
        return len(self.devices) >= evolution.devices and self.batch_count >= evolution.batches


@dataclass(frozen=True)
class ColumnPlan:
    """What a batch does before it writes.

    Attributes:
        added: Column name -> path of the columns to add.
        deferred: Paths that earned one, but the table has all it may have: they stay rescued.
    """

    added: Mapping[str, str]
    deferred: tuple[str, ...]


def plan_columns(watched: Iterable[Evidence], present: Mapping[str, str], evolution: Evolution) -> ColumnPlan:
    """Who gets a column: what most devices send comes first.

    A path whose name another path has (two paths, one hash) gets none: it stays rescued, like those deferred.

    Args:
        watched: Evidence of the batches before; paths that have their column may be among them.
        present: Column name -> path of the evolved columns there are.
        evolution: How much evidence is enough, and the budget.
    """
    having = {folded(path) for path in present.values()}
    earned = [each for each in watched if each.is_enough(evolution) and each.folded_path not in having]
    added: dict[str, str] = {}
    deferred = []
    for each in sorted(earned, key=lambda each: (-len(each.devices), each.folded_path)):
        free = len(present) + len(added) < evolution.column_budget
        if free and each.column_name not in present and each.column_name not in added:
            added[each.column_name] = each.path
        else:
            deferred.append(each.path)
    return ColumnPlan(added, tuple(deferred))


class ObservedPath(NamedTuple):
    """What one batch saw of one path as spelled, for one contract version and cohort."""

    contract_version: str
    path: str
    record_count: int
    device_examples: Sequence[str]
    first_event_time: datetime | None


def undeclared(
    observed: Iterable[ObservedPath], registry: ContractRegistry, having: Iterable[str]
) -> list[ObservedPath]:
    """The topmost undeclared paths that have no column yet.

    Args:
        observed: Paths of one batch.
        registry: What is declared.
        having: Paths that have their column.
    """
    done = {folded(path) for path in having} | {OVERFLOW_PATH}
    contracts = {contract.version: contract for contract in registry.contracts}
    return [
        each
        for each in observed
        if each.contract_version in contracts
        and added_code(each.path, contracts[each.contract_version]) is not None
        and may_have_column(each.path)
        and folded(each.path) not in done
    ]


def with_evidence(
    watched: Mapping[str, Evidence], seen: Iterable[ObservedPath], evolution: Evolution, now: datetime
) -> dict[str, Evidence]:
    """The evidence after a batch, by folded path; equal to `watched` if the batch says nothing that is asked for.

    What is enough is not counted further: a path that waits for a place in the budget, or that the same few devices
    send for ever, costs no commit. Beyond `PATHS_KEPT` those of fewest devices are forgotten, the oldest first.

    Args:
        watched: Evidence before the batch.
        seen: What `undeclared` gave of the batch.
        evolution: How much is enough.
        now: Time of the batch.
    """
    by_path: dict[str, list[ObservedPath]] = {}
    for each in seen:
        by_path.setdefault(folded(each.path), []).append(each)
    after = dict(watched)
    for path, found in by_path.items():
        known = watched.get(path)
        if known is None:
            after[path] = _first_evidence(path, found, now)
        elif not known.is_enough(evolution):
            more = known._replace(
                devices=_devices(known.devices, found),
                batch_count=min(known.batch_count + 1, evolution.batches),
            )
            after[path] = known if more == known else more._replace(processing_time=now)
    if len(after) <= PATHS_KEPT:
        return after
    strongest = sorted(
        after.values(),
        key=lambda each: (-len(each.devices), -each.processing_time.timestamp(), each.folded_path),
    )
    return {each.folded_path: each for each in strongest[:PATHS_KEPT]}


def _first_evidence(path: str, found: list[ObservedPath], now: datetime) -> Evidence:
    records: dict[str, int] = {}
    for each in found:
        records[each.path] = records.get(each.path, 0) + each.record_count
    spelling = min(records, key=lambda each: (-records[each], each))
    first = min((each.first_event_time for each in found if each.first_event_time), default=None)
    name = column_name(path, READING.column_names)
    return Evidence(path, spelling, name, _devices((), found), 1, first, now)


def _devices(known: Iterable[str], found: Iterable[ObservedPath]) -> tuple[str, ...]:
    named = {device for each in found for device in each.device_examples}
    return tuple(sorted(named.union(known))[:DEVICES_KEPT])


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
