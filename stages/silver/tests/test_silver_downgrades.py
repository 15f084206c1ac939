"""Which records tell of a device that went back to a lower schema version (behaviour.md, row 11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from iot_silver.downgrades import downgraded_rows, version_key, with_downgrades

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCHEMA = "row_id string, device_id string, event_time_raw timestamp, schema_version string"
CLASSIFIED = (
    "row_id string, decision string, schema_version string, is_valid boolean, "
    "violations array<struct<path:string,code:string,expected:string,found:string>>"
)


def rows(spark: SparkSession, *spoken: tuple[str, str, int, str | None]) -> DataFrame:
    filled = [
        (row, device, NOON + timedelta(minutes=minute), version) for row, device, minute, version in spoken
    ]
    return spark.createDataFrame(filled, SCHEMA)


def found(accepted: DataFrame, history: DataFrame, highest: str = "2.0.0") -> dict[str, Any]:
    return {r.row_id: r.previous_version for r in downgraded_rows(accepted, history, highest).collect()}


def test_only_the_first_record_of_the_lower_version_tells(spark: SparkSession) -> None:
    history = rows(
        spark,
        ("h1", "went back", -5, "1.10.0"),
        ("h2", "went back long ago", -9, "1.10.0"),
        ("h3", "went back long ago", -5, "1.9.0"),
        ("h4", "went forth", -5, "1.9.0"),
        ("h5", "late", 5, "1.10.0"),
        ("h6", "again", 1, "2.0.0"),
        ("a2", "again", 2, "1.9.0"),
    )
    accepted = rows(
        spark,
        ("a1", "went back", 0, "1.9.0"),
        ("b1", "went back", 5, "1.9.0"),
        ("c1", "went back long ago", 0, "1.9.0"),
        ("d1", "went forth", 0, "1.10.0"),
        ("e1", "late", 0, "1.9.0"),
        ("f1", "new", 0, "1.9.0"),
        ("g1", "within the batch", 0, "1.10.0"),
        ("g2", "within the batch", 1, "1.9.9"),
        ("a2", "again", 2, "1.9.0"),
        ("n1", "nameless", 0, None),
    )
    assert found(accepted, history) == {"a1": "1.10.0", "g2": "1.10.0", "a2": "2.0.0"}


def test_versions_compare_by_number(spark: SparkSession) -> None:
    texts = spark.createDataFrame([("1.9.0",), ("1.10.0",), ("1.0",), ("x.1.0",), (None,)], "v string")
    keys = [row.k for row in texts.select(version_key(texts.v).alias("k")).collect()]
    assert keys == [[1, 9, 0], [1, 10, 0], None, None, None]
    assert keys[0] < keys[1]


def test_the_event_joins_the_others_of_its_record_alone(spark: SparkSession) -> None:
    other = ("status", "ENUM_ADDED", "one of …", '"x"')
    classified = spark.createDataFrame(
        [
            ("minor", "reading", "1.0.0", True, [other]),
            ("major", "reading", "1.0.0", True, []),
            ("same", "reading", "1.0.0", True, []),
            ("refused", "quarantine", "1.0.0", False, []),
        ],
        CLASSIFIED,
    )
    downgraded = spark.createDataFrame(
        [("minor", "1.1.0"), ("major", "2.0.0"), ("refused", "2.0.0")],
        "row_id string, previous_version string",
    )
    told = {
        row.row_id: (row.is_valid, [tuple(each) for each in row.violations])
        for row in with_downgrades(classified, downgraded, invalidates=False).collect()
    }
    below = "not below the device's version before"
    assert told == {
        "minor": (True, [other, ("schema_version", "VERSION_MINOR", below, "1.0.0 after 1.1.0")]),
        "major": (True, [("schema_version", "VERSION_MAJOR", below, "1.0.0 after 2.0.0")]),
        "same": (True, []),
        "refused": (False, []),
    }
    strict = with_downgrades(classified, downgraded, invalidates=True).where("is_valid").collect()
    assert [row.row_id for row in strict] == ["same"]
