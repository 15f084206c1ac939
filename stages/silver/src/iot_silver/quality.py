"""Quality checks of a batch: bronze's rows by what classification found in them, silver's by what stands in the table.

Pure: columns and frames. The suites are data, `expectations_*.json` beside this module; a failing check stops nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, reduce
from importlib import resources
from operator import or_
from typing import Any, Final

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from iot_common.contracts.silver_quality_failure import QUALITY_FAILURE
from iot_common.contracts.silver_reading import READING
from iot_common.metrics import Gate
from iot_common.quality import (
    PARTIAL_LIST_LENGTH,
    Counted,
    Expectation,
    Suite,
    read_suite,
    validation_result,
)

NOT_NULL: Final = "expect_column_values_to_not_be_null"
OF_TYPE: Final = "expect_column_values_to_be_of_type"

_TYPE_CODES: Final = ("TYPE_CHANGED", "ARRAY_SCALAR", "NONFINITE")
"""Events that say a value was not of its contract's type, whether or not it could be coerced without loss."""


@lru_cache(maxsize=1)
def bronze_suite() -> Suite:
    """What bronze's rows should be, in terms of the columns that classification gives them."""
    return _packaged("expectations_bronze.json")


@lru_cache(maxsize=1)
def silver_suite() -> Suite:
    """What `silver.reading` should be."""
    return _packaged("expectations_silver.json")


def _packaged(name: str) -> Suite:
    return read_suite(resources.files("iot_silver").joinpath(name).read_text("utf-8"))


def count_columns(suite: Suite) -> list[Column]:
    """Aggregates over all classified records: nulls per column, and failing rows of all but the checks of type.

    No function of arrays is among them: one would keep Spark from compiling the whole aggregation.
    """
    columns = dict.fromkeys(each.kwargs["column"] for each in suite.expectations)
    nulls = [F.count_if(F.col(column).isNull()).alias(f"null_{column}") for column in columns]
    failing = [
        F.count_if(_fails(each)).alias(f"failing_{number}")
        for number, each in enumerate(suite.expectations)
        if each.type != OF_TYPE
    ]
    return [*nulls, *failing]


def type_count_columns(suite: Suite) -> list[Column]:
    """Aggregates over the records with violations alone: rows of a wrong type, and those whose column is null."""
    columns = []
    for number, each in enumerate(suite.expectations):
        if each.type == OF_TYPE:
            fails, is_null = _fails(each), F.col(each.kwargs["column"]).isNull()
            columns.append(F.count_if(fails).alias(f"failing_{number}"))
            columns.append(F.count_if(fails & is_null).alias(f"failing_null_{number}"))
    return columns


def has_violations() -> Column:
    """True for a classified record that differs from its contract."""
    return F.size("violations") > 0


def counted(
    suite: Suite, counts: Mapping[str, int], elements: int, partial: Mapping[str, tuple[str, ...]]
) -> list[Counted]:
    """What the aggregates say.

    Args:
        suite: The suite that was counted.
        counts: The rows of both aggregations together.
        elements: Rows looked at.
        partial: Expectation -> some failing values.
    """
    return [
        Counted(
            elements, _missing(each, number, counts), counts[f"failing_{number}"], partial.get(each.name, ())
        )
        for number, each in enumerate(suite.expectations)
    ]


def _missing(each: Expectation, number: int, counts: Mapping[str, int]) -> int:
    """Rows without a value to judge; a value of the wrong type is null in its column, yet not missing."""
    if each.type == NOT_NULL:
        return 0
    return counts[f"null_{each.kwargs['column']}"] - counts.get(f"failing_null_{number}", 0)


def partial_lists(failures: DataFrame) -> DataFrame:
    """`expectation, found`: some failing values of each, the least ones, so that a repeated batch shows the same."""
    values = F.slice(F.array_sort(F.collect_set("found")), 1, PARTIAL_LIST_LENGTH)
    return failures.groupBy("expectation").agg(values.alias("found"))


def failure_rows(records: DataFrame, suite: Suite, *, batch: str, now: datetime) -> DataFrame:
    """Rows of `silver.quality_failure`: one per record and expectation that it fails; complete, no sample.

    Args:
        records: Classified records: `row_id`, `violations` and the typed columns.
        suite: Expectations on single rows.
        batch: Key of the silver batch.
        now: Time of the batch.
    """
    failed = [
        F.when(
            _fails(expectation),
            F.struct(F.lit(expectation.name).alias("expectation"), _found(expectation).alias("found")),
        )
        for expectation in suite.expectations
    ]
    plain = [_fails(each) for each in suite.expectations if each.type != OF_TYPE]
    suspects = records.where(reduce(or_, plain, has_violations()))
    return (
        suspects.select("row_id", F.explode(F.array_compact(F.array(*failed))).alias("failed"))
        .select("row_id", "failed.expectation", "failed.found")
        .withColumn("suite", F.lit(suite.name))
        .withColumn("batch", F.lit(batch))
        .withColumn("processing_time", F.lit(now))
        .select(*QUALITY_FAILURE.column_names)
    )


def _fails(expectation: Expectation) -> Column:
    return F.coalesce(_FAILS[expectation.type](expectation), F.lit(False))


def _breaks_type(expectation: Expectation) -> Column:
    path = expectation.meta["path"]
    return F.exists("violations", lambda v: (v["path"] == path) & v["code"].isin(*_TYPE_CODES))


def _outside(expectation: Expectation) -> Column:
    value = F.col(expectation.kwargs["column"])
    return ~value.between(expectation.kwargs["min_value"], expectation.kwargs["max_value"])


_FAILS: Final[Mapping[str, Callable[[Expectation], Column]]] = {
    NOT_NULL: lambda each: F.col(each.kwargs["column"]).isNull(),
    OF_TYPE: _breaks_type,
    "expect_column_values_to_be_between": _outside,
    "expect_column_values_to_be_in_set": lambda each: (
        ~F.col(each.kwargs["column"]).isin(*each.kwargs["value_set"])
    ),
}


def _found(expectation: Expectation) -> Column:
    """The failing value as text: what the record said for a wrong type, else the column."""
    value = F.col(expectation.kwargs["column"]).cast("string")
    if expectation.type != OF_TYPE:
        return value
    path = expectation.meta["path"]
    said = F.filter("violations", lambda v: (v["path"] == path) & v["code"].isin(*_TYPE_CODES))
    return F.element_at(said, 1)["found"]


def table_counts(readings: DataFrame) -> DataFrame:
    """One row about stored readings: `rows`, `readings` (distinct device and raw event time), `anomaly_missing`."""
    return readings.agg(
        F.count("*").alias("rows"),
        F.count_distinct("device_id", "event_time_raw").alias("readings"),
        F.count_if(F.col("is_anomaly").isNull()).alias("anomaly_missing"),
    )


def judge_table(row: Row, types: Mapping[str, str], arrived: int, represented: int) -> list[Counted]:
    """What silver's suite found, in its order.

    Args:
        row: The row of `table_counts` over the hours that the batch touched.
        types: Column name -> type of `silver.reading` as it stands.
        arrived: Bronze rows of the batch.
        represented: Of these, rows that `silver.reading` has: kept, known before, or replaced by a newer reading.
    """
    found = {
        "expect_compound_columns_to_be_unique": Counted(row.rows, 0, row.rows - row.readings),
        "expect_column_to_exist": _observed("is_anomaly" in types, "is_anomaly" in types),
        "expect_column_values_to_be_of_type": _observed(
            types.get("is_anomaly", "absent"), types.get("is_anomaly") == "boolean"
        ),
        "expect_column_values_to_not_be_null": Counted(row.rows, 0, row.anomaly_missing),
        "expect_table_row_count_to_be_between": _observed(
            represented, _within_share(arrived, represented, _shares())
        ),
    }
    return [found[each.type] for each in silver_suite().expectations]


def represented(gates: Sequence[Gate]) -> int:
    """Rows of a batch that `silver.reading` has: kept, known before, or replaced by a newer reading."""
    return sum(
        gate.rows
        for gate in gates
        if gate.disposition in ("kept", "superseded")
        or (gate.disposition == "duplicate" and gate.target == READING.name)
    )


def _observed(value: Any, fine: bool) -> Counted:
    return Counted(elements=1, unexpected=0 if fine else 1, observed=value)


def _shares() -> Sequence[float]:
    (expectation,) = (each for each in silver_suite().expectations if "share_of_bronze" in each.meta)
    shares: Sequence[float] = expectation.meta["share_of_bronze"]
    return shares


def _within_share(arrived: int, represented: int, shares: Sequence[float]) -> bool:
    low, high = shares
    return low * arrived <= represented <= high * arrived


def result_gates(suite: Suite, counts: Sequence[Counted], *, batch: str, arrived: int) -> list[Gate]:
    """One gate per expectation: rows that fail, and the whole result as JSON."""
    return [
        Gate(
            "egress",
            "checked",
            f"{suite.name}: {each.name}",
            found.unexpected,
            detail=_result(each, found, batch, arrived),
        )
        for each, found in zip(suite.expectations, counts, strict=True)
    ]


def _result(expectation: Expectation, found: Counted, batch: str, arrived: int) -> dict[str, Any]:
    if "share_of_bronze" in expectation.meta:
        low, high = expectation.meta["share_of_bronze"]
        bounds = {"min_value": math.ceil(low * arrived), "max_value": math.floor(high * arrived)}
        expectation = replace(expectation, kwargs={**expectation.kwargs, **bounds})
    return validation_result(expectation, found, _failing_rows_query(expectation, batch))


def _failing_rows_query(expectation: Expectation, batch: str) -> str:
    if expectation.type == "expect_compound_columns_to_be_unique":
        columns = ", ".join(expectation.kwargs["column_list"])
        return f"select {columns}, count(*) from {READING.name} group by {columns} having count(*) > 1"
    return (
        f"select row_id, found from {QUALITY_FAILURE.name} "
        f"where batch = '{batch}' and expectation = '{expectation.name}'"
    )
