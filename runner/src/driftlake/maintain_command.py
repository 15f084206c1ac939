"""`driftlake maintain`: the stages' maintenance of their own tables, and a table of what was done."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from driftlake import exit_codes, rendering
from driftlake.catalog import catalog_tables
from driftlake.pipeline import RunOutcome, RunRequest, ordered, run_pipeline
from driftlake.progress import PipelineProgress
from driftlake.summary import readable_bytes, show_failures

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = (
    "stage", "table", "data_files_before", "data_files_after", "delete_files_before", "delete_files_after",
    "bytes_before", "bytes_after", "manifests_before", "manifests_after", "snapshots_before", "snapshots_after",
    "files_rewritten", "bytes_rewritten", "delete_files_rewritten", "manifests_rewritten", "snapshots_removed",
    "orphans_removed", "held_by", "is_dry_run",
)  # fmt: skip
"""Of the rows of --format json and csv."""


def maintain_and_show(request: RunRequest, output_format: str, out: Console, err: Console) -> int:
    """Maintain the tables of the stages and show what was done; the exit code is 1 if a stage failed.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog.
        SettingsError: If a stage or setting is unknown; nothing was touched.
    """
    catalog_tables(request.warehouse)
    with PipelineProgress(ordered(request.stages), err) as progress:
        outcome = run_pipeline(request, progress.observers)
    rows = list(upkeep_rows(outcome))
    if output_format == "table":
        show_upkeep(rows, out, is_dry_run=request.dry_run)
    else:
        write = rendering.write_json if output_format == "json" else rendering.write_csv
        write(COLUMNS, ([row[name] for name in COLUMNS] for row in rows), sys.stdout)
    show_failures(outcome, err)
    return exit_codes.FAILED if outcome.failures else exit_codes.OK


def upkeep_rows(outcome: RunOutcome) -> Iterator[dict[str, Any]]:
    """One flat row per table that was maintained, in the order in which they were: the columns of COLUMNS."""
    for done in outcome.completed:
        for gate in (gate for report in done.reports for gate in report.gates):
            if gate.disposition == "maintained" and gate.detail is not None:
                yield {"stage": done.stage, "table": gate.target, **_flat(gate.detail)}


def _flat(detail: Mapping[str, Any]) -> dict[str, Any]:
    sizes = {f"{name}_{when}": size for when in ("before", "after") for name, size in detail[when].items()}
    return {key: value for key, value in detail.items() if key not in ("before", "after")} | sizes


def show_upkeep(rows: list[dict[str, Any]], out: Console, *, is_dry_run: bool) -> None:
    """A line per table; then what keeps snapshots that could else go."""
    from rich.table import Table
    from rich.text import Text

    title = "What maintenance would do; nothing was changed" if is_dry_run else "What maintenance did"
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("stage", "table"):
        table.add_column(name, overflow="fold")
    for name in ("files", "bytes", "manifests", "snapshots", "orphans"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(Text(cell) for cell in _cells(row)))
    out.print(table)
    for row in rows:
        if row["held_by"]:
            streams = " and ".join(row["held_by"])
            out.print(f"{row['table']}: older snapshots stay until {streams} has read them", highlight=False)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    rewritten = row["files_rewritten"] + row["delete_files_rewritten"]
    if row["is_dry_run"]:
        files = f"{_files(row, 'before'):,}, {rewritten:,} to rewrite"
        size = f"{readable_bytes(row['bytes_before'])}, {readable_bytes(row['bytes_rewritten'])} to rewrite"
        manifests = f"{row['manifests_before']:,}, {row['manifests_rewritten']:,} to rewrite"
        snapshots = f"{row['snapshots_before']:,}, {row['snapshots_removed']:,} to remove"
    else:
        files = f"{_files(row, 'before'):,} → {_files(row, 'after'):,}"
        size = f"{readable_bytes(row['bytes_before'])} → {readable_bytes(row['bytes_after'])}"
        manifests = f"{row['manifests_before']:,} → {row['manifests_after']:,}"
        snapshots = f"{row['snapshots_before']:,} → {row['snapshots_after']:,}"
    return row["stage"], row["table"], files, size, manifests, snapshots, f"{row['orphans_removed']:,}"


def _files(row: Mapping[str, Any], when: str) -> int:
    return int(row[f"data_files_{when}"] + row[f"delete_files_{when}"])
