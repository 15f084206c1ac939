"""Rows that silver processes again: how each stands in its tables already, and what that means for it. Pure.

The rules, so that nothing is lost or doubled whatever the new classification says:
- A row whose reading stands keeps that reading's identity and times (`device_id`, `event_time_raw`, `event_time`,
  `clock_suspect`, `late`, `idempotency_key`); everything else comes from the new classification.
- A reading is never taken away. If the row would now be refused, its reading keeps its values and is marked:
  `is_valid` and `conforms` as found now (never valid), `violations` with all reasons, the new `contract_version`.
- A discarded row stays discarded.
- All other rows compete as on their first arrival: by key, and by order of arrival.
"""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_IDENTITY = ("device_id", "event_time_raw", "idempotency_key", "clock_suspect")
_TIMES = ("event_time", "late")
_VALUES = {
    "schema_version": "schema_version",
    "status": "status",
    "latitude": "latitude",
    "longitude": "longitude",
    "temperature_celsius": "temperature_celsius",
    "temperature_value_raw": "temperature_value_raw",
    "temperature_unit_raw": "temperature_unit_raw",
    "humidity_percent": "humidity_percent",
    "battery_percent": "battery_percent",
    "coerced_fields": "coerced_fields",
    "rescued": "_rescued",
}
"""Columns of a classified row that a marked reading keeps, and their names in `silver.reading`."""

DISCARDED = "discarded"
"""Decision on a row that someone discarded: it goes nowhere."""


def standing_readings(readings: DataFrame, row_ids: DataFrame, evolved: Collection[str]) -> DataFrame:
    """Readings of these rows: `row_id` (unique) and what they keep, as `standing_*`.

    Args:
        readings: `silver.reading`.
        row_ids: `row_id` of the rows.
        evolved: Names of the evolved columns; kept as the map `standing_evolved`, if there are any.
    """
    kept = {name: name for name in (*_IDENTITY, *_TIMES)} | _VALUES
    columns = [F.col(stored).alias(f"standing_{name}") for name, stored in kept.items()]
    if evolved:
        there = [name for name in evolved if name in readings.columns]
        pairs = [each for name in there for each in (F.lit(name), F.col(f"`{name}`"))]
        columns.append(F.create_map(pairs).cast("map<string,string>").alias("standing_evolved"))
    return readings.join(row_ids, on="row_id", how="left_semi").select("row_id", *columns)


def with_standing(classified: DataFrame, standing: DataFrame, discarded: DataFrame) -> DataFrame:
    """Classified records as the rules above want them, with `standing_event_time` and `standing_late`.

    Args:
        classified: Records of bronze rows.
        standing: As `standing_readings` gives it.
        discarded: `row_id` of discarded rows, unique.
    """
    met = classified.join(standing, on="row_id", how="left").join(
        discarded.withColumn("is_discarded", F.lit(True)), on="row_id", how="left"
    )
    stands = F.col("standing_device_id").isNotNull()
    marked = stands & (F.col("decision") == "quarantine")
    own = {name: _from_standing(stands, name) for name in _IDENTITY}
    values = [*_VALUES, "evolved"] if "evolved" in classified.columns else [*_VALUES]
    own |= {name: _from_standing(marked, name) for name in values}
    decision = F.when(stands, "reading").when(F.col("is_discarded"), DISCARDED).otherwise(F.col("decision"))
    own |= {
        "is_valid": F.when(marked, F.lit(False)).otherwise(F.col("is_valid")),
        "payload": F.when(~stands, F.col("payload")),
        "decision": decision,
    }
    return met.withColumns(own).select(*classified.columns, *(f"standing_{name}" for name in _TIMES))


def _from_standing(condition: Column, name: str) -> Column:
    return F.when(condition, F.col(f"standing_{name}")).otherwise(F.col(name)).alias(name)
