"""The rolling robust z-score: causal, robust, silent where it knows too little."""

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from iot_silver.settings import RollingSettings
from iot_silver.zscore import VALUE_COLUMNS, flag_partition, rolling_scores

ROLLING = RollingSettings(threshold=6.0, readings=30, minimum_readings=10, hours=3)
MINUTE = 60_000_000


def scores(values: list[float], minutes: list[int] | None = None, floor: float = 0.1) -> list[float]:
    times = np.array(minutes if minutes is not None else range(len(values)), dtype=np.int64) * MINUTE
    places = np.arange(len(values))
    return list(rolling_scores(np.array(values, dtype=float), times, places, places, ROLLING, floor))


def test_a_spike_scores_high_and_its_neighbours_do_not() -> None:
    values = [20.0 + 0.1 * (n % 3) for n in range(40)]
    values[25] = 60.0
    found = scores(values)
    assert found[25] > 100
    assert max(found[:25] + found[26:]) < 6


def test_a_later_reading_never_changes_an_earlier_score() -> None:
    values = [20.0 + 0.1 * (n % 3) for n in range(30)]
    assert scores([*values, 500.0])[:30] == scores(values)


def test_fewer_than_the_minimum_before_it_score_nothing() -> None:
    assert scores([20.0] * 9 + [90.0])[9] == 0
    assert scores([20.0] * 10 + [90.0])[10] > 6


def test_readings_from_long_ago_do_not_count() -> None:
    assert scores([20.0] * 20 + [90.0], [*range(20), 20 + 181])[20] == 0


def test_a_repeated_value_does_not_make_sensor_resolution_strange() -> None:
    assert scores([20.0] * 20 + [20.1])[20] < 1


def test_missing_values_neither_score_nor_count() -> None:
    found = scores([20.0, np.nan] * 10 + [np.nan, 90.0])
    assert found[20] == 0
    assert found[21] > 6


SCHEMA = pa.schema(
    [("row_id", pa.string()), ("device_id", pa.string()), ("event_micros", pa.int64()), ("is_new", pa.bool_()),
     *((column, pa.float64()) for column in VALUE_COLUMNS)]
)  # fmt: skip


def flags(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    batches = pa.Table.from_pylist(rows, schema=SCHEMA).to_batches(max_chunksize=7)
    return {
        row["row_id"]: row["zscore_flags"]
        for found in flag_partition(iter(batches), ROLLING)
        for row in found.to_pylist()
    }


def test_only_new_readings_are_flagged_and_devices_are_kept_apart() -> None:
    rows = [
        {"row_id": f"{device}-{n}", "device_id": device, "event_micros": n * MINUTE, "is_new": n >= 20,
         "temperature_celsius": 90.0 if n in (15, 25) and device == "a" else 20.0,
         "humidity_percent": None, "battery_percent": 50.0}
        for device in ("a", "b") for n in range(30)
    ]  # fmt: skip
    assert flags(rows) == {"a-25": ["zscore:temperature_celsius"]}


def plainly_flagged(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The definition, reading by reading."""
    found: dict[str, list[str]] = {}
    for column, floor in VALUE_COLUMNS.items():
        for number, row in enumerate(rows):
            before = [each for each in rows[:number] if each["device_id"] == row["device_id"]][-30:]
            recent = [each for each in before if each["event_micros"] >= row["event_micros"] - 180 * MINUTE]
            values = [each[column] for each in recent if each[column] is not None]
            if row[column] is None or len(values) < 10 or not row["is_new"]:
                continue
            median = np.median(values)
            mad = max(float(np.median(np.abs(values - median))), floor)
            if 0.6745 * abs(row[column] - median) / mad > ROLLING.threshold:
                found.setdefault(row["row_id"], []).append(f"zscore:{column}")
    return found


READINGS = st.tuples(
    st.integers(0, 40),
    st.booleans(),
    *[st.one_of(st.none(), st.sampled_from([20.0, 20.1, 21.5, 22.0, 25.5, 90.0]))] * 3,
)


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.lists(READINGS, max_size=60)),
        max_size=3,
        unique_by=lambda d: d[0],
    )
)
def test_flags_are_those_of_the_definition(devices: list[Any]) -> None:
    rows: list[dict[str, Any]] = []
    for device, readings in sorted(devices):
        minutes = np.cumsum([0, *(minute for minute, *_ in readings)])
        rows += [
            {
                "row_id": f"{device}{n}",
                "device_id": device,
                "event_micros": int(minutes[n]) * MINUTE,
                "is_new": new,
            }
            | dict(zip(VALUE_COLUMNS, values, strict=True))
            for n, (_, new, *values) in enumerate(readings)
        ]
    assert flags(rows) == plainly_flagged(rows)


def test_an_empty_partition_flags_nothing() -> None:
    assert list(flag_partition(iter([]), ROLLING)) == []
