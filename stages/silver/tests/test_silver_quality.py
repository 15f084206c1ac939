"""The quality checks of a batch: results in the metric rows, and every failing row by name."""

from __future__ import annotations

from typing import Any

from iot_common.contracts.silver_quality_failure import QUALITY_FAILURE
from iot_common.metrics import Gate
from iot_common.testing.blocks import land_payloads
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import TEST_NOW, Lake
from iot_silver import job, quality
from iot_silver.policy import packaged_policy
from iot_silver.settings import SilverSettings

NULL, TYPE, BETWEEN = (
    "expect_column_values_to_not_be_null", "expect_column_values_to_be_of_type", "expect_column_values_to_be_between",
)  # fmt: skip


def checks_of(lake: Lake) -> dict[str, Gate]:
    (report,) = [each for each in job.run(lake.context("silver", SilverSettings, TEST_NOW)) if each.batches]
    return {gate.target: gate for gate in report.gates if gate.disposition == "checked"}


def detail(checks: dict[str, Gate], name: str) -> dict[str, Any]:
    found = checks[name].detail
    assert found is not None
    return dict(found)


def minute(number: int) -> str:
    return f"2026-01-01T12:{number:02d}:00Z"


def test_every_failing_row_is_named_and_every_check_is_a_metric(lake: Lake) -> None:
    good = [as_payload(a_reading(timestamp=minute(n))) for n in range(30)]
    land_payloads(
        lake,
        [
            *good,
            good[0],
            as_payload(a_reading(device_id="sensor_2", humidity=101)),
            as_payload(a_reading(device_id="sensor_3", temperature="warm")),
            as_payload(a_reading(device_id="sensor_4", without=["readings.humidity"])),
            as_payload(a_reading(without=["device_id"])),
            b"{",
        ],
        name="o",
    )
    checks = checks_of(lake)
    assert len(checks) == len(quality.bronze_suite().expectations) + len(quality.silver_suite().expectations)

    device = detail(checks, f"bronze.raw_reading: {NULL}(device_id)")
    assert device["success"] is False
    assert (device["result"]["element_count"], device["result"]["unexpected_count"]) == (36, 2)
    humidity = detail(checks, f"bronze.raw_reading: {BETWEEN}(humidity_percent)")
    assert humidity["result"]["partial_unexpected_list"] == ["101.0"]
    assert humidity["result"]["unexpected_count"] == 1
    temperature = detail(checks, f"bronze.raw_reading: {TYPE}(temperature_celsius)")
    assert temperature["result"]["partial_unexpected_list"] == ['string "warm"']
    assert checks[f"bronze.raw_reading: {BETWEEN}(latitude)"].rows == 0

    failing = {(row.row_id, row.expectation) for row in lake.table(QUALITY_FAILURE).collect()}
    assert {name for row, name in failing if row == "o#32"} == {f"{BETWEEN}(humidity_percent)"}
    assert {name for row, name in failing if row == "o#33"} == {
        f"{TYPE}(temperature_celsius)", f"{NULL}(temperature_celsius)",
    }  # fmt: skip
    assert {name for row, name in failing if row == "o#34"} == {f"{NULL}(humidity_percent)"}
    assert f"{NULL}(device_id)" in {name for row, name in failing if row == "o#36"}
    assert not {row for row, _ in failing} & {f"o#{n}" for n in range(1, 32)}, "good rows fail nothing"
    asked = device["result"]["unexpected_index_query"].replace("silver.", "driftlake.silver.")
    assert {row.row_id for row in lake.spark.sql(asked).collect()} == {"o#35", "o#36"}


def test_silver_is_checked_as_it_stands_in_the_table(lake: Lake) -> None:
    land_payloads(lake, [as_payload(a_reading(timestamp=minute(n))) for n in range(20)] + [b"{"])
    checks = checks_of(lake)
    for name in ("expect_column_to_exist(is_anomaly)", f"{TYPE}(is_anomaly)", f"{NULL}(is_anomaly)"):
        assert detail(checks, f"silver.reading: {name}")["success"] is True
    unique = detail(checks, "silver.reading: expect_compound_columns_to_be_unique(device_id,event_time_raw)")
    assert (unique["success"], unique["result"]["element_count"]) == (True, 20)
    coverage = detail(checks, "silver.reading: expect_table_row_count_to_be_between()")
    assert coverage["success"] is True, "20 of 21 is within 5 %"
    assert coverage["result"] == {"observed_value": 20}
    assert coverage["expectation_config"]["kwargs"] == {"min_value": 20, "max_value": 22}

    land_payloads(lake, [as_payload(a_reading(device_id="sensor_2")), b"{", b"["])
    later = checks_of(lake)
    coverage = detail(later, "silver.reading: expect_table_row_count_to_be_between()")
    assert (coverage["success"], coverage["result"]["observed_value"]) == (False, 1)


def test_ranges_of_the_suite_are_those_of_the_policy() -> None:
    stated = {
        each.kwargs["column"]: (each.kwargs["min_value"], each.kwargs["max_value"])
        for each in quality.bronze_suite().expectations
        if each.type == BETWEEN
    }
    for column, bounds in packaged_policy().canonical.items():
        assert stated[column] == (bounds.minimum, bounds.maximum)
