"""Times of a table as numbers that can be subtracted: text, epochs, or a count of any unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from iot_drift.series.problems import NothingToScoreError, TimesUnreadableError
from iot_drift.series.usual import DAY

Floats = npt.NDArray[np.float64]

EPOCHS = ((1e8, 1e11, 1e9), (1e11, 1e14, 1e6), (1e14, 1e17, 1e3), (1e17, 1e20, 1.0))
"""(from, below, nanoseconds per unit): seconds, milliseconds, microseconds, nanoseconds between 1973 and 5138.
Any other number counts something else: its differences are taken as they are."""

DECIDING = 25
"""Values that decide what a column of numbers is: the first ones, so that a longer file is read the same way."""


@dataclass(frozen=True)
class Times:
    """Where each row stands in time.

    Attributes:
        position: Nanoseconds, or the column's own unit, since `base`; NaN where unreadable.
        base: The first readable value.
        is_calendar: True for instants; False for numbers of another unit.
        nanos_per_unit: Of a column of numbers (1 if they are no epoch); None for texts and timestamps.
    """

    position: Floats
    base: int
    is_calendar: bool
    nanos_per_unit: float | None = None

    @property
    def of_day(self) -> Floats:
        """Share of the UTC day that has passed, 0 to 1; NaN for what is no instant."""
        if not self.is_calendar:
            return np.full(len(self.position), np.nan)
        return np.asarray(((self.base % int(DAY)) + self.position) % DAY / DAY)

    def written(self, position: Floats) -> npt.NDArray[np.object_]:
        """Positions as texts: RFC 3339 in UTC for instants, plain numbers otherwise."""
        if not self.is_calendar:
            return np.array([f"{number:.10g}" for number in position], dtype=object)
        nanos = self.base + np.round(position).astype("int64")
        texts = np.datetime_as_string(nanos.astype("datetime64[ns]"), unit="ms")
        return np.array([f"{text}Z" for text in texts], dtype=object)


def read_times(column: pd.Series) -> Times:
    """Read a column of RFC 3339 texts, epochs, timestamps or plain numbers; without a zone they are UTC.

    Raises:
        TimesUnreadableError: No value can be read.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype) or column.dtype.kind == "M":
        return _from_instants(pd.to_datetime(column, utc=True), column)
    if column.dtype.kind in "iuf":
        return _from_numbers(column, column)
    text = column.astype("string").str.strip().str.strip("'\"").str.strip()
    numbers = pd.to_numeric(text, errors="coerce")
    given = text.notna() & (text != "")
    if numbers[given].iloc[:DECIDING].notna().mean() >= 0.5:
        return _from_numbers(numbers, column)
    instants = pd.to_datetime(text.str.upper(), format="ISO8601", utc=True, errors="coerce")
    return _from_instants(instants, column)


def _from_instants(instants: pd.Series, column: pd.Series) -> Times:
    known = instants.notna().to_numpy()
    _refuse_none(known, column)
    nanos = instants.dt.tz_localize(None).to_numpy().astype("datetime64[ns]").astype("int64")
    base = int(nanos[known][0])
    return Times(np.where(known, nanos - base, np.nan), base, is_calendar=True)


def _from_numbers(numbers: pd.Series, column: pd.Series) -> Times:
    values = numbers.to_numpy(dtype="float64", na_value=np.nan)
    known = np.isfinite(values)
    _refuse_none(known, column)
    size = float(np.median(np.abs(values[known][:DECIDING])))
    scale = next((nanos for lower, upper, nanos in EPOCHS if lower <= size < upper), None)
    first = values[known][0]
    if scale is None:
        return Times(np.where(known, values, np.nan), 0, is_calendar=False, nanos_per_unit=1.0)
    position = np.where(known, (values - first) * scale, np.nan)
    return Times(position, int(first * scale), is_calendar=True, nanos_per_unit=scale)


def _refuse_none(known: npt.NDArray[np.bool_], column: pd.Series) -> None:
    if not known.any():
        given = column.dropna()
        raise TimesUnreadableError(str(column.name), str(given.iloc[0]) if len(given) else "")


def position_of(text: str, times: Times, option: str) -> float:
    """The position of one instant or number given as an option.

    Raises:
        NothingToScoreError: It cannot be read, or is of another kind than the column.
    """
    if times.nanos_per_unit is not None:
        number = pd.to_numeric(text, errors="coerce")
        if np.isfinite(number):
            return float(number) * times.nanos_per_unit - times.base
    if times.is_calendar:
        instant = pd.to_datetime(pd.Series([text.strip().upper()]), utc=True, errors="coerce")
        if instant.notna().all():
            return float(instant.astype("datetime64[ns, UTC]").astype("int64").iloc[0] - times.base)
    raise NothingToScoreError(
        f"{option} {text!r} is no {'instant (e.g. 2026-01-31T12:00:00Z)' if times.is_calendar else 'number'} "
        "as the time column has; give one of the same kind."
    )


UNITS = {"ms": 1e6, "s": 1e9, "min": 60e9, "h": 3600e9, "d": 86_400e9}


def length_of(text: str, times: Times) -> float:
    """A length of time in the unit of positions: `90s`, `15min`, `2h`, `1d`; a bare number counts the column's unit.

    Raises:
        NothingToScoreError: It is no such length, or not above 0.
    """
    number = pd.to_numeric(text.strip(), errors="coerce")
    length = float(number) * (times.nanos_per_unit or 1e9)
    if times.is_calendar and not np.isfinite(length):
        unit = next(
            (unit for unit in sorted(UNITS, key=len, reverse=True) if text.strip().endswith(unit)), ""
        )
        length = float(pd.to_numeric(text.strip().removesuffix(unit), errors="coerce")) * UNITS.get(
            unit, np.nan
        )
    if not (np.isfinite(length) and length > 0):
        wanted = "e.g. 90s, 15min, 2h" if times.is_calendar else "a number in the unit of the time column"
        raise NothingToScoreError(f"--window {text!r} is no length of time; give {wanted}.")
    return length
