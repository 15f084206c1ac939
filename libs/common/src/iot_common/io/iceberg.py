"""Iceberg tables: made from their contract, written once per batch, asked what they hold.

Every write carries the batch identity in its snapshot summary, in the same commit as the rows: a batch that is
already there is skipped, so a crash between a commit and the checkpoint repeats nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iot_common.batch import BATCH_KEY as BATCH_KEY
from iot_common.batch import BatchIdentity
from iot_common.contracts.table import TableContract
from iot_common.metrics import Disposition, Gate
from iot_common.settings import CATALOG_NAME

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TABLE_PROPERTIES = {
    # 3 is one-way, and not every reader (Athena, DuckDB, pyiceberg) is known to have it.
    "format-version": "2",
    "write.parquet.compression-codec": "zstd",
    "write.distribution-mode": "hash",
    # Without it every commit leaves a metadata file for ever: 96 commits a day and table.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "50",
}


@dataclass(frozen=True, slots=True)
class Commit:
    """One snapshot, as far as the stages ask: its id, its parent, when it was made, and what its summary says."""

    snapshot_id: int
    parent_id: int | None
    committed_time: datetime
    summary: Mapping[str, str]

    def count(self, key: str) -> int:
        """A number of the summary, 0 where Iceberg left it out because it is 0."""
        return int(self.summary.get(key, "0"))

    @property
    def added_rows(self) -> int:
        """Rows this commit added."""
        return self.count("added-records")

    @property
    def added_files(self) -> int:
        """Data files this commit added."""
        return self.count("added-data-files")

    @property
    def added_bytes(self) -> int:
        """Size of the files this commit added."""
        return self.count("added-files-size")


def written(disposition: Disposition, table: str, commit: Commit | None) -> Gate:
    """The egress gate of what a commit says it added to a table; zeros where none was made."""
    if commit is None:
        return Gate("egress", disposition, table, rows=0, files=0, bytes=0)
    return Gate("egress", disposition, table, commit.added_rows, commit.added_files, commit.added_bytes)


def _create_statement(contract: TableContract) -> str:
    columns = ", ".join(
        f"`{c.name}` {c.type}{' NOT NULL' if c.required else ''} COMMENT '{_quoted(c.doc, c.unit)}'"
        for c in contract.columns
    )
    partitions = f" PARTITIONED BY ({', '.join(contract.partitioned_by)})" if contract.partitioned_by else ""
    properties = TABLE_PROPERTIES | contract.properties | {"driftlake.contract-version": contract.version}
    listed = ", ".join(f"'{key}'='{value}'" for key, value in properties.items())
    return (
        f"CREATE TABLE IF NOT EXISTS {CATALOG_NAME}.{contract.name} ({columns}) USING iceberg{partitions} "
        f"COMMENT '{_quoted(contract.grain)}' TBLPROPERTIES ({listed})"
    )


def _quoted(text: str, unit: str = "") -> str:
    return (f"{text} [{unit}]" if unit else text).replace("\\", "\\\\").replace("'", "\\'")


def ensure_table(spark: SparkSession, contract: TableContract) -> None:
    """Make the table if it is not there, and add the columns its contract has gained since.

    Only the owning stage calls this (law 5). Columns are added as optional; none is ever dropped.
    """
    if not table_exists(spark, contract.name):
        namespace = contract.name.split(".")[0]
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {CATALOG_NAME}.{namespace}")
        spark.sql(_create_statement(contract))
        return
    # Asked of Iceberg, not of Spark: nothing is planned for it.
    present = {column.name() for column in java_table(spark, contract.name).schema().columns()}
    missing = [f"`{c.name}` {c.type}" for c in contract.columns if c.name not in present]
    if missing:
        spark.sql(f"ALTER TABLE {CATALOG_NAME}.{contract.name} ADD COLUMNS ({', '.join(missing)})")


def add_text_columns(spark: SparkSession, contract: TableContract, docs: Mapping[str, str]) -> list[str]:
    """Append optional STRING columns that the contract does not name; those that are there stay as they are.

    Only the owning stage calls this (law 5). The next read or write of the table sees them.

    Args:
        spark: The session.
        contract: The table.
        docs: Column name -> comment.

    Returns:
        The names that were not there.
    """
    name = f"{CATALOG_NAME}.{contract.name}"
    present = {column.lower() for column in spark.table(name).columns}
    missing = [column for column in docs if column.lower() not in present]
    if missing:
        listed = ", ".join(f"`{column}` string COMMENT '{_quoted(docs[column])}'" for column in missing)
        spark.sql(f"ALTER TABLE {name} ADD COLUMNS ({listed})")
        spark.catalog.refreshTable(name)
    return missing


def further_columns(spark: SparkSession, contract: TableContract) -> dict[str, str]:
    """Columns that a table has beyond its contract, each with its comment, in the order of the table."""
    known = set(contract.column_names)
    return {
        each.name: each.metadata.get("comment", "")
        for each in _fields(spark, contract)
        if each.name not in known
    }


def with_every_column(frame: DataFrame, contract: TableContract) -> DataFrame:
    """The columns of the contract, and those the table has beyond it: null where the frame has none.

    A table may be wider than its contract (an evolved column, a newer version of its stage), and a write by name wants
    all of its columns.
    """
    from pyspark.sql import functions as F

    known, given = set(contract.column_names), set(frame.columns)
    further = [each for each in _fields(frame.sparkSession, contract) if each.name not in known]
    filled = [
        F.col(f"`{each.name}`") if each.name in given else F.lit(None).cast(each.dataType).alias(each.name)
        for each in further
    ]
    return frame.select(*contract.column_names, *filled)


def _fields(spark: SparkSession, contract: TableContract) -> Any:
    return spark.table(f"{CATALOG_NAME}.{contract.name}").schema.fields


def schema_id(spark: SparkSession, name: str) -> int:
    """Id of the table's current schema."""
    return int(java_table(spark, name).schema().schemaId())


def table_exists(spark: SparkSession, name: str) -> bool:
    """True if the catalog has the table."""
    return bool(spark.catalog.tableExists(f"{CATALOG_NAME}.{name}"))


def java_table(spark: SparkSession, name: str) -> Any:
    """Iceberg's own `Table`, for what Spark has no words for."""
    loader = java_class(spark, "org.apache.iceberg.spark.Spark3Util")
    return loader.loadIcebergTable(spark._jsparkSession, f"{CATALOG_NAME}.{name}")


def java_class(spark: SparkSession, name: str) -> Any:
    """A Java class by its full name. Py4J's own way asks the class path for each part of the name, in every jar."""
    from py4j.java_gateway import JavaClass

    gateway: Any = spark.sparkContext._gateway
    return JavaClass(name, gateway._gateway_client)


def table_property(spark: SparkSession, name: str, key: str) -> str | None:
    """A property of a table; None if it has no such property. Asks the metadata file only."""
    value = java_table(spark, name).properties().get(key)
    return None if value is None else str(value)


def set_table_property(spark: SparkSession, name: str, key: str, value: str) -> None:
    """Set a property of a table: a commit that changes no row. Only the owning stage calls this (law 5)."""
    table = java_table(spark, name)
    table.updateProperties().set(key, value).commit()
    spark.catalog.refreshTable(f"{CATALOG_NAME}.{name}")


def commits(spark: SparkSession, name: str) -> Iterator[Commit]:
    """Snapshots of the current branch, newest first; asks the metadata file only, no Spark job.

    Maintenance leaves gaps: of old snapshots it keeps those that a repeated batch asks for. What lies behind the first
    gap is its choice from this branch, so it comes in the order of the sequence numbers.
    """
    table = java_table(spark, name)
    snapshot, oldest = table.currentSnapshot(), None
    while snapshot is not None:
        oldest, parent = snapshot, snapshot.parentId()
        yield _commit(snapshot)
        snapshot = table.snapshot(parent) if parent is not None else None
    if oldest is None or oldest.parentId() is None:
        return
    first = oldest.sequenceNumber()
    behind = [(each.sequenceNumber(), each) for each in table.snapshots() if each.sequenceNumber() < first]
    for _, kept in sorted(behind, key=lambda numbered: numbered[0], reverse=True):
        yield _commit(kept)


def _commit(snapshot: Any) -> Commit:
    made = datetime.fromtimestamp(snapshot.timestampMillis() / 1000, UTC)
    return Commit(snapshot.snapshotId(), snapshot.parentId(), made, dict(snapshot.summary()))


def newest_batch_commit(spark: SparkSession, name: str) -> Commit | None:
    """The newest snapshot that a batch made; None for none. Maintenance makes snapshots too, without a batch."""
    return next((commit for commit in commits(spark, name) if BATCH_KEY in commit.summary), None)


def first_snapshots_expired(spark: SparkSession, name: str) -> bool:
    """True if the chain from the newest snapshot back to the table's first one has a gap."""
    history = commits(spark, name)
    parent: int | None = next((commit.parent_id for commit in history), None)
    while parent is not None:
        before = next(history, None)
        if before is None or before.snapshot_id != parent:
            return True
        parent = before.parent_id
    return False


def current_commit(spark: SparkSession, name: str) -> Commit | None:
    """The newest snapshot; None for an empty table."""
    return next(commits(spark, name), None)


def commit_of(spark: SparkSession, name: str, batch: BatchIdentity) -> Commit | None:
    """The snapshot a batch made in a table; None if it made none yet.

    Batches of one query commit in order, so the walk ends at the first older batch of the same query.
    """
    for commit in commits(spark, name):
        query_id, _, number = commit.summary.get(BATCH_KEY, "").rpartition("/")
        if query_id == batch.query_id and int(number) <= batch.batch_id:
            return commit if int(number) == batch.batch_id else None
    return None


def newest_property(
    spark: SparkSession, name: str, key: str, before: BatchIdentity | None = None
) -> str | None:
    """Value of a summary key in the newest snapshot that has it.

    Args:
        spark: The session.
        name: The table.
        key: The summary key.
        before: If given, only snapshots older than this batch's commit count.
    """
    history = _older_than(spark, name, before) if before else commits(spark, name)
    return next((c.summary[key] for c in history if key in c.summary), None)


def _older_than(spark: SparkSession, name: str, batch: BatchIdentity) -> Iterator[Commit]:
    made = commit_of(spark, name, batch)
    history = commits(spark, name)
    if made is None:
        return history
    return itertools.islice(
        itertools.dropwhile(lambda c: c.snapshot_id != made.snapshot_id, history), 1, None
    )


def stream_table(spark: SparkSession, name: str) -> DataFrame:
    """New rows of an append-only table, as a stream.

    Under `availableNow` Iceberg 1.10 gives all new rows as one batch: it ignores its own rate limits there.
    """
    return spark.readStream.format("iceberg").load(f"{CATALOG_NAME}.{name}")


def read_table(spark: SparkSession, name: str, snapshot_id: int | None = None) -> DataFrame:
    """A table as it is now, or as it was at a snapshot."""
    reader = spark.read  # by `table`: `load` would ask whichever session is active, not this one
    if snapshot_id is not None:
        reader = reader.option("snapshot-id", snapshot_id)
    return reader.table(f"{CATALOG_NAME}.{name}")


def table_before(spark: SparkSession, name: str, batch: BatchIdentity) -> DataFrame:
    """A table as it was before a batch wrote to it; as it is now if the batch has not.

    A batch repeated after a crash thus decides on what it saw the first time. The snapshot is pinned either way: a
    commit to the table makes Spark forget what was persisted from its newest state, and compute it anew from rows the
    batch itself has written.
    """
    made = commit_of(spark, name, batch)
    newest = current_commit(spark, name)
    snapshot_id = made.parent_id if made else newest and newest.snapshot_id
    if snapshot_id:
        return read_table(spark, name, snapshot_id)
    # The condition tells Spark's optimiser what it cannot see in a frame made in Python: joins with it cost nothing.
    return spark.createDataFrame([], read_table(spark, name).schema).where("false")


def append_once(
    frame: DataFrame,
    contract: TableContract,
    batch: BatchIdentity,
    properties: Mapping[str, str] | None = None,
    *,
    shuffled: bool = True,
) -> Commit:
    """Append rows in one commit tagged with the batch; skipped if the batch is already there.

    Args:
        frame: Rows; selected by the contract's columns, in its order, and by what the table has beyond them.
        contract: The table.
        batch: Identity to tag the snapshot with.
        properties: Further entries for the snapshot summary.
        shuffled: True as the table says: all rows of a partition in one task. False: each task writes what it has, one
            file for each partition of the table.
    """
    spark = frame.sparkSession
    done = commit_of(spark, contract.name, batch)
    if done is not None:
        return done
    writer = _writer(frame, contract, batch, properties)
    if not shuffled:
        writer = writer.option("distribution-mode", "none").option("fanout-enabled", "true")
    writer.append()
    return _made(spark, contract, batch)


def overwrite_once(
    frame: DataFrame,
    contract: TableContract,
    batch: BatchIdentity,
    properties: Mapping[str, str] | None = None,
) -> Commit:
    """Put rows in the place of all others, as `append_once`: for a small table, cheaper than a MERGE."""
    from pyspark.sql import functions as F

    spark = frame.sparkSession
    done = commit_of(spark, contract.name, batch)
    if done is not None:
        return done
    _writer(frame, contract, batch, properties).overwrite(F.lit(True))
    return _made(spark, contract, batch)


def _writer(
    frame: DataFrame, contract: TableContract, batch: BatchIdentity, properties: Mapping[str, str] | None
) -> Any:
    writer = with_every_column(frame, contract).writeTo(f"{CATALOG_NAME}.{contract.name}")
    for key, value in ({BATCH_KEY: batch.key} | dict(properties or {})).items():
        writer = writer.option(f"snapshot-property.{key}", value)
    return writer


def merge_once(
    spark: SparkSession,
    statement: str,
    contract: TableContract,
    batch: BatchIdentity,
    properties: Mapping[str, str] | None = None,
) -> Commit | None:
    """Run a MERGE, UPDATE or DELETE whose commit is tagged with the batch; skipped if the batch is already there.

    Returns:
        The commit; None where the statement had nothing to change and Iceberg made no snapshot.
    """
    done = commit_of(spark, contract.name, batch)
    if done is not None:
        return done
    _with_commit_properties(
        spark, {BATCH_KEY: batch.key} | dict(properties or {}), lambda: spark.sql(statement)
    )
    return commit_of(spark, contract.name, batch)


def _made(spark: SparkSession, contract: TableContract, batch: BatchIdentity) -> Commit:
    made = commit_of(spark, contract.name, batch)
    assert made is not None, f"{contract.name}: the commit of batch {batch.key} is not in the table's history"
    return made


class _Callable:
    """A Python function as java.util.concurrent.Callable; keeps its exception, which Py4J would flatten."""

    def __init__(self, function: Callable[[], object]) -> None:
        self.function = function
        self.error: BaseException | None = None

    def call(self) -> None:
        """Called from Java, in the same thread that set the commit properties."""
        try:
            self.function()
        except BaseException as error:
            self.error = error

    class Java:
        """Py4J's declaration of the interface."""

        implements = ["java.util.concurrent.Callable"]


def _with_commit_properties(
    spark: SparkSession, properties: Mapping[str, str], act: Callable[[], object]
) -> None:
    # SQL has no option for snapshot properties in Iceberg 1.10 (a session option came later), so they go through
    # CommitMetadata's thread-local; Py4J's pinned-thread mode runs the callback's calls in that same Java thread.
    from pyspark.java_gateway import ensure_callback_server_started

    ensure_callback_server_started(spark.sparkContext._gateway)
    action = _Callable(act)
    error_class = java_class(spark, "java.lang.Class").forName("java.lang.RuntimeException")
    metadata = java_class(spark, "org.apache.iceberg.spark.CommitMetadata")
    metadata.withCommitProperties(dict(properties), action, error_class)
    if action.error is not None:
        raise action.error
