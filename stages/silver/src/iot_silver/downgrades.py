"""Devices that go back to a lower schema version: a firmware rollback (behaviour.md, row 11).

Such a record passes; its `violations` say so. Before it means by device time, so that a late record of the time before
an upgrade is none.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from iot_common.contracts.silver_reading import READING
from iot_common.engine.events import DOWNGRADE_EXPECTED, EventCode
from iot_common.engine.registry import parse_version
from iot_silver.intervals import merged_intervals, within
from iot_silver.policy import packaged_policy
from iot_silver.tables import HIGHEST_VERSION_KEY

if TYPE_CHECKING:
    from iot_silver.storing import SilverBatch, Survey

LOOK_BACK: Final = timedelta(hours=6)
"""How far back the record before is looked for: a rollback takes minutes, and a longer look reads more files."""

VERSION_TYPE: Final = "array<int>"


def told(batch: SilverBatch, classified: DataFrame, seen: Survey) -> DataFrame:
    """Classified records, with the event of those whose device spoke a higher version before.

    As long as the fleet speaks one version, or has only gone up, no table is read.
    """
    rule, highest = packaged_policy().downgrade, _highest(batch.highest_version, seen.highest_version)
    if not rule.listed or highest is None or seen.lowest_version in (None, highest):
        return classified
    batch.step("looking for devices that went back to a lower version")
    around = merged_intervals(seen.hours, LOOK_BACK)
    history = batch.before(READING.name).where(within("event_time_raw", around))
    accepted = classified.where(F.col("decision") == "reading")
    # Its rows are few, and each commit of the batch asks for them again.
    downgraded = downgraded_rows(accepted, history, highest).localCheckpoint()
    if downgraded.isEmpty():
        return classified
    return with_downgrades(classified, downgraded, invalidates=rule.invalidates)


def highest_property(batch: SilverBatch, seen: Survey) -> dict[str, str]:
    """What the batch's last commit tells the next batch."""
    highest = _highest(batch.highest_version, seen.highest_version)
    return {} if highest is None else {HIGHEST_VERSION_KEY: highest}


def _highest(*versions: str | None) -> str | None:
    parsed = [(parse_version(version), version) for version in versions if version is not None]
    known = [(key, version) for key, version in parsed if key is not None]
    return max(known)[1] if known else None


def version_key(version: Column) -> Column:
    """MAJOR.MINOR.PATCH as an array of numbers, which compares as versions do; null for anything else."""
    is_version = version.rlike(r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}$")
    return F.when(is_version, F.split(version, r"\.").cast(VERSION_TYPE))


def key_of(version: str) -> Column:
    """The same of a text."""
    return F.array(*[F.lit(int(part)) for part in version.split(".")])


def downgraded_rows(accepted: DataFrame, history: DataFrame, highest: str) -> DataFrame:
    """`row_id, previous_version` of records whose device spoke a higher version just before.

    Args:
        accepted: Records of the batch that become readings.
        history: Stored readings from `LOOK_BACK` before the batch on.
        highest: The highest version ever seen; only devices with a lower one in the batch are looked at.
    """
    columns = ("row_id", "device_id", "event_time_raw", "schema_version")
    lower = accepted.where(version_key(F.col("schema_version")) < key_of(highest))
    devices = lower.select("device_id").distinct()
    new = accepted.select(*columns, F.lit(True).alias("is_new"))
    stored = history.select(*columns, F.lit(False).alias("is_new")).join(
        accepted.select("row_id"), on="row_id", how="left_anti"
    )
    either = new.unionByName(stored)
    # Of a fleet in the middle of an upgrade most devices are below the highest version, but few have spoken two.
    # Hashes, because Spark sorts all rows to find the least of texts.
    version = F.xxhash64("schema_version")
    changing = (
        either.groupBy("device_id")
        .agg(F.min(version).alias("least"), F.max(version).alias("greatest"))
        .where("least != greatest")
    )
    devices = devices.join(changing, on="device_id", how="left_semi")
    spoken = either.join(F.broadcast(devices), on="device_id", how="left_semi")
    before = Window.partitionBy("device_id").orderBy("event_time_raw", "is_new", "row_id")
    return (
        spoken.withColumn("previous_version", F.lag("schema_version").over(before))
        .where(
            F.col("is_new") & (version_key(F.col("schema_version")) < version_key(F.col("previous_version")))
        )
        .groupBy("row_id")
        .agg(F.first("previous_version").alias("previous_version"))
    )


def with_downgrades(classified: DataFrame, downgraded: DataFrame, *, invalidates: bool) -> DataFrame:
    """Adds the event to the `violations` of downgraded records. Row effect: none.

    Args:
        classified: Classified records.
        downgraded: As `downgraded_rows` gives it.
        invalidates: Whether such a record is not valid.
    """
    major, previous_major = (version_key(F.col(name))[0] for name in ("schema_version", "previous_version"))
    code = F.when(major == previous_major, EventCode.VERSION_MINOR.value).otherwise(
        EventCode.VERSION_MAJOR.value
    )
    event = F.struct(
        F.lit("schema_version").alias("path"),
        code.alias("code"),
        F.lit(DOWNGRADE_EXPECTED).alias("expected"),
        F.concat_ws(" after ", "schema_version", "previous_version").alias("found"),
    )
    told = F.concat("violations", F.array(event))
    is_downgrade = F.col("previous_version").isNotNull() & (F.col("decision") == "reading")
    return (
        classified.join(F.broadcast(downgraded), on="row_id", how="left")
        .withColumn("violations", F.when(is_downgrade, told).otherwise(F.col("violations")))
        .withColumn("is_valid", F.col("is_valid") & ~(is_downgrade & F.lit(invalidates)))
        .select(*classified.columns)
    )
