"""`driftlake drift score`: the drift engine on a file of any numeric series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from driftlake.series_files import read_series, refuse_bad_target, write_series
from iot_common.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from iot_drift.series.engine import SeriesScores
    from iot_drift.series.table import SeriesTable


@dataclass(frozen=True)
class ScoreRequest:
    """The options of the command, as given."""

    source: Path
    time: str
    out: Path
    entity: str | None = None
    windows_out: Path | None = None
    train_until: str | None = None
    train_rows: int | None = None
    columns: Sequence[str] = ()
    ignored: Sequence[str] = ()
    separator: str = ","
    window: str | None = None
    false_alarms_per_1000_windows: float = 1.0
    seed: int = 7


def run_score(request: ScoreRequest, notices: Console) -> None:
    """Read, score, write; what a reader of the scores should know goes to `notices`.

    Raises:
        SettingsError: The file, a column or an option makes scoring impossible; nothing was written.
    """
    from iot_drift.series.engine import score_table
    from iot_drift.series.judge import SeriesRules
    from iot_drift.series.table import Training, read_table
    from iot_drift.series.times import length_of

    _refuse_bad_options(request)
    texts = [request.time, *([request.entity] if request.entity else [])]
    frame = read_series(request.source, texts, request.separator)
    training = Training(request.train_until, request.train_rows)
    table = read_table(
        frame, request.time, request.entity, request.columns, request.ignored, training=training
    )
    window = None if request.window is None else length_of(request.window, table.times)
    rules = SeriesRules(window, request.false_alarms_per_1000_windows, request.seed)
    scores = score_table(table, rules)
    write_series(score_rows(frame, request, scores), request.out)
    if request.windows_out is not None:
        write_series(window_rows(table, scores), request.windows_out)
    for line in remarks(table, scores, request):
        notices.print(line, markup=False, highlight=False)


def _refuse_bad_options(request: ScoreRequest) -> None:
    if request.train_until is not None and request.train_rows is not None:
        raise SettingsError("--train-until and --train-rows exclude each other; give one")
    if len(request.separator) != 1 or request.separator in '"\r\n':
        raise SettingsError(
            f"--sep {request.separator!r} is no single character; give e.g. ';' or a tab ($'\\t')"
        )
    targets = [("--out", request.out)]
    if request.windows_out is not None:
        targets.append(("--windows-out", request.windows_out))
    for number, (option, path) in enumerate(targets):
        refuse_bad_target(path, option, request.source, *(other for _, other in targets[:number]))


def score_rows(frame: pd.DataFrame, request: ScoreRequest, scores: SeriesScores) -> pd.DataFrame:
    """One row per row of the input, in its order; time and entity as they were written."""
    import numpy as np
    import pandas as pd

    from iot_drift.series.engine import THRESHOLD

    scored = ~np.isnan(scores.score)
    return pd.DataFrame(
        {
            "time": frame[request.time],
            "entity": frame[request.entity] if request.entity else "",
            "score": scores.score,
            "threshold": np.where(scored, THRESHOLD, np.nan),
            "is_anomaly": scored & (np.nan_to_num(scores.score) >= THRESHOLD),
            "top_features": scores.top,
        }
    )


def window_rows(table: SeriesTable, scores: SeriesScores) -> pd.DataFrame:
    """The windows with their times: instants as RFC 3339 in UTC, other numbers as they are."""
    windows = scores.windows.copy()
    for name in ("window_start", "window_end"):
        windows[name] = table.times.written(windows[name].to_numpy())
    first = ["entity", "window_start", "window_end"]
    return windows[[*first, *(name for name in windows.columns if name not in first)]]


def remarks(table: SeriesTable, scores: SeriesScores, request: ScoreRequest) -> list[str]:
    """What was scored, and what was not and why."""
    import numpy as np

    from iot_drift.series.engine import THRESHOLD

    scored = ~np.isnan(scores.score)
    strange = int((scores.score[scored] >= THRESHOLD).sum())
    said = [
        f"{len(scored):,} rows: {int(table.is_training.sum()):,} train, {int(scored.sum()):,} scored, {strange:,} of "
        f"them anomalous ({', '.join(table.names[:8])}{', …' if len(table.names) > 8 else ''}) -> {request.out}"
    ]
    said += [f"column {name!r} is not scored: {why}" for name, why in table.left_out.items()]
    said += [f"entity {name!r} is not scored: {why}" for name, why in list(scores.unscored.items())[:5]]
    if len(scores.unscored) > 5:
        said.append(f"and {len(scores.unscored) - 5:,} more entities are not scored")
    unreadable = int(np.isnan(table.times.position).sum())
    if unreadable:
        said.append(f"{unreadable:,} rows have no readable time and no score")
    if table.rows_out_of_order:
        said.append(
            f"{table.rows_out_of_order:,} rows are out of order of time; each is scored where its time says"
        )
    ahead = table.far_ahead
    if len(ahead):
        said.append(
            f"{len(ahead):,} rows lie far beyond the time of the others (a wrong clock?); first: row {ahead[0] + 1:,}"
        )
    return said
