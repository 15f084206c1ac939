"""A field's usual day: its value at each hour, per device, shrunk to what the device's place does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

PRIOR_WINDOWS = 4.0
"""Weight of the place's daily shape against a device's own windows of that hour: one day of 15-minute windows."""

MOST_DAYS = 16
"""Days that are left out one by one; of longer references, every 16th day together. References of a fleet that grows
may start years apart, and no device has so many days of it."""


def days_of(window_start: pd.Series) -> npt.NDArray[np.int64]:
    """Number of the 24 hours, counted from the first reference window, modulo MOST_DAYS."""
    hours = (window_start - window_start.min()).dt.total_seconds().to_numpy() / 3600.0
    return np.asarray((hours // 24).astype("int64") % MOST_DAYS)


def daily_and_crossed(
    reference: pd.DataFrame,
    field: str,
    codes: npt.NDArray[np.intp],
    place: list[str],
    block: npt.NDArray[np.int64],
    window_minutes: int,
) -> tuple[Floats, Floats]:
    """Hours of the day from all days; and each day's residuals against the hours of the other days."""
    values = reference[f"{field}_median"].to_numpy()
    known = ~np.isnan(values)
    hour = reference["window_start"].dt.hour.to_numpy()
    shape = (len(place), int(block.max()) + 1 if len(block) else 1, 24)
    total, number = np.zeros(shape), np.zeros(shape)
    where = (codes[known], block[known], hour[known])
    np.add.at(total, where, values[known])
    np.add.at(number, where, 1.0)
    cohorts = pd.factorize(np.array(place))[0]
    daily = _shrunk_hours(total.sum(axis=1), number.sum(axis=1), cohorts)
    crossed = np.full(len(reference), np.nan)
    for day in range(shape[1]):
        mine = block == day
        others = _shrunk_hours(
            total.sum(axis=1) - total[:, day], number.sum(axis=1) - number[:, day], cohorts
        )
        usual = expected_at(others, codes[mine], reference["window_start"][mine], window_minutes)
        crossed[mine] = values[mine] - usual
    # With one day there is no other to be judged by: better its own than nothing to learn a spread from.
    own = values - expected_at(daily, codes, reference["window_start"], window_minutes)
    return daily, np.where(np.isnan(crossed), own, crossed)


def _shrunk_hours(total: Floats, number: Floats, cohorts: npt.NDArray[np.intp]) -> Floats:
    """Mean per device and hour, shrunk to the device's level plus its place's daily shape.

    A device without a single window stays null: nothing is usual for it yet.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / number
    shape = np.zeros((cohorts.max() + 1 if len(cohorts) else 0, 24))
    level = _mean(mean, axis=1)
    for _ in range(3):
        # Levels and shapes explain each other where devices miss different hours; three rounds settle it.
        level = _mean(mean - shape[cohorts], axis=1)
        deviation = pd.DataFrame(mean - level[:, None]).groupby(cohorts).mean().to_numpy()
        shape = np.nan_to_num(deviation)
    prior = level[:, None] + shape[cohorts]
    return (np.nan_to_num(total) + PRIOR_WINDOWS * prior) / (number + PRIOR_WINDOWS)


def _mean(values: Floats, axis: int) -> Floats:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=axis) / known.sum(axis=axis))


def expected_at(
    daily: Floats, codes: npt.NDArray[np.intp], window_start: pd.Series, window_minutes: int
) -> Floats:
    """Value at the middle of a window, on the straight line between the middles of two hours of the day."""
    minutes = window_start.dt.hour.to_numpy() * 60 + window_start.dt.minute.to_numpy() + window_minutes / 2
    position = minutes / 60.0 - 0.5
    before = np.floor(position).astype("int64")
    part = position - before
    usual = daily[codes, before % 24] * (1 - part) + daily[codes, (before + 1) % 24] * part
    return np.asarray(np.where(codes >= 0, usual, np.nan))
