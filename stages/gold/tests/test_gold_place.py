"""The rule that names a place."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from iot_gold.place import place_of

CASES = {
    (47.37, 8.54): "47.3,8.5",
    (47.3, 8.5): "47.3,8.5",
    (1.1, 0.3): "1.1,0.3",
    (0.0, 0.0): "0.0,0.0",
    (-0.05, -0.0): "-0.1,0.0",
    (-33.87, 151.21): "-33.9,151.2",
    (90.0, 180.0): "90.0,-180.0",
    (90.1, 0.0): None,
    (0.0, -180.1): None,
    (None, 8.5): None,
}


def test_place_is_the_south_west_corner_of_a_tenth_of_a_degree(spark: SparkSession) -> None:
    positions = spark.createDataFrame(list(CASES), "latitude double, longitude double")
    named = positions.select(
        "latitude", "longitude", place_of(F.col("latitude"), F.col("longitude")).alias("place")
    )
    assert {(row.latitude, row.longitude): row.place for row in named.collect()} == CASES


def test_every_tenth_of_a_degree_lies_in_its_own_cell(spark: SparkSession) -> None:
    tenths = spark.range(-900, 901).select((F.col("id") / 10).alias("degrees"))
    named = tenths.select("degrees", place_of(F.col("degrees"), F.lit(0.0)).alias("place"))
    assert [row for row in named.collect() if row.place != f"{row.degrees:.1f},0.0"] == []
