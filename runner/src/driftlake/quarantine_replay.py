"""Plan, replay and discard: silver's own functions, in this process, with the warehouse held as a run holds it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from driftlake import exit_codes, rendering
from driftlake.catalog import catalog_tables
from driftlake.gate_totals import StageReports, unbalanced_batches
from driftlake.options import OutputFormat
from driftlake.pipeline import spark_session
from driftlake.requesting_user import requesting_user
from driftlake.warehouse_lock import java_lock, warehouse_lock
from iot_common.metrics import StageRun

if TYPE_CHECKING:
    from rich.console import Console

    from iot_common.io.stream import QueryReport, StageContext
    from iot_silver.selection import Selection
    from iot_silver.settings import SilverSettings

REACHES = "`driftlake run` brings what passed to gold, drift and the metrics."


@dataclass(frozen=True)
class SilverAccess:
    """How to reach silver: the warehouse, the Spark to start, where progress goes, the folder of contracts."""

    warehouse: str
    master: str
    driver_memory: str
    progress: Console
    contracts: str = ""

    @contextmanager
    def opened(self, *, writing: bool) -> Iterator[StageContext[SilverSettings]]:
        """Silver's context; a command that writes holds the warehouse.

        Raises:
            WarehouseNotFoundError: If the folder holds no catalog.
            WarehouseBusyError: If a run holds the warehouse.
        """
        catalog_tables(self.warehouse)
        if not writing:
            yield self._context()
            return
        with warehouse_lock(self.warehouse):
            context = self._context()
            with java_lock(context.spark, self.warehouse):
                yield context

    def _context(self) -> StageContext[SilverSettings]:
        from iot_common.io.stream import StageContext
        from iot_silver import __version__
        from iot_silver.settings import SilverSettings

        settings = SilverSettings(
            warehouse=self.warehouse,
            master=self.master,
            driver_memory=self.driver_memory,
            contracts=self.contracts,
        )
        self._step("starting Spark")
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        return StageContext(
            spark_session(settings), settings, StageRun(run_id, "silver", __version__), on_step=self._step
        )

    def _step(self, text: str) -> None:
        self.progress.print(f"silver: {text}", markup=False, highlight=False)


def plan_and_show(access: SilverAccess, selection: Selection, output: OutputFormat, console: Console) -> None:
    """What a replay would do."""
    from iot_silver.replay import PlannedGroup, plan

    with access.opened(writing=False) as context:
        groups = plan(context, selection)
    columns = list(PlannedGroup.__slots__)
    rows = [tuple(asdict(group).values()) for group in groups]
    if output is OutputFormat.JSON:
        rendering.write_json(columns, rows, sys.stdout)
    elif output is OutputFormat.CSV:
        rendering.write_csv(columns, rows, sys.stdout)
    else:
        rendering.write_table(columns, iter(rows), console, limit=0)
        _print_totals(groups, console)


def _print_totals(groups: Sequence[object], console: Console) -> None:
    from iot_silver.quarantine_state import FAILS

    rows = [asdict(group) for group in groups]  # type: ignore[call-overload]
    passing = sum(row["rows"] for row in rows if row["outcome"] != FAILS)
    failing = sum(row["rows"] for row in rows if row["outcome"] == FAILS)
    oversize = sum(row["oversize_rows"] for row in rows if row["outcome"] == FAILS)
    console.print(f"{passing:,} would pass, {failing:,} would fail again.", markup=False, highlight=False)
    if oversize:
        apart = "their bytes are kept apart (payload_pointer), over the size limit or of a broken object"
        told = f"{rendering.counted(oversize, 'record')} of these cannot be replayed: {apart}."
        console.print(told, markup=False, highlight=False)


def replay_and_show(access: SilverAccess, selection: Selection, note: str | None, console: Console) -> int:
    """Replay, and say what became of the records; the exit code."""
    from iot_common.io.stream import perform
    from iot_silver import replay

    with access.opened(writing=True) as context:
        reports = perform(
            context, lambda c: replay.replay(c, selection, requested_by=requesting_user(), note=note)
        )
    found = _totals(reports)
    if not found.get("in"):
        console.print("Nothing to replay: no open record selected, or all fail as before.", markup=False)
        return exit_codes.OK
    passed = sum(found.get(name, 0) for name in ("kept", "superseded")) + _duplicates(reports)
    console.print(
        f"{passed:,} of {rendering.counted(found['in'], 'record')} passed ({found.get('kept', 0):,} kept, "
        f"{_duplicates(reports):,} known already, {found.get('superseded', 0):,} older than what stands); "
        f"{found['in'] - passed:,} fail again and stay. {REACHES}",
        markup=False,
        highlight=False,
    )
    return _balanced(reports, console)


def discard_and_show(access: SilverAccess, selection: Selection, reason: str, console: Console) -> int:
    """Discard, and say how many; the exit code."""
    from iot_common.io.stream import perform
    from iot_silver import replay

    with access.opened(writing=True) as context:
        reports = perform(
            context, lambda c: replay.discard(c, selection, note=reason, requested_by=requesting_user())
        )
    discarded = sum(
        gate.rows
        for r in reports
        if r.query == replay.DISCARD
        for gate in r.gates
        if gate.disposition == "kept"
    )
    console.print(f"{rendering.counted(discarded, 'record')} discarded.", markup=False, highlight=False)
    return _balanced(reports, console)


def _totals(reports: Sequence[QueryReport]) -> dict[str, int]:
    found: dict[str, int] = {}
    for report in reports:
        for gate in report.gates:
            found[gate.disposition] = found.get(gate.disposition, 0) + gate.rows
    return found


def _duplicates(reports: Sequence[QueryReport]) -> int:
    """Records whose content stands or lost already: they pass, and there is nothing to add."""
    from iot_common.contracts.silver_reading import READING

    gates = (gate for report in reports for gate in report.gates)
    return sum(gate.rows for gate in gates if gate.disposition == "duplicate" and gate.target == READING.name)


def _balanced(reports: Sequence[QueryReport], console: Console) -> int:
    lost = unbalanced_batches([StageReports("silver", reports)])
    for name, difference in lost.items():
        console.print(f"NOT BALANCED: {name}: difference {difference:+,}", style="bold", markup=False)
    return exit_codes.NOT_BALANCED if lost else exit_codes.OK
