"""A table of numeric columns, ready to be scored: which columns count, whose rows they are, and which rows train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from iot_drift.series.problems import ColumnNotFoundError, NothingToScoreError
from iot_drift.series.times import Times, position_of, read_times

Floats = npt.NDArray[np.float64]

NUMERIC_SHARE = 0.5
"""A column of texts counts as numeric if so many of its training values are numbers; the others are nulls."""

FAR = 10.0
"""Times the length of a table beyond which a row's clock is doubtful; the row is scored all the same."""


@dataclass(frozen=True)
class Training:
    """Which rows of an entity train, in its order of time; by default the first `share` of them."""

    until: str | None = None
    rows: int | None = None
    share: float = 0.2


@dataclass(frozen=True)
class SeriesTable:
    """A table in the order of its file.

    Attributes:
        times: Of every row.
        entity: Number of every row's entity.
        entities: Their names, in order of appearance.
        names: The columns that are scored.
        values: One row per row, one column per name; NaN where null, infinite or no number.
        is_training: True for rows that are learned from.
        left_out: Columns that are not scored, with the reason.
    """

    times: Times
    entity: npt.NDArray[np.intp]
    entities: tuple[str, ...]
    names: tuple[str, ...]
    values: Floats
    is_training: npt.NDArray[np.bool_]
    left_out: dict[str, str]

    @property
    def rows_out_of_order(self) -> int:
        """Rows whose time is before that of the row of their entity above them."""
        return sum(int((np.diff(self._written(number)) < 0).sum()) for number in range(len(self.entities)))

    @property
    def far_ahead(self) -> npt.NDArray[np.intp]:
        """Rows later than the bulk of the table by more than FAR times its length."""
        known = self.times.position[np.isfinite(self.times.position)]
        lower, upper = np.quantile(known, [0.01, 0.95])
        with np.errstate(invalid="ignore"):
            return np.flatnonzero(self.times.position > upper + FAR * max(upper - lower, 0.0))

    def _written(self, entity: int) -> Floats:
        mine = self.times.position[self.entity == entity]
        return mine[np.isfinite(mine)]

    def rows_of(self, entity: int) -> npt.NDArray[np.intp]:
        """Rows of an entity by time (equal times in the file's order), without those whose time is unreadable."""
        mine = np.flatnonzero((self.entity == entity) & np.isfinite(self.times.position))
        return mine[np.argsort(self.times.position[mine], kind="stable")]


def read_table(
    table: pd.DataFrame,
    time: str,
    entity: str | None = None,
    columns: Sequence[str] = (),
    ignored: Sequence[str] = (),
    training: Training = Training(),
) -> SeriesTable:
    """Choose columns and training rows.

    Args:
        table: Any columns; time and entity may be texts.
        time: Column of the time.
        entity: Column that says whose row it is; None: the table is one entity.
        columns: Columns to score; empty: every numeric one.
        ignored: Columns that are not scored.
        training: Which rows train.

    Raises:
        SettingsError: A column is absent, nothing is numeric, no time is readable, or nothing trains.
    """
    present = [str(name) for name in table.columns]
    wanted = [(time, "--time"), *(((entity, "--entity"),) if entity else ())]
    wanted += [(name, "--columns") for name in columns] + [(name, "--ignore") for name in ignored]
    for name, option in wanted:
        if name not in present:
            raise ColumnNotFoundError(name, option, present)
    if table.empty:
        raise NothingToScoreError("the table has a header and no row; give one with the rows to learn from.")
    times = read_times(table[time])
    codes, entities = _entities(table, entity)
    is_training = _training_rows(times, codes, len(entities), training)
    if not is_training.any():
        raise NothingToScoreError(
            f"no row trains: of {len(table):,} rows none is in the first fifth of its entity, or before --train-until. "
            "Give more rows, or set --train-rows."
        )
    candidates = [name for name in (columns or present) if name not in {time, entity, *ignored}]
    names, values, left_out = _numeric(table, candidates, is_training)
    if not names:
        said = "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "there is no other column"
        raise NothingToScoreError(
            f"no numeric column to score ({said}). Name some with --columns, or mend the separator (--sep)."
        )
    return SeriesTable(times, codes, entities, tuple(names), values, is_training, left_out)


def _entities(table: pd.DataFrame, entity: str | None) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
    if entity is None:
        return np.zeros(len(table), dtype="intp"), ("",)
    named = table[entity].astype("string").fillna("").to_numpy(dtype=object)
    codes, names = pd.factorize(named)
    return codes, tuple(map(str, names))


def _training_rows(
    times: Times, codes: npt.NDArray[np.intp], count: int, training: Training
) -> npt.NDArray[np.bool_]:
    """True for the rows that train: none of them lies after a row of the same entity that is scored."""
    readable = np.isfinite(times.position)
    if training.until is not None:
        end = position_of(training.until, times, "--train-until")
        return np.asarray(readable & (np.nan_to_num(times.position) < end))
    order = np.lexsort((np.arange(len(codes)), times.position, codes))
    order = order[readable[order]]
    rank = np.empty(len(codes), dtype="int64")
    size = np.bincount(codes[order], minlength=count)
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    rank[order] = np.arange(len(order)) - first[codes[order]]
    wanted = np.minimum(size, training.rows) if training.rows is not None else (size * training.share)
    return np.asarray(readable & (rank < np.floor(wanted)[codes]))


def _numeric(
    table: pd.DataFrame, candidates: Sequence[str], is_training: npt.NDArray[np.bool_]
) -> tuple[list[str], Floats, dict[str, str]]:
    names, kept, left_out = [], [], {}
    for name in candidates:
        column = table[name]
        if column.dtype.kind not in "iuf":
            column = pd.to_numeric(column.astype("string").str.strip(), errors="coerce")
        values = column.to_numpy(dtype="float64", na_value=np.nan)
        values = np.where(np.isfinite(values), values, np.nan)
        given = table[name].notna().to_numpy() & is_training
        if not given.any():
            left_out[name] = "no value in the training rows"
        elif np.isfinite(values[given]).mean() < NUMERIC_SHARE:
            texts = table[name][given].astype("string").str.strip()
            commas = texts.str.fullmatch(r"[+-]?\d+,\d+").mean() > NUMERIC_SHARE
            left_out[name] = "decimal commas; write its numbers with a point" if commas else "no numbers"
        else:
            names.append(name)
            kept.append(values)
    return names, np.column_stack(kept) if kept else np.zeros((len(table), 0)), left_out
