"""The rolling robust z-score: causal, robust, silent where it knows too little."""

import numpy as np
import pyarrow as pa

from iot_silver.settings import RollingSettings
from iot_silver.zscore import flag_partition, rolling_scores

ROLLING = RollingSettings(threshold=6.0, readings=30, minimum_readings=10, hours=3)
MINUTE = 60_000_000


def scores(values: list[float], minutes: list[int] | None = None, floor: float = 0.1) -> list[float]:
    times = np.array(minutes if minutes is not None else range(len(values)), dtype=np.int64) * MINUTE
    return list(rolling_scores(np.array(values, dtype=float), times, ROLLING, floor))


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


def test_only_new_readings_are_flagged_and_devices_are_kept_apart() -> None:
    rows = [
        {"row_id": f"{device}-{n}", "device_id": device, "event_micros": n * MINUTE, "is_new": n >= 20,
         "temperature_celsius": 90.0 if n in (15, 25) and device == "a" else 20.0,
         "humidity_percent": None, "battery_percent": 50.0}
        for device in ("a", "b") for n in range(30)
    ]  # fmt: skip
    schema = pa.schema(
        [("row_id", pa.string()), ("device_id", pa.string()), ("event_micros", pa.int64()), ("is_new", pa.bool_()),
         ("temperature_celsius", pa.float64()), ("humidity_percent", pa.float64()), ("battery_percent", pa.float64())]
    )  # fmt: skip
    batches = pa.Table.from_pylist(rows, schema=schema).to_batches(max_chunksize=7)
    (found,) = flag_partition(iter(batches), ROLLING)
    assert found.to_pylist() == [{"row_id": "a-25", "zscore_flags": ["zscore:temperature_celsius"]}]


def test_an_empty_partition_flags_nothing() -> None:
    assert list(flag_partition(iter([]), ROLLING)) == []
