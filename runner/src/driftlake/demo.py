"""`driftlake demo`: simulate a fleet with drifts, run the stages, write the report, compare found with injected."""

from __future__ import annotations

import shlex
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from driftlake.errors import OutputFolderError
from driftlake.matching import MatchResult, match, read_truth, readable_delay
from driftlake.pipeline import RunRequest
from driftlake.rendering import counted, printable
from driftlake.run_command import run_and_show
from driftlake.simulate_command import SimulateRequest, simulate

if TYPE_CHECKING:
    from rich.console import Console

MARKER = ".driftlake-demo"
"""Says that a folder was made by a demo, and that the next one may replace it."""

QUERIES = (
    "select kind, field, device_count, onset, threshold from drift.event order by onset",
    "select stage, query, rows_in, rows_kept, rows_quarantined, difference, balanced from ops.conservation",
    "select device_id, day, avg_value, max_value, anomaly_count from gold.daily_summary where reading = "
    "'temperature_celsius' order by anomaly_count desc limit 5",
)


@dataclass(frozen=True)
class DemoRequest:
    """Size of the demo and where it goes."""

    out: Path
    devices: int
    events: int
    seed: int
    master: str
    driver_memory: str


def run_demo(request: DemoRequest, out: Console, err: Console) -> int:
    """Run the demo in a fresh folder; the exit code is that of the run.

    Raises:
        OutputFolderError: If the folder is there and is not a demo's.
    """
    started = time.monotonic()
    fresh_folder(request.out)
    landing, truth, warehouse = (request.out / name for name in ("landing", "ground_truth.json", "warehouse"))
    settings = (("devices", request.devices), ("events", request.events), ("seed", request.seed))
    simulate(SimulateRequest(landing, truth, scenario="demo", settings=settings), err)
    run = RunRequest(str(warehouse), str(landing), master=request.master, driver_memory=request.driver_memory)
    outcome, code = run_and_show(run, out, err)
    if outcome.failures:
        return code
    from driftlake.report import write_report
    from driftlake.report.collect import collect_findings

    report = request.out / "report.html"
    write_report(str(warehouse), report, truth)
    show_matches(match(read_truth(truth), collect_findings(str(warehouse))), out)
    out.print(f"\nReport: {report.resolve()}", markup=False, highlight=False, soft_wrap=True)
    out.print("Try:", markup=False)
    for sql in QUERIES:
        # In double quotes, as SQL has single ones.
        command = f'  driftlake query "{sql}" --warehouse {shlex.quote(str(warehouse))}'
        out.print(command, markup=False, highlight=False, soft_wrap=True)
    out.print(f"\nThe demo took {time.monotonic() - started:.0f} s.", markup=False, highlight=False)
    return code


def fresh_folder(folder: Path) -> None:
    """Make an empty folder with the marker; replaces that of an earlier demo and nothing else.

    Raises:
        OutputFolderError: If something else is there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not (folder / MARKER).is_file():
            raise OutputFolderError(str(folder))
        from driftlake.warehouse_lock import warehouse_lock

        with warehouse_lock(str(folder / "warehouse")):  # a demo that still runs keeps its folder
            shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(
        "Made by `driftlake demo`, which replaces this folder when it runs again.\n", "utf-8"
    )


def show_matches(result: MatchResult, console: Console) -> None:
    """The table of injected drifts, then the findings that none of them explains."""
    from rich.table import Table
    from rich.text import Text

    title = f"Drifts found against injected: {result.found} of {result.drifts}"
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("", "injected", "kind", "true start", "found as"):
        table.add_column(name, overflow="fold")
    for name in ("delay", "devices"):
        table.add_column(name, justify="right", no_wrap=True)
    for made in result.matches:
        drift = made.drift
        cells = (
            "✓" if made.is_found else "decoy" if drift.is_decoy else "missed",
            drift.drift_id,
            drift.kind,
            f"{drift.start:%m-%d %H:%M}",
            ", ".join(sorted({finding.kind for finding in made.findings})) or "–",
            readable_delay(made.delay),
            f"{len(made.devices_found)} of {len(drift.devices)}",
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(table)
    _show_unmatched(result, console)


def _show_unmatched(result: MatchResult, console: Console) -> None:
    background = (
        f", {len(result.background)} from ordinary troubles of transmission" if result.background else ""
    )
    console.print(
        f"{counted(len(result.unmatched), 'finding')} matched no injected drift{background}.", highlight=False
    )
    for finding in result.unmatched:
        devices = ", ".join(finding.devices[:3]) + (" …" if len(finding.devices) > 3 else "")
        onset = f"{finding.onset:%m-%d %H:%M}" if finding.onset else "–"
        near = ", ".join(result.drifts_on_devices_of(finding))
        line = f"  {finding.kind} {finding.field or ''} since {onset}: {devices}" + (
            f" (has {near})" if near else ""
        )
        console.print(printable(line), markup=False, highlight=False)
