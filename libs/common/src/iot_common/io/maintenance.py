"""The daily maintenance of a stage's own tables: small files into large ones, old snapshots and lost files away.

Every step is a commit of its own or deletes what no snapshot names, so that a process may end anywhere: what it left is
found by the next run, files after the age limit of orphans. A second run at once finds nothing to do. Compaction makes
`replace` snapshots: they change no row, streams pass over them, and they carry no batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from iot_common import retention
from iot_common.batch import BatchIdentity
from iot_common.contracts.table import TableContract
from iot_common.io import iceberg
from iot_common.io.checkpoints import starts_from
from iot_common.io.stream import QueryReport, StageContext, run_batch
from iot_common.metrics import Gate
from iot_common.settings import CATALOG_NAME, StageSettings

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

QUERY = "maintenance"
"""Name in the metrics."""

GROUP_BYTES = 536_870_912
"""Most that is rewritten, and committed, at once: a run that is stopped loses no more work than that."""

MOST_FILES = 10_000
"""Most files rewritten in one run; the next one goes on."""

MANY_MANIFESTS = 16
"""Each commit adds a manifest, which every reader opens. Iceberg itself waits for 100."""


@dataclass(frozen=True, slots=True)
class TableSize:
    """What a table is made of, as its newest snapshot says."""

    data_files: int
    delete_files: int
    bytes: int
    manifests: int
    snapshots: int


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was done to one table; of a dry run what would be, and `after` equals `before`.

    Attributes:
        before: What it was.
        after: What it is.
        files_rewritten: Small data files that became larger ones.
        bytes_rewritten: Their size.
        delete_files_rewritten: Small position delete files that became larger ones.
        manifests_rewritten: Manifests that became fewer.
        snapshots_removed: Snapshots that nobody needs any more, with the files that only they name.
        orphans_removed: Files that no snapshot names.
        held_by: Streams, `<stage>/<query>`, that have not read what else could be removed.
        is_dry_run: True if nothing was changed.
    """

    before: TableSize
    after: TableSize
    files_rewritten: int
    bytes_rewritten: int
    delete_files_rewritten: int
    manifests_rewritten: int
    snapshots_removed: int
    orphans_removed: int
    held_by: tuple[str, ...]
    is_dry_run: bool

    def gate(self, table: str) -> Gate:
        """As a row of the metrics: the table as it is now, the rest as `detail`."""
        now = self.after
        files = now.data_files + now.delete_files
        return Gate("egress", "maintained", table, rows=0, files=files, bytes=now.bytes, detail=asdict(self))


def maintain(context: StageContext[Any], tables: Sequence[TableContract]) -> list[QueryReport]:
    """Maintain the tables that are there, one after another; each has its metric row as soon as it is done.

    A dry run changes nothing and leaves no metric row.

    Raises:
        StageFailedError: If one failed; those before it are done.
    """
    report = QueryReport(QUERY)
    present = [table for table in tables if iceberg.table_exists(context.spark, table.name)]
    named = {
        value
        for table in present
        for value in retention.own_values(list(iceberg.commits(context.spark, table.name)))
    }
    batch = BatchIdentity(QUERY, int(context.clock().timestamp()))
    for table in present:

        def work(_: BatchIdentity, table: TableContract = table) -> list[Gate]:
            context.on_step(f"maintaining {table.name}")
            return [_maintain_table(context, table, named).gate(table.name)]

        if context.settings.dry_run:
            report.batches.append((batch, work(batch)))
        else:
            run_batch(context, report, batch, work)
    return [report]


def _maintain_table(context: StageContext[Any], table: TableContract, named: set[str]) -> Upkeep:
    spark, settings = context.spark, context.settings
    before = _size(spark, table.name)
    files, size = _compact(spark, table.name, before, settings)
    delete_files = _compact_deletes(spark, table.name, settings)
    manifests = _compact_manifests(spark, table.name, settings)
    verdict = _expire(context, table, named)
    orphans = _remove_orphans(context, table.name)
    return Upkeep(
        before=before,
        after=_size(spark, table.name),
        files_rewritten=files,
        bytes_rewritten=size,
        delete_files_rewritten=delete_files,
        manifests_rewritten=manifests,
        snapshots_removed=len(verdict.expired),
        orphans_removed=orphans,
        held_by=verdict.held_by,
        is_dry_run=settings.dry_run,
    )


def _size(spark: SparkSession, name: str) -> TableSize:
    table = iceberg.java_table(spark, name)
    current = table.currentSnapshot()
    if current is None:
        return TableSize(0, 0, 0, 0, 0)
    summary = dict(current.summary())
    return TableSize(
        data_files=int(summary.get("total-data-files", 0)),
        delete_files=int(summary.get("total-delete-files", 0)),
        bytes=int(summary.get("total-files-size", 0)),
        manifests=current.allManifests(table.io()).size(),
        snapshots=sum(1 for _ in table.snapshots()),
    )


def _call(spark: SparkSession, procedure: str, arguments: str) -> list[Row]:
    return spark.sql(f"CALL {CATALOG_NAME}.system.{procedure}({arguments})").collect()


def _options(options: Mapping[str, str]) -> str:
    return f"options => map({', '.join(repr(each) for pair in options.items() for each in pair)})"


def _compact(spark: SparkSession, name: str, before: TableSize, settings: StageSettings) -> tuple[int, int]:
    """Rewrite small data files, and those under many delete files; files and bytes that were, or would be."""
    options = {
        "target-file-size-bytes": str(settings.target_file_bytes),
        "min-input-files": str(settings.small_files),
        "delete-file-threshold": str(settings.small_files),
        "max-file-group-size-bytes": str(GROUP_BYTES),
        "max-files-to-rewrite": str(MOST_FILES),
    }
    planned_files, planned_bytes = _planned(spark, name, options) if before.data_files else (0, 0)
    if settings.dry_run or not planned_files:
        return planned_files, planned_bytes
    options |= {
        "partial-progress.enabled": "true",  # each group is committed as it is done
        "remove-dangling-deletes": str(before.delete_files > 0).lower(),
    }
    (done,) = _call(spark, "rewrite_data_files", f"table => '{name}', {_options(options)}")
    if done.failed_data_files_count:
        raise RuntimeError(f"{done.failed_data_files_count} data files of {name} could not be rewritten")
    return done.rewritten_data_files_count, done.rewritten_bytes_count


def _planned(spark: SparkSession, name: str, options: Mapping[str, str]) -> tuple[int, int]:
    """Files and bytes that a rewrite would take: reads the manifests, no Spark job."""
    make_planner = iceberg.java_class(spark, "org.apache.iceberg.actions.BinPackRewriteFilePlanner")
    planner = make_planner(iceberg.java_table(spark, name))
    planner.init(dict(options))
    groups, files, size = planner.plan().groups().iterator(), 0, 0
    while groups.hasNext():
        group = groups.next()
        files, size = files + group.inputFileNum(), size + group.inputFilesSizeInBytes()
    return files, size


def _compact_deletes(spark: SparkSession, name: str, settings: StageSettings) -> int:
    """Rewrite small position delete files, leaving out what they say of rewritten data files; how many."""
    if settings.dry_run or _size(spark, name).delete_files < settings.small_files:
        return 0
    options = _options({"min-input-files": str(settings.small_files)})
    (done,) = _call(spark, "rewrite_position_delete_files", f"table => '{name}', {options}")
    return int(done.rewritten_delete_files_count)


def _compact_manifests(spark: SparkSession, name: str, settings: StageSettings) -> int:
    manifests = _size(spark, name).manifests
    if manifests < MANY_MANIFESTS:
        return 0
    if settings.dry_run:
        return manifests
    (done,) = _call(spark, "rewrite_manifests", f"table => '{name}', use_caching => false")
    return int(done.rewritten_manifests_count)


def _expire(context: StageContext[Any], table: TableContract, named: set[str]) -> retention.Verdict:
    spark, settings = context.spark, context.settings
    positions = {stream: starts_from(settings.checkpoint(*stream.split("/"))) for stream in table.streamed_by}
    verdict = retention.judge(
        list(iceberg.commits(spark, table.name)),
        positions,
        named,
        replaced_before=context.clock() - timedelta(days=settings.snapshot_days),
        newest=settings.snapshots_kept,
    )
    if verdict.expired and not settings.dry_run:
        # Nothing goes by Iceberg's own rule of five days, which knows of no batch and of no stream.
        removal = iceberg.java_table(spark, table.name).expireSnapshots().expireOlderThan(0)
        for snapshot_id in verdict.expired:
            removal = removal.expireSnapshotId(snapshot_id)
        removal.commit()
    return verdict


def _remove_orphans(context: StageContext[Any], name: str) -> int:
    """Delete files under the table's folder that no snapshot names and that are older than the limit; how many."""
    oldest = context.clock() - timedelta(days=context.settings.orphan_days)
    arguments = (
        f"table => '{name}', older_than => TIMESTAMP '{oldest:%Y-%m-%d %H:%M:%S}', "
        # Through the table's own FileIO: Spark need know no file system for s3:// addresses.
        f"prefix_listing => true, dry_run => {str(context.settings.dry_run).lower()}"
    )
    return len(_call(context.spark, "remove_orphan_files", arguments))
