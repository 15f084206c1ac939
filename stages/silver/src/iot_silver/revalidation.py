"""Re-validation: when a contract version arrives, readings that waited for it are judged again (behaviour.md, row 9).

A reading with `version_fallback` was judged by a lower version than it claims. At the start of a run the registered
versions are compared with those of the last look, a property of the table; only where they differ is the table asked
for readings whose claimed version now has a better judge. They take the road of `reprocess.py` from their exact bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from iot_common.batch import BatchIdentity
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.silver_reading import READING
from iot_common.engine.registry import read_registry
from iot_common.io import blocks, iceberg
from iot_common.io.contract_folder import contract_files
from iot_common.io.stream import QueryReport, StageContext
from iot_silver import reprocess
from iot_silver.downgrades import key_of, version_key
from iot_silver.intervals import merged_intervals, within
from iot_silver.reprocess import Asked
from iot_silver.settings import SilverSettings
from iot_silver.storing import hours_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

REVALIDATE = "revalidate"
CHECKED_KEY = "driftlake.checked-versions"
"""Property of `silver.reading`: the registered versions at the last look, lowest first."""
BEGUN = "begun"


def revalidate(context: StageContext[SilverSettings]) -> list[QueryReport]:
    """Judge again what waited for a version that is now there; end such a batch that was interrupted first.

    Raises:
        StageFailedError: If it failed; the next run ends what it began.
    """
    spark, registry = context.spark, read_registry(contract_files(context.settings.contracts))
    versions = [each.contract.version for each in registry.resolutions if each.contract is not None]
    if iceberg.table_property(spark, READING.name, CHECKED_KEY) == " ".join(versions):
        return []
    # Other versions than it was begun with do no harm: no reading comes or goes, and one commit holds all verdicts.
    identity, interrupted = reprocess.next_batch(spark, REVALIDATE)
    reports = [] if interrupted is None else [_run(context, identity, interrupted)]
    if _has_waiting(spark, versions):
        context.on_step(f"contract versions are {', '.join(versions)}: judging again what waited for them")
        # Until this has ended no run believes that it has looked, even if the versions go back to what they were.
        iceberg.set_table_property(spark, READING.name, CHECKED_KEY, BEGUN)
        identity, _ = reprocess.next_batch(spark, REVALIDATE)
        reports.append(_run(context, identity, Asked(request={"versions": versions})))
    iceberg.set_table_property(spark, READING.name, CHECKED_KEY, " ".join(versions))
    return reports


def _run(context: StageContext[SilverSettings], identity: BatchIdentity, asked: Asked) -> QueryReport:
    versions = [str(version) for version in asked.request["versions"]]

    def rows_of(spark: SparkSession, batch: BatchIdentity) -> DataFrame:
        return _raw_rows(spark, waiting(iceberg.table_before(spark, READING.name, batch), versions))

    return reprocess.run_reprocess(context, rows_of, identity, REVALIDATE, asked)


def _has_waiting(spark: SparkSession, versions: Sequence[str]) -> bool:
    if iceberg.current_commit(spark, READING.name) is None:
        return False
    return not waiting(iceberg.read_table(spark, READING.name), versions).isEmpty()


def waiting(readings: DataFrame, versions: Sequence[str]) -> DataFrame:
    """Readings whose claimed version resolves to a higher contract than the one that judged them."""
    from pyspark.sql import functions as F

    claimed, judge = version_key(F.col("schema_version")), version_key(F.col("contract_version"))
    better = (_lies_between(key_of(version), judge, claimed) for version in versions)
    return readings.where(F.col("version_fallback") & reduce(lambda one, other: one | other, better))


def _lies_between(version: Column, judge: Column, claimed: Column) -> Column:
    return (version[0] == claimed[0]) & (version > judge) & (version <= claimed)


def _raw_rows(spark: SparkSession, readings: DataFrame) -> DataFrame:
    """Their rows of bronze, each once; only the days on which they arrived are read."""
    arrived = within("ingest_time", merged_intervals(hours_of(readings, "ingest_time")))
    ids = readings.select("row_id", "ingest_time")
    raw = (
        blocks.raw_reading_all(spark).where(arrived).join(ids, on=["row_id", "ingest_time"], how="left_semi")
    )
    return raw.select(*RAW_READING.column_names).dropDuplicates(["row_id"])
