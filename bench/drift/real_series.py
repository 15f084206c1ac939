"""The real and published series of the benchmark, each with its labels, as every detector gets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from bench.drift.nab_scoring import probation

Floats = npt.NDArray[np.float64]

SKAB_TRAINING_ROWS = 400
"""As SKAB trains: the first 400 rows of every file."""

FAULTS = ("random", "malfunction", "bias", "drift", "polydrift", "mixed")


@dataclass(frozen=True)
class LabelledSeries:
    """One entity of one file, by time.

    Attributes:
        family: What it is pooled with.
        name: File, and entity where a file has several.
        frame: Column `time` and the columns to score.
        training: Rows that train; the first ones.
        labels: True for anomalous rows.
        windows: Labelled windows as (first, last) row; of NAB alone.
    """

    family: str
    name: str
    frame: pd.DataFrame
    training: int
    labels: npt.NDArray[np.bool_]
    windows: tuple[tuple[int, int], ...] = ()

    @property
    def values(self) -> Floats:
        """The columns to score."""
        return self.frame.drop(columns="time").to_numpy(dtype="float64")


def skab(folder: Path) -> Iterator[LabelledSeries]:
    """SKAB: eight sensors of a pump's loop, a row a second; a valve is closed for some minutes."""
    for path in sorted((folder / "skab" / "valve2").glob("*.csv")):
        table = pd.read_csv(path, sep=";").rename(columns={"datetime": "time"})
        labels = table["anomaly"].to_numpy() > 0
        frame = table.drop(columns=["anomaly", "changepoint"])
        yield LabelledSeries("SKAB valve2", path.stem, frame, SKAB_TRAINING_ROWS, labels)


def nab(folder: Path) -> Iterator[LabelledSeries]:
    """The NAB files that are there; what it calls probation trains."""
    root = folder / "nab"
    for name, windows in sorted(json.loads((root / "windows.json").read_text("utf-8")).items()):
        path = root / name
        path = path if path.exists() else root / Path(name).name
        table = pd.read_csv(path).rename(columns={"timestamp": "time"})
        times = list(pd.to_datetime(table["time"]))
        rows = tuple(
            (times.index(pd.Timestamp(first)), times.index(pd.Timestamp(last))) for first, last in windows
        )
        labels = np.zeros(len(table), dtype=bool)
        for first, last in rows:
            labels[first : last + 1] = True
        yield LabelledSeries("NAB", name, table, probation(len(table)), labels, rows)


def single_hop(folder: Path) -> Iterator[LabelledSeries]:
    """Suthaharan's single-hop motes: humidity and temperature every five seconds, with events of hot steam."""
    table = pd.read_csv(folder / "wsn_labelled" / "singlehop.csv")
    for mote, rows in table.groupby("mote_id"):
        frame = rows[["reading", "humidity", "temperature"]].rename(columns={"reading": "time"})
        labels = rows["label"].to_numpy() > 0
        yield LabelledSeries(
            "Suthaharan single-hop", f"mote {mote}", frame.reset_index(drop=True), len(rows) // 5, labels
        )


def intel_faults(folder: Path) -> Iterator[LabelledSeries]:
    """Faults injected by de Bruijn et al. into Intel motes; the first fifth, which trains, holds faults as well."""
    for fault in FAULTS:
        for path in sorted((folder / "intel_lab" / "labelled" / f"injected_{fault}").glob("*.gz")):
            table = pd.read_csv(path, quotechar="'")
            labels = table["has_fault_type"].to_numpy() > 0
            frame = table[["timestamp", "light", "temperature"]].rename(columns={"timestamp": "time"})
            name = path.name.split("_")[0]
            yield LabelledSeries(f"Intel, {fault}", name, frame, len(table) // 5, labels)
