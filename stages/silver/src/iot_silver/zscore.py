"""Rolling robust z-score of each reading against the device's readings before it. Pure, numpy.

Score: 0.6745 · |x − median| / MAD over the last readings before x (Iglewicz and Hoaglin, 1993); a value is flagged
above the threshold. Causal: a reading is never judged by a later one. Limit: MAD is not taken below a floor per
column, since quantised sensors often repeat a value and MAD is then 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    from iot_silver.settings import RollingSettings

VALUE_COLUMNS = {"temperature_celsius": 0.2, "humidity_percent": 0.5, "battery_percent": 0.5}
"""Columns that are scored, with the floor of their MAD in the column's unit: below it is sensor resolution."""

FLAGGED_DDL = "row_id string, zscore_flags array<string>"

MAD_TO_SIGMA = 0.6745
"""MAD of a normal distribution in standard deviations."""


def rolling_scores(
    values: NDArray[np.float64], times: NDArray[np.int64], rolling: RollingSettings, mad_floor: float
) -> NDArray[np.float64]:
    """Score of each value of one device, in time order; 0 where there are too few readings before it.

    Args:
        values: The values; NaN where the reading has none.
        times: Microseconds since 1970-01-01 UTC, ascending.
        rolling: Window and minimum.
        mad_floor: Smallest MAD, in the unit of the values.
    """
    size = rolling.readings
    padded = np.concatenate([np.full(size, np.nan), values])
    padded_times = np.concatenate([np.full(size, np.iinfo(np.int64).min // 2), times])
    before = np.lib.stride_tricks.sliding_window_view(padded[:-1], size)
    before_times = np.lib.stride_tricks.sliding_window_view(padded_times[:-1], size)
    recent = before_times >= (times - rolling.hours * 3_600_000_000)[:, None]
    window = np.where(recent, before, np.nan)
    enough = np.isfinite(window).sum(axis=1) >= rolling.minimum_readings
    scores = np.zeros(len(values))
    judged = enough & np.isfinite(values)
    if judged.any():
        kept = window[judged]
        median = np.nanmedian(kept, axis=1)
        mad = np.nanmedian(np.abs(kept - median[:, None]), axis=1)
        scores[judged] = MAD_TO_SIGMA * np.abs(values[judged] - median) / np.maximum(mad, mad_floor)
    return scores


def flag_partition(batches: Iterator[pa.RecordBatch], rolling: RollingSettings) -> Iterator[pa.RecordBatch]:
    """Row ids of new readings with a flag, from a partition sorted by device and time.

    Args:
        batches: Columns `row_id, device_id, event_micros, is_new` and VALUE_COLUMNS; all readings of a device are in
            one partition, in time order.
        rolling: Window and threshold.

    Yields:
        Columns of FLAGGED_DDL; rows without a flag are left out.
    """
    import pyarrow as pa

    rows = [batch for batch in batches if batch.num_rows]
    if not rows:
        return
    table = pa.Table.from_batches(rows).combine_chunks()
    devices = table.column("device_id").to_numpy(zero_copy_only=False)
    times = table.column("event_micros").to_numpy()
    is_new = table.column("is_new").to_numpy(zero_copy_only=False).astype(bool)
    starts = np.flatnonzero(np.concatenate([[True], devices[1:] != devices[:-1]]))
    flagged: dict[int, list[str]] = {}
    for column, floor in VALUE_COLUMNS.items():
        values = table.column(column).to_numpy(zero_copy_only=False).astype(np.float64)
        for start, end in zip(starts, [*starts[1:], len(devices)], strict=True):
            scores = rolling_scores(values[start:end], times[start:end], rolling, floor)
            for offset in np.flatnonzero((scores > rolling.threshold) & is_new[start:end]):
                flagged.setdefault(int(start + offset), []).append(f"zscore:{column}")
    ids = table.column("row_id")
    yield pa.RecordBatch.from_pydict(
        {"row_id": [ids[i].as_py() for i in flagged], "zscore_flags": list(flagged.values())},
        schema=pa.schema([("row_id", pa.string()), ("zscore_flags", pa.list_(pa.string()))]),
    )
