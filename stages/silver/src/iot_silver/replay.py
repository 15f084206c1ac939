"""What one does to quarantined records: plan, replay, discard. The command line and the job call it; silver writes.

A plan classifies by today's contracts, engine and policy and writes nothing. A replay moves exactly the records that
now pass; the others stay as they are, and their history grows only if they fail for other reasons than before.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from iot_common.batch import BatchIdentity
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import QUARANTINE_ACTION
from iot_common.engine.parse import DEFAULT_LIMITS
from iot_common.errors import SettingsError
from iot_common.io import iceberg
from iot_common.io.contract_folder import contract_files
from iot_common.io.stream import QueryReport, StageContext, run_batch
from iot_common.metrics import Gate
from iot_silver import __version__, quarantine_state, reprocess, resolution, storing, tasks
from iot_silver.contract import WRITES
from iot_silver.reprocess import Asked
from iot_silver.selection import Selection, SelectionError
from iot_silver.settings import SilverSettings
from iot_silver.storing import SilverBatch

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REPLAY = "replay"
DISCARD = "discard"
CONTRACTS = "contracts"
"""Name of the contracts' digest in what a replay was asked."""

PLAN_GROUPS_LIMIT = 1000
"""Most groups a plan lists; hostile records have as many paths as they like."""


class InterruptedReplayError(SettingsError):
    """A replay was interrupted, and the contracts that it was begun with are not those given now."""

    def __init__(self) -> None:
        super().__init__(
            "a replay was interrupted that was begun with other contracts: run `driftlake quarantine replay --yes` "
            "once with the same --contracts as then; it ends that one first."
        )


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """Selected records of one kind, and what a replay would make of them.

    Attributes:
        outcome: `kept`, `duplicate` or `superseded` (they pass), or `fails`.
        was_code: Why they are in quarantine; `was_path` where.
        now_code: Why they fail now; null for those that pass. `now_path`, `expected`, `found` (an example) likewise.
        rows: Records.
        devices: Their devices, as far as they could be read.
        oversize_rows: Records whose bytes are kept apart since they are over the size limit.
    """

    outcome: str
    was_code: str | None
    was_path: str | None
    schema_version: str | None
    contract_version: str | None
    now_code: str | None
    now_path: str | None
    expected: str | None
    found: str | None
    rows: int
    devices: int
    oversize_rows: int


def plan(context: StageContext[SilverSettings], selection: Selection) -> list[PlannedGroup]:
    """What a replay of these records would do; nothing is written. Most records first."""
    spark = context.spark
    if not iceberg.table_exists(spark, QUARANTINE.name):
        return []
    batch = _planning(context)
    chosen = reprocess.open_before(batch).where(selection.condition())
    records = reprocess.classify_again(batch, _raw_rows(chosen)).persist()
    try:
        resolved = resolution.resolve(batch, records, storing.survey(records))
        outcomes = quarantine_state.outcomes(resolved.records, reprocess.refused_records(records))
        groups = quarantine_state.planned_groups(chosen, outcomes).limit(PLAN_GROUPS_LIMIT).collect()
        resolved.unpersist()
    finally:
        records.unpersist()
    return [PlannedGroup(**row.asDict()) for row in groups]


def replay(
    context: StageContext[SilverSettings],
    selection: Selection,
    *,
    requested_by: str | None = None,
    note: str | None = None,
) -> list[QueryReport]:
    """Process the selected open records again and close those that pass. A replay that was interrupted is ended first.

    Raises:
        StageFailedError: If it failed; the same command ends what it began.
    """
    _ensure_tables(context.spark)
    reports = _end_begun_replay(context)
    identity, _ = reprocess.next_batch(context.spark, REPLAY)
    request = selection.as_json() | {CONTRACTS: _contracts_digest(context)}
    return [*reports, _run_replay(context, identity, Asked(requested_by, note, request))]


def end_interrupted_replay(context: StageContext[SilverSettings]) -> list[QueryReport]:
    """End the replay that was interrupted just now, if there is one, as it was asked for; for the stream's run.

    One that was run with other contracts waits for its own command: half of it by other rules would be neither.

    Raises:
        StageFailedError: If it failed again.
    """
    if not reprocess.is_interrupted(context.spark, REPLAY):
        return []
    try:
        return _end_begun_replay(context)
    except InterruptedReplayError as error:
        context.on_step(str(error))
        return []


def _end_begun_replay(context: StageContext[SilverSettings]) -> list[QueryReport]:
    identity, asked = reprocess.next_batch(context.spark, REPLAY)
    if asked is None:
        return []
    if asked.request.get(CONTRACTS) != _contracts_digest(context):
        raise InterruptedReplayError()
    return [_run_replay(context, identity, asked)]


def _contracts_digest(context: StageContext[SilverSettings]) -> str:
    """What the contract folder holds; a replay is ended by the contracts it was begun with."""
    files = contract_files(context.settings.contracts)
    return blake2b(repr(sorted(files)).encode(), digest_size=8).hexdigest()


def _run_replay(context: StageContext[SilverSettings], identity: BatchIdentity, asked: Asked) -> QueryReport:
    chosen_by = {name: value for name, value in asked.request.items() if name != CONTRACTS}
    selection = Selection.from_json(chosen_by)

    def rows_of(spark: SparkSession, batch: BatchIdentity) -> DataFrame:
        before = (iceberg.table_before(spark, table.name, batch) for table in (QUARANTINE, QUARANTINE_ACTION))
        return _raw_rows(quarantine_state.open_records(*before).where(selection.condition()))

    return reprocess.run_reprocess(context, rows_of, identity, REPLAY, asked, QUARANTINE.name)


def _raw_rows(chosen: DataFrame) -> DataFrame:
    raw = quarantine_state.as_raw_rows(chosen)
    columns = ", ".join(f"{each.name} {each.dataType.simpleString()}" for each in raw.schema.fields)
    return raw.mapInArrow(tasks.fetch_task(DEFAULT_LIMITS.payload_bytes), columns)


def discard(
    context: StageContext[SilverSettings], selection: Selection, *, note: str, requested_by: str | None = None
) -> list[QueryReport]:
    """Close the selected open records for good. Their rows and bytes stay; the same content may arrive again.

    Raises:
        SelectionError: If no reason is given.
        StageFailedError: If it failed.
    """
    if not note.strip():
        raise SelectionError("a discard needs a reason, which stays in the history of the records")
    _ensure_tables(context.spark)
    ended = _end_begun_replay(context)
    report = QueryReport(DISCARD)
    number = reprocess.newest_number(context.spark, QUARANTINE_ACTION, DISCARD) + 1

    def work(identity: BatchIdentity) -> list[Gate]:
        batch = reprocess.again_batch(context, context.spark, identity, QUARANTINE_ACTION)
        chosen = reprocess.open_before(batch).where(selection.condition())
        rows = quarantine_state.action_rows(
            quarantine_state.discarding_actions(chosen),
            purpose=DISCARD, requested_by=requested_by, note=note.strip(), batch=identity.key, now=batch.now,
            version=__version__,
        )  # fmt: skip
        count = chosen.count()
        if not count:
            return []
        batch.step(f"discarding {count:,} records")
        commit = iceberg.append_once(rows.coalesce(1), QUARANTINE_ACTION, identity)
        return [
            Gate("ingress", "in", QUARANTINE.name, count),
            iceberg.written("kept", QUARANTINE_ACTION.name, commit),
        ]

    run_batch(context, report, BatchIdentity(DISCARD, number), work)
    return [*ended, report]


def selected(context: StageContext[SilverSettings], selection: Selection) -> int:
    """How many open records a selection has; nothing is written."""
    spark = context.spark
    if not iceberg.table_exists(spark, QUARANTINE.name):
        return 0
    return reprocess.open_before(_planning(context)).where(selection.condition()).count()


def _planning(context: StageContext[SilverSettings]) -> SilverBatch:
    """A batch that never commits: it sees the tables as they are."""
    return reprocess.again_batch(context, context.spark, BatchIdentity("plan", 0), QUARANTINE)


def _ensure_tables(spark: Any) -> None:
    for table in WRITES:
        iceberg.ensure_table(spark, table)
