"""What is usual for one entity: level, time of day, relations of its columns. From training rows only, then frozen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from iot_drift.series.trailing import steps

Floats = npt.NDArray[np.float64]

DAY = 86_400e9
"""Nanoseconds, the unit of instants."""

CYCLE_DAYS = 2.0
"""Fewer days of training cannot tell an hour's usual value from a trend."""

SLOTS = 48
"""Slots of the day with a usual value each: half an hour."""

RIDGE = 0.1
"""Penalty per training row of the relations between standardised columns."""

CLIP = 8.0
"""Spreads beyond which a single row counts no more in a window's mean: one spike is no shift."""

FARTHEST = 1e9
"""Spreads beyond which it no longer matters how far: numbers near the end of float64 stay numbers."""

FAULTY = 12.0
"""Spreads beyond which a training value is a fault and no part of what is usual, if it is rare."""

MOST_FAULTY = 0.1
"""Share of a column's training values; one that is often so far off is like that."""

LEAST_RELATION_SPREAD = 0.05
"""A column that others explain to the last digit is trusted no further than this share of its own spread."""


@dataclass(frozen=True)
class Rows:
    """Rows of one entity in order of time.

    Attributes:
        values: One column per scored column; NaN where unknown.
        position: Time, in nanoseconds for instants.
        of_day: Share of the UTC day, NaN for what is no instant.
    """

    values: Floats
    position: Floats
    of_day: Floats

    def __getitem__(self, chosen: slice | npt.NDArray[np.bool_]) -> Rows:
        return Rows(self.values[chosen], self.position[chosen], self.of_day[chosen])

    def __len__(self) -> int:
        return len(self.position)

    @property
    def has_days(self) -> bool:
        """True if the rows are instants over enough days to learn a daily cycle."""
        known = len(self) > 1 and bool(np.isfinite(self.of_day).all())
        return known and bool(self.position[-1] - self.position[0] >= CYCLE_DAYS * DAY)


@dataclass(frozen=True)
class Usual:
    """Learned per column (last axis).

    Attributes:
        level: Usual value.
        daily: Deviation from it per slot of the day, or None.
        spread: Robust spread of the residuals, never 0.
        step: Robust spread of the difference of a residual to the one before, in spreads.
        relation: Weight of every other column's residual (rows) in each column's (columns); diagonal 0.
        relation_spread: Spread of what the relation leaves, in spreads.
    """

    level: Floats
    daily: Floats | None
    spread: Floats
    step: Floats
    relation: Floats
    relation_spread: Floats

    def expected(self, of_day: Floats) -> Floats:
        """Usual value at a time of day."""
        if self.daily is None:
            return np.broadcast_to(self.level, (len(of_day), len(self.level)))
        return np.asarray(self.level + _at(self.daily, of_day))

    def residual(self, rows: Rows) -> Floats:
        """Values minus what is usual then, in spreads; where the day's curve is steep, it counts for less."""
        with np.errstate(over="ignore"):
            left = rows.values - self.expected(rows.of_day)
            sized = left / (self.spread + _timing(self.daily, rows.of_day))
        return np.asarray(np.clip(sized, -FARTHEST, FARTHEST))

    def unexplained(self, sized: Floats) -> Floats:
        """What the other columns do not explain of residuals, in its own spreads."""
        # einsum and not @: its sums do not depend on how many rows there are, to the last digit.
        explained = np.einsum("ij,jk->ik", np.nan_to_num(sized), self.relation)
        return np.asarray((sized - explained) / self.relation_spread)


def learn_usual(rows: Rows, has_cycle: bool) -> Usual:
    """Learn from training rows; every column has a known value.

    Args:
        rows: The training rows.
        has_cycle: Whether a daily cycle is learned.
    """
    level = _median(rows.values)
    left = rows.values - level
    daily = _daily(left, rows) if has_cycle else None
    if daily is not None:
        left = left - _at(daily, rows.of_day)
    spread = robust_spread(left, rows.values)
    timing = _timing(daily, rows.of_day)
    spread = robust_spread(left / (1.0 + timing / spread), rows.values)
    sized = np.clip(np.nan_to_num(left / (spread + timing)), -CLIP, CLIP)
    relation = _relations(sized)
    remainder = robust_spread(sized - sized @ relation, sized)
    step = robust_spread(steps(sized), sized)
    return Usual(level, daily, spread, step, relation, np.maximum(remainder, LEAST_RELATION_SPREAD))


def without_faults(training: Rows) -> Rows:
    """Training rows in which values that are beyond all reason, and rare, are replaced by the one before."""
    sizes = np.abs(learn_usual(training, training.has_days).residual(training))
    faulty = np.nan_to_num(sizes) > FAULTY
    faulty &= faulty.mean(axis=0) <= MOST_FAULTY
    if not faulty.any():
        return training
    row = np.where(faulty, 0, np.arange(len(training))[:, None])
    newest = np.maximum.accumulate(row, axis=0)
    held = np.take_along_axis(training.values, newest, axis=0)
    return Rows(np.where(faulty, held, training.values), training.position, training.of_day)


def robust_spread(residual: Floats, values: Floats) -> Floats:
    """The 90 % point of the sizes as that of a normal; at least half a step of the column's own resolution."""
    known = np.where(np.isnan(residual).all(axis=0), 0.0, residual)
    size = np.nanquantile(np.abs(known), 0.9, axis=0) / 1.645
    return np.asarray(np.maximum(size, [_resolution(column) for column in values.T]))


def _median(values: Floats) -> Floats:
    # A fold of the training rows may lack a column altogether.
    return np.asarray(np.nanmedian(np.where(np.isnan(values).all(axis=0), 0.0, values), axis=0))


def _resolution(column: Floats) -> float:
    """Half of the smallest step seen, or for a column that stands still a millionth of its value."""
    seen = np.unique(column[~np.isnan(column)])
    if len(seen) > 1:
        return float(max(np.diff(seen).min() / 2.0, np.abs(seen).max() * 1e-9))
    return float(abs(seen[0]) * 1e-6) if len(seen) and seen[0] != 0.0 else 1e-6


def _daily(left: Floats, rows: Rows) -> Floats:
    """Mean deviation per slot of the day, shrunk to 0 by how well the days agree; slots nobody saw stay 0."""
    slot = np.minimum((rows.of_day * SLOTS).astype("int64"), SLOTS - 1)
    day = np.floor((rows.position - rows.position[0]) / DAY).astype("int64")
    known = ~np.isnan(left)
    shape = (int(day.max()) + 1, SLOTS, left.shape[1])
    total, number = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (day, slot), np.where(known, left, 0.0))
    np.add.at(number, (day, slot), known.astype("float64"))
    seen = np.maximum(number.sum(axis=0), 1.0)
    mean = total.sum(axis=0) / seen
    each = np.where(number > 0, total / np.maximum(number, 1.0) - mean, 0.0)
    days = np.maximum((number > 0).sum(axis=0), 1)
    error = (each**2).sum(axis=0) / np.maximum(days - 1, 1) / days
    trusted = 1.0 - error.mean(axis=0) / np.maximum(mean.var(axis=0), 1e-300)
    return np.asarray(mean * np.clip(trusted, 0.0, 1.0))


def _at(daily: Floats, of_day: Floats) -> Floats:
    """On the straight line between the middles of two slots."""
    place = np.nan_to_num(of_day) * SLOTS - 0.5
    before = np.floor(place).astype("int64")
    part = (place - before)[:, None]
    return np.asarray(daily[before % SLOTS] * (1 - part) + daily[(before + 1) % SLOTS] * part)


def _timing(daily: Floats | None, of_day: Floats) -> Floats | float:
    """What half a slot too early or too late would make."""
    if daily is None:
        return 0.0
    step = np.abs(np.diff(np.vstack([daily, daily[:1]]), axis=0))
    return _at(np.maximum(step, np.roll(step, 1, axis=0)) / 2.0, of_day)


def _relations(sized: Floats) -> Floats:
    """Each column as a ridge regression on the others."""
    count = sized.shape[1]
    weights = np.zeros((count, count))
    products = sized.T @ sized / max(len(sized), 1)
    for column in range(count if count > 1 else 0):
        others = [number for number in range(count) if number != column]
        inner = products[np.ix_(others, others)] + RIDGE * np.eye(len(others))
        weights[others, column] = np.linalg.solve(inner, products[others, column])
    return weights
