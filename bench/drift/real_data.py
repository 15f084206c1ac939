"""Detection on real and published series: ours beside peers, in the same run, with one setting for all files.

`python -m bench.drift.real_data FOLDER` prints the tables; `make bench-drift` puts them into its document.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.drift import real_peers, real_series
from bench.drift.nab_scoring import NabResult, ScoredFile, nab_score
from bench.drift.real_peers import Judged
from bench.drift.real_series import LabelledSeries

from iot_drift.series.engine import THRESHOLD, score_table
from iot_drift.series.judge import SeriesRules
from iot_drift.series.table import Training, read_table

Floats = npt.NDArray[np.float64]
Detector = Callable[[LabelledSeries], Judged]

OURS = "driftlake drift score"
RANDOM_CUT_FOREST = "Random Cut Forest (rrcf)"

TOO_SLOW = {RANDOM_CUT_FOREST: "Intel"}
"""Half a millisecond per row and tree: 200,000 rows of labelled faults would take it an hour."""


@dataclass(frozen=True)
class RowResult:
    """Rows after the training rows of one family, pooled over its series.

    Attributes:
        far: False alarms per 100 healthy rows; missed: missed rows per 100 anomalous ones.
        far_of_all: As SKAB counts, training rows among the healthy ones.
        auprc: Area under precision and recall over the scores.
        worst_f1: Of any series of the family that has anomalous rows.
    """

    family: str
    detector: str
    precision: float
    recall: float
    f1: float
    far: float
    missed: float
    far_of_all: float
    auprc: float
    worst_f1: float
    milliseconds_per_row: float


@dataclass(frozen=True)
class NabRow:
    """One detector over all NAB files: at the best threshold for all files, and at its own."""

    detector: str
    best: NabResult
    own: NabResult


@dataclass(frozen=True)
class RealResults:
    """Everything measured."""

    rows: tuple[RowResult, ...]
    nab: tuple[NabRow, ...]
    robustness: tuple[tuple[str, float, float, float], ...]

    def as_json(self) -> dict[str, Any]:
        """For the benchmark's JSON."""
        return asdict(self)


DEFAULT = SeriesRules()


def ours(rules: SeriesRules = DEFAULT) -> Detector:
    """What the command does, without its files."""

    def judge(series: LabelledSeries) -> Judged:
        table = read_table(series.frame, "time", training=Training(rows=series.training))
        return Judged(np.nan_to_num(score_table(table, rules).score), THRESHOLD)

    return judge


def peer(name: str) -> Detector:
    """A peer of real_peers."""
    return lambda series: real_peers.PEERS[name](real_peers.filled(series.values), series.training)


def measure(folder: Path) -> RealResults:
    """Run every detector over every series under `folder` (the evaluation data)."""
    detectors = {OURS: ours(), **{name: peer(name) for name in real_peers.PEERS}}
    families: dict[str, list[LabelledSeries]] = {}
    for load in (real_series.skab, real_series.single_hop, real_series.intel_faults):
        for series in load(folder):
            families.setdefault(series.family, []).append(series)
    rows = tuple(
        measured_rows(name, detect, members)
        for family, members in families.items()
        for name, detect in detectors.items()
        if not family.startswith(TOO_SLOW.get(name, "-"))
    )
    files = list(real_series.nab(folder))
    return RealResults(
        rows,
        tuple(measured_nab(name, detect, files) for name, detect in detectors.items()),
        robustness(families["SKAB valve2"], files),
    )


def measured_rows(name: str, detect: Detector, members: Sequence[LabelledSeries]) -> RowResult:
    """One detector over the series of a family."""
    began = process_time()
    judged = [detect(series) for series in members]
    seconds = process_time() - began
    after = [np.arange(len(series.labels)) >= series.training for series in members]
    found = [one.score >= one.threshold for one in judged]
    each = [
        _counts(hit[late], series.labels[late])
        for hit, late, series in zip(found, after, members, strict=True)
    ]
    true, false, missed, quiet = np.sum(each, axis=0)
    training = sum(series.training for series in members)
    labels = np.concatenate([series.labels[late] for series, late in zip(members, after, strict=True)])
    scores = np.concatenate([one.score[late] for one, late in zip(judged, after, strict=True)])
    return RowResult(
        members[0].family, name, _share(true, true + false), _share(true, true + missed), _f1(true, false, missed),
        100 * _share(false, false + quiet), 100 * _share(missed, true + missed),
        100 * _share(false, false + quiet + training), _average_precision(labels, scores),
        min(_f1(*one[:3]) for one in each if one[0] + one[2]),
        1000 * seconds / sum(len(series.labels) for series in members),
    )  # fmt: skip


def measured_nab(name: str, detect: Detector, files: Sequence[LabelledSeries]) -> NabRow:
    """One detector over all NAB files, at the best threshold for all and at its own."""
    judged = [(series, detect(series)) for series in files]

    def scored(score: Callable[[Judged], Floats]) -> list[ScoredFile]:
        return [ScoredFile(series.name, score(one), series.windows) for series, one in judged]

    best = nab_score(scored(lambda one: one.score))
    if name != OURS:
        relative = nab_score(scored(lambda one: one.score / max(one.threshold, 1e-9)))
        best = max(best, relative, key=lambda result: result.score)
    own = nab_score(scored(lambda one: (one.score >= one.threshold).astype("float64")), threshold=1.0)
    return NabRow(name, best, own)


PERTURBED = {
    "as it is": SeriesRules(),
    "another seed": SeriesRules(seed=8),
    "a tenth of the budget": SeriesRules(false_alarms_per_1000_windows=0.1),
    "ten times the budget": SeriesRules(false_alarms_per_1000_windows=10.0),
    "windows of 10 rows": SeriesRules(),
    "windows of 40 rows": SeriesRules(),
}
"""Neighbouring settings: a result that depends on one exact setting is luck."""


def robustness(
    skab: Sequence[LabelledSeries], files: Sequence[LabelledSeries]
) -> tuple[tuple[str, float, float, float], ...]:
    """(setting, SKAB F1, SKAB false alarms %, NAB) of neighbouring settings."""
    found = []
    for name, rules in PERTURBED.items():
        count = int(name.split()[2]) if name.startswith("windows") else 0

        def detect(series: LabelledSeries, rules: SeriesRules = rules, count: int = count) -> Judged:
            if not count:
                return ours(rules)(series)
            times = read_table(series.frame, "time").times.position[: series.training]
            length = count * float(np.median(np.diff(np.unique(times))))
            return ours(SeriesRules(window=length))(series)

        result = measured_rows(name, detect, skab)
        found.append((name, result.f1, result.far, measured_nab(name, detect, files).best.score))
    return tuple(found)


def _counts(found: npt.NDArray[np.bool_], labels: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """True and false findings, missed rows, rightly quiet ones."""
    return (
        int((found & labels).sum()), int((found & ~labels).sum()), int((~found & labels).sum()),
        int((~found & ~labels).sum()),
    )  # fmt: skip


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _f1(true: int, false: int, missed: int) -> float:
    return _share(2 * true, 2 * true + false + missed)


def _average_precision(labels: npt.NDArray[np.bool_], scores: Floats) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, scores))


PUBLISHED_SKAB = (
    ("Conv-AE", 0.78, 13.55, 28.02),
    ("MSET", 0.78, 39.73, 14.13),
    ("isolation forest", 0.29, 2.56, 82.89),
)
PUBLISHED_NAB = (
    ("ARTime", 74.9),
    ("Numenta HTM", 70.5),
    ("Random Cut Forest", 51.7),
    ("windowed Gaussian", 39.6),
)


def as_row(results: RealResults) -> dict[str, Any]:
    """What the document keeps: its section, and the figures of the aims."""
    ours = next(row for row in results.rows if row.family.startswith("SKAB") and row.detector == OURS)
    nab = {row.detector: row.best.score for row in results.nab}
    return {
        "markdown": as_markdown(results),
        "skab_f1": ours.f1, "skab_false_alarms_percent": ours.far,
        "nab": nab[OURS], "nab_random_cut_forest": nab[RANDOM_CUT_FOREST],
    }  # fmt: skip


def as_markdown(results: RealResults) -> str:
    """The tables, with the published figures below."""
    parts = ["## Real and published series", _METHOD]
    for family in dict.fromkeys(row.family for row in results.rows):
        parts.append(_rows_table(family, [row for row in results.rows if row.family == family]))
        if family.startswith("SKAB"):
            parts.append(_published_skab())
    parts.append(_nab_table(results.nab))
    parts.append(_robustness_table(results.robustness))
    return "\n\n".join(parts) + "\n"


_METHOD = """One setting for all files, the default one of `driftlake drift score`. SKAB trains on the first 400 rows
of each file, NAB on its probation (15 %), the others on the first fifth of each entity. Training rows count for nobody,
except where it says *of all rows*. The peers get the same training rows; a row is found by their own rule where they
have one (ADWIN, KS p < 0.05, PSI > 0.2), else above the 99.5 % point of their training scores. In Intel's labelled
files up to a third of the rows that train are faulty themselves, and nobody says which; Random Cut Forest would need
an hour there. KS and PSI are what Evidently and Frouros compute over windows: scipy's test, and the formula (Frouros
asks for older releases of packages that we ship, so it is not run itself). The default setting was chosen while these
files were looked at, one for all; the last table shows how much depends on it. Expect less of files it has not met.

What falls short: what Intel's labels call *drift* and *polydrift* is nearly all missed, and ranked worse than
by a forest over single records; on single-hop HalfSpaceTrees finds more. Why was not established; the rows that train
hold such faults themselves."""


def _rows_table(family: str, rows: Sequence[RowResult]) -> str:
    head = (
        f"### {family}\n\n| detector | F1 | worst file | precision | recall | false alarms % | of all rows % "
        "| missed % | AUPRC | ms a row |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    )
    return head + "\n".join(
        f"| {row.detector} | {row.f1:.3f} | {row.worst_f1:.3f} | {row.precision:.3f} | {row.recall:.3f} "
        f"| {row.far:.2f} | {row.far_of_all:.2f} | {row.missed:.2f} | {row.auprc:.3f} "
        f"| {row.milliseconds_per_row:.2f} |"
        for row in rows
    )


def _published_skab() -> str:
    said = "; ".join(f"{name} {f1:.2f} / {far:.2f} / {mar:.2f}" for name, f1, far, mar in PUBLISHED_SKAB)
    return f"Published, over all 34 files of SKAB (F1 / false alarms % / missed %): {said}."


def _nab_table(rows: Sequence[NabRow]) -> str:
    head = (
        "### NAB, standard profile\n\nThe best threshold is one for all files, searched for every detector alike, as "
        "NAB does; for peers on their scores, or on scores over their own threshold in the file, whichever gives more. "
        "*Own* is each detector's own rule per file.\n\n| detector | score | windows found | false rows "
        "| own threshold |\n"
        "|---|---:|---:|---:|---:|\n"
    )
    lines = "\n".join(
        f"| {row.detector} | {row.best.score:.1f} | {row.best.found_windows} of {row.best.windows} | "
        f"{row.best.false_detections} | {row.own.score:.1f} |"
        for row in rows
    )
    said = ", ".join(f"{name} {score}" for name, score in PUBLISHED_NAB)
    return f"{head}{lines}\n\nPublished, over all 58 files: {said}."


def _robustness_table(rows: Sequence[tuple[str, float, float, float]]) -> str:
    head = "### Neighbouring settings\n\n| setting | SKAB valve2 F1 | false alarms % | NAB |\n|---|---:|---:|---:|\n"
    return head + "\n".join(f"| {name} | {f1:.3f} | {far:.2f} | {nab:.1f} |" for name, f1, far, nab in rows)


if __name__ == "__main__":
    print(as_markdown(measure(Path(sys.argv[1]))))
