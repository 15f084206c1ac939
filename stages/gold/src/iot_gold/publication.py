"""Replaces rows of a gold table, by key, in one commit of the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from iot_common.batch import BatchIdentity
from iot_common.contracts.table import TableContract
from iot_common.io.iceberg import Commit, append_once, commit_of, merge_once, table_before
from iot_gold import tables
from iot_gold.spans import Span

CHANGES_VIEW = "gold_changes"


def known_keys(
    spark: SparkSession,
    contract: TableContract,
    batch: BatchIdentity,
    spans: Sequence[Span],
    touched: DataFrame,
) -> DataFrame:
    """Keys the table had before the batch, of the rows the batch replaces.

    Args:
        spark: The batch's session.
        contract: The table.
        batch: The batch.
        spans: Where those rows lie in time, to skip files.
        touched: Values of some of the key columns; the rows that have them are replaced.
    """
    before = table_before(spark, contract.name, batch).where(tables.in_spans(contract, spans))
    replaced = before.join(touched, on=touched.columns, how="left_semi")
    return replaced.select(*tables.KEYS[contract.name])


def replace_rows(
    rows: DataFrame,
    known: DataFrame,
    contract: TableContract,
    batch: BatchIdentity,
    spans: Sequence[Span],
    properties: Mapping[str, str] | None = None,
) -> Commit:
    """Write rows and delete known keys that are no longer among them, in one commit.

    Where nothing is known yet, an append does: it need not read the table, and leaves no delete files.

    Args:
        rows: New rows, by contract; they are computed twice, so let them be persisted.
        known: Keys the table had before, of the rows that are replaced.
        contract: The table.
        batch: The batch that writes.
        spans: Where all of these rows lie in time.
        properties: Further entries for the snapshot summary.
    """
    done = commit_of(rows.sparkSession, contract.name, batch)
    if done is not None:
        return done
    if known.isEmpty():
        return append_once(rows, contract, batch, properties)
    spark = rows.sparkSession
    _changes(rows, known, contract).createOrReplaceTempView(CHANGES_VIEW)
    statement = tables.merge_statement(contract, CHANGES_VIEW, spans)
    commit = merge_once(spark, statement, contract, batch, properties)
    spark.catalog.dropTempView(CHANGES_VIEW)
    assert commit is not None, f"{contract.name}: known rows were replaced, yet Iceberg made no snapshot"
    return commit


def _changes(rows: DataFrame, known: DataFrame, contract: TableContract) -> DataFrame:
    """The new rows, and the known keys that are not among them, marked `is_gone`."""
    keys = list(tables.KEYS[contract.name])
    gone = known.join(rows.select(*keys), on=keys, how="left_anti").withColumn("is_gone", F.lit(True))
    written = rows.select(*contract.column_names).withColumn("is_gone", F.lit(False))
    return written.unionByName(gone, allowMissingColumns=True)
