"""`driftlake backfill`: fills evolved columns of older readings through silver's own code, which alone writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driftlake.catalog import catalog_tables
from driftlake.pipeline import RunRequest, spark_session, stage_settings
from driftlake.warehouse_lock import java_lock, warehouse_lock
from iot_common.errors import SettingsError
from iot_common.metrics import StageRun

if TYPE_CHECKING:
    from rich.console import Console

    from driftlake.pipeline import OpenSession
    from iot_common.io.stream import QueryReport, StageContext
    from iot_silver.backfill import BackfillOutcome, BackfillRequest
    from iot_silver.settings import SilverSettings


@dataclass(frozen=True)
class BackfillCommand:
    """What was asked for."""

    warehouse: str
    columns: Sequence[str] = ()
    since: str | None = None
    write: bool = False
    master: str = "local[2]"
    driver_memory: str = "2g"


def moment_of(text: str) -> datetime:
    """A date or an ISO 8601 time; UTC where it names no zone.

    Raises:
        SettingsError: If it is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(
            f"--since {text!r} is no date or time: write 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def run_backfill(
    command: BackfillCommand, err: Console, open_session: OpenSession = spark_session
) -> BackfillOutcome:
    """Count, and with `write` fill.

    Raises:
        SettingsError: If a column or time is wrong; nothing was touched.
        WarehouseNotFoundError: If the folder holds no catalog.
        WarehouseBusyError: If another run holds the warehouse.
        StageFailedError: If it stopped.
    """
    from iot_common.io.stream import StageContext, utc_now
    from iot_silver import __version__
    from iot_silver.backfill import BackfillRequest
    from iot_silver.settings import SilverSettings

    since = moment_of(command.since) if command.since else None
    catalog_tables(command.warehouse)
    request = RunRequest(
        command.warehouse, None, ("silver",), master=command.master, driver_memory=command.driver_memory
    )
    settings = stage_settings(request, "silver")
    assert isinstance(settings, SilverSettings)
    with warehouse_lock(command.warehouse):
        spark = open_session(settings)
        with java_lock(spark, command.warehouse):
            run = StageRun(f"{utc_now():%Y%m%dT%H%M%SZ}", "silver", __version__)
            context = StageContext(
                spark=spark, settings=settings, run=run, on_step=lambda text: err.print(text, highlight=False)
            )
            return _performed(context, BackfillRequest(command.columns, since, command.write))


def _performed(context: StageContext[SilverSettings], request: BackfillRequest) -> BackfillOutcome:
    from iot_common.io.stream import perform
    from iot_silver.backfill import backfill

    outcomes: list[BackfillOutcome] = []

    def work(given: StageContext[SilverSettings]) -> list[QueryReport]:
        outcomes.append(backfill(given, request))
        return []

    perform(context, work)
    return outcomes[0]


def show_backfill(outcome: BackfillOutcome, out: Console) -> None:
    """Rows by column, and what happened or would."""
    if not outcome.by_column:
        out.print("silver.reading has no evolved column yet", highlight=False)
        return
    for name, rows in outcome.by_column.items():
        out.print(f"  {name}: {rows:,}", markup=False, highlight=False)
    if outcome.written:
        out.print(f"{outcome.rows:,} rows of silver.reading filled", highlight=False)
    else:
        hint = "; write them with --yes" if outcome.rows else ""
        out.print(f"{outcome.rows:,} rows of silver.reading would change{hint}", highlight=False)
