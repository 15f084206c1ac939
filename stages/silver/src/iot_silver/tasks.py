"""What executors do for silver: classify records, score readings. Imports stay inside, after the PEX is active."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from iot_silver.settings import RollingSettings

if TYPE_CHECKING:
    import pyarrow as pa

ArrowTask = Callable[["Iterable[pa.RecordBatch]"], "Iterable[pa.RecordBatch]"]


def classify_task(
    clock_tolerance_seconds: int,
    late_quarantine_before: int | None,
    contracts: tuple[tuple[str, str], ...] = (),
    evolved: Mapping[str, str] | None = None,
    held: Mapping[str, float] | None = None,
) -> ArrowTask:
    """The `mapInArrow` function that classifies raw rows.

    Columns out: `row_columns.CLASSIFIED_DDL`, and `EVOLVED_DDL` if there are evolved columns (name -> path).
    `contracts` are name and text of the files beside the packaged versions: an executor compiles them itself. `held`
    are versions whose breaker is not closed, with the share of their rows that is let through.
    """

    def classify(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from iot_common import pex

        pex.activate()
        from iot_silver.rows import RowSettings, classify_rows

        row_settings = RowSettings(
            clock_tolerance_seconds=clock_tolerance_seconds,
            late_quarantine_before=late_quarantine_before,
            contracts=contracts,
            held=held or {},
        )
        classified = classify_rows(iter(batches), row_settings)
        if not evolved:
            yield from classified
            return
        from iot_silver.evolving import with_evolved

        yield from with_evolved(classified, evolved)

    return classify


def fetch_task(limit_bytes: int) -> ArrowTask:
    """The `mapInArrow` function that fetches lines which bronze kept apart, where they are within this limit.

    Columns in and out: those of `quarantine_state.as_raw_rows`. A fetched line has its bytes and no defect.
    """

    def fetch(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from iot_common import pex

        pex.activate()
        from iot_silver.kept_apart import with_fetched_lines

        for batch in batches:
            yield with_fetched_lines(batch, limit_bytes)

    return fetch


def score_task(rolling: RollingSettings) -> ArrowTask:
    """The `mapInArrow` function that flags readings by rolling z-score; columns out: `zscore.FLAGGED_DDL`."""

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from iot_common import pex

        pex.activate()
        from iot_silver.zscore import flag_partition

        yield from flag_partition(iter(batches), rolling)

    return score
