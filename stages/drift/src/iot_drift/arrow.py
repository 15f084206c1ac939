"""Between Arrow batches and pandas, with UTC times and maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa


def to_pandas(batches: Iterable[pa.RecordBatch]) -> pd.DataFrame:
    """All batches as one frame; times are UTC without a zone, in nanoseconds."""
    held = list(batches)
    if not held:
        return pd.DataFrame()
    frame = pa.Table.from_batches(held).to_pandas()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[ns]")
    return frame


def in_utc(frame: pd.DataFrame) -> pd.DataFrame:
    """Times marked as UTC in microseconds, as Spark wants them."""
    zoned = frame.copy(deep=False)
    for name in zoned.columns:
        if zoned[name].dtype.kind == "M":
            zoned[name] = zoned[name].astype("datetime64[us]").dt.tz_localize("UTC")
    return zoned


def number_map(frame: pd.DataFrame, names: Sequence[str]) -> pa.MapArray:
    """Columns as one map from name to number per row; nulls are left out."""
    values = frame[list(names)].to_numpy(dtype="float64")
    known = ~np.isnan(values)
    offsets = np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype("int32")
    codes = np.broadcast_to(np.arange(len(names), dtype="int32"), values.shape)[known]
    keys = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(names))).cast(pa.string())
    return pa.MapArray.from_arrays(pa.array(offsets), keys, pa.array(values[known]))
