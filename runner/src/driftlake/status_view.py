"""Shows the status of a warehouse to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftlake.rendering import counted, printable, table_cell
from driftlake.summary import BALANCE_RULE, readable_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from driftlake.status import Findings, WarehouseStatus


def show_status(status: WarehouseStatus, console: Console) -> None:
    """Tables, unpromoted blocks, conservation, runs; each a few lines."""
    _show_tables(status, console)
    waiting = status.unpromoted
    console.print(
        f"Not promoted yet: {counted(waiting['blocks'], 'Avro block')} with {counted(waiting['rows'], 'row')}, "
        f"{readable_bytes(waiting['bytes'])}"
        + (f", oldest from {_moment(waiting['oldest_ingest_time'])}" if waiting["blocks"] else ""),
        highlight=False,
    )
    _show_conservation(status, console)
    show_findings(status.findings, console)
    _show_waiting(status, console)
    _show_quarantine(status, console)
    _show_runs(status, console)


def _moment(moment: object) -> str:
    return table_cell(moment)[:19] + ("Z" if moment is not None else "")


def _show_tables(status: WarehouseStatus, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Tables", title_justify="left", header_style="bold")
    table.add_column("table")
    for name in ("rows", "snapshots", "files", "bytes"):
        table.add_column(name, justify="right")
    table.add_column("last commit")
    for row in status.tables:
        numbers = (f"{row[name]:,}" for name in ("rows", "snapshots", "files"))
        cells = (row["table"], *numbers, readable_bytes(row["bytes"]), _moment(row["last_commit"]))
        table.add_row(*(Text(printable(cell)) for cell in cells))
    console.print(table)


def _show_conservation(status: WarehouseStatus, console: Console) -> None:
    checked = status.conservation
    if checked.balanced:
        what = f"all {checked.batches:,} batches balance" if checked.batches else "no batch checked yet"
        console.print(f"Conservation: {what} ({BALANCE_RULE})", highlight=False)
        return
    console.print(
        f"Conservation: {len(checked.unbalanced):,} of {checked.batches:,} batches do NOT balance ({BALANCE_RULE})",
        style="bold",
        highlight=False,
    )
    for row in checked.unbalanced:
        line = f"  {row['stage']}.{row['query']} batch {row['batch_id']}: difference {row['difference']:+,}"
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def show_findings(findings: Findings, console: Console) -> None:
    """One line: the open findings by severity, and how many others there are."""
    gravest = ", ".join(f"{count:,} {name}" for name, count in findings.open_by_severity.items())
    others = ", ".join(f"{count:,} {name}" for name, count in findings.by_status.items() if name != "open")
    said = "; ".join(part for part in (f"open: {gravest}" if gravest else "none open", others) if part)
    console.print(
        f"Findings: {said}" + (" (driftlake drift ls)" if gravest else ""), markup=False, highlight=False
    )


def _show_waiting(status: WarehouseStatus, console: Console) -> None:
    waiting = status.waiting
    said = ", ".join(f"{count:,} {name}" for name, count in waiting.drift_log.items()) or "empty"
    console.print(f"Drift log: {said}", highlight=False)
    for row in waiting.pending:
        what = ", ".join(row["versions"] or ()) if row["path"] == "schema_version" else row["path"]
        where = f", column {row['proposed_column']}" if row["proposed_column"] else ""
        line = f"  {row['kind']}  {what}  on {counted(row['device_count'] or 0, 'device')}{where}"
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
    console.print(f"Notices: {waiting.notice_count or 'none'}", highlight=False)
    for notice in waiting.notices:
        line = f"  {notice['raised_time'][:19]}Z  {notice['kind']}  {notice['text']}"
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _show_quarantine(status: WarehouseStatus, console: Console) -> None:
    found = status.quarantine
    parts = f"{found.open:,} open + {found.replayed:,} replayed + {found.discarded:,} discarded"
    if found.balanced:
        console.print(f"Quarantine: {found.ever:,} ever = {parts}", highlight=False)
    else:
        wrong = f"{found.ever:,} ever, {parts}, {found.misplaced:,} misplaced actions"
        console.print(f"Quarantine does NOT balance: {wrong}", style="bold", highlight=False)
    for breaker in status.breakers:
        line = (
            f"Circuit breaker of version {breaker['schema_version']}: {breaker['last_state']} since "
            f"{_moment(breaker['since'])} ({breaker['failed_rows']:,} of {breaker['checked_rows']:,} records failed)"
        )
        console.print(printable(line), style="bold", markup=False, highlight=False, soft_wrap=True)


def _show_runs(status: WarehouseStatus, console: Console) -> None:
    console.print(f"Last runs: {'' if status.runs else 'none recorded'}".rstrip(), highlight=False)
    for run in status.runs:
        line = f"  {run['run_id']}  {run['outcome']}  {', '.join(run['stages'])}"
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
        if run["error"]:
            console.print(f"    {printable(run['error'])}", markup=False, highlight=False, soft_wrap=True)
