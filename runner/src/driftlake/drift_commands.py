"""The commands about drift: `driftlake drift …`. Only signatures; what they do is imported late."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from driftlake import exit_codes
from driftlake.consoles import open_console
from driftlake.options import DriverMemory, Master, Warehouse

app = typer.Typer(
    name="drift",
    help="List and explain what drift found, and decide what becomes of it.",
    epilog=exit_codes.EXPLAINED,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EventId = Annotated[str, typer.Argument(help="Id of the finding, or its unique beginning.", metavar="EVENT")]
Note = Annotated[str | None, typer.Option("--note", help="Why; stays in the history.", metavar="TEXT")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.callback()
def drift() -> None:
    """Hold the commands about drift."""


@app.command("ls", epilog=exit_codes.EXPLAINED)
def list_findings(
    warehouse: Warehouse,
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status", help="open, acknowledged, accepted or resolved; may be repeated.", metavar="STATUS"
        ),
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Kind, e.g. TYPE_CHANGED.", metavar="KIND")
    ] = None,
    field: Annotated[
        list[str] | None, typer.Option("--field", help="Path or silver column.", metavar="FIELD")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option("--device", help="Device id; findings list up to 50.", metavar="ID")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List findings, the gravest first.

    Options may be repeated: any of one kind, and all kinds together.
    """
    from driftlake.drift_list import Asked, list_and_show

    asked = Asked(status or (), kind or (), field or (), device or ())
    list_and_show(warehouse, asked, open_console(), sys.stdout if as_json else None)


@app.command(epilog=exit_codes.EXPLAINED)
def show(event: EventId, warehouse: Warehouse, as_json: AsJson = False) -> None:
    """Show one finding with its evidence and what was done to it."""
    from driftlake.drift_list import show_finding

    show_finding(warehouse, event, open_console(), sys.stdout if as_json else None)


@app.command(epilog=exit_codes.EXPLAINED)
def schema(
    warehouse: Warehouse,
    at: Annotated[
        str | None,
        typer.Option("--at", help="First instant (ISO 8601, UTC); default: the newest.", metavar="T1"),
    ] = None,
    versus: Annotated[
        str | None,
        typer.Option(
            "--versus", help="Second instant; without it, the devices against the rest.", metavar="T2"
        ),
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option("--device", help="Only this device; may be repeated.", metavar="ID")
    ] = None,
    cohort: Annotated[
        list[str] | None,
        typer.Option(
            "--cohort", help="Only this cohort (c00 to c15, by hash of the device id).", metavar="COHORT"
        ),
    ] = None,
    hours: Annotated[
        float, typer.Option("--hours", help="How much time up to an instant counts as it.")
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Show how the observed schema differs between two instants, or between devices and the rest.

    Read from silver.schema_observation alone. It names up to 50 devices of each cohort and batch; beyond, a device is
    told by its cohort, and the line says so.
    """
    from driftlake.drift_schema import SchemaRequest, schema_and_show

    request = SchemaRequest.of(at, versus, device or (), cohort or (), hours)
    schema_and_show(warehouse, request, open_console(), sys.stdout if as_json else None)


@app.command(epilog=exit_codes.EXPLAINED)
def score(
    source: Annotated[
        Path, typer.Argument(help="CSV (.gz as well) or Parquet file, by suffix.", metavar="INPUT")
    ],
    time: Annotated[
        str,
        typer.Option(
            help="Column of the time: RFC 3339, epoch, or any number; UTC without a zone.", metavar="COL"
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File of the scores, a row per row.", metavar="FILE")
    ],
    entity: Annotated[
        str | None,
        typer.Option(help="Column that says whose row it is; default: all are one's.", metavar="COL"),
    ] = None,
    windows_out: Annotated[
        Path | None, typer.Option(help="File of windows with all their features.", metavar="FILE")
    ] = None,
    train_until: Annotated[
        str | None, typer.Option(help="Rows before this time train.", metavar="TIME")
    ] = None,
    train_rows: Annotated[
        int | None,
        typer.Option(
            min=1, help="So many rows of each entity train (default: its first fifth).", metavar="N"
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="Columns to score, with commas (default: all numeric ones).", metavar="A,B"),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Columns not to score, with commas.", metavar="C,D")
    ] = None,
    sep: Annotated[str, typer.Option(help="Separator of a CSV file.", metavar="CHAR")] = ",",
    window: Annotated[
        str | None,
        typer.Option(
            help="Length of a window: 90s, 15min, 2h, or a number (default: 20 rows).", metavar="LENGTH"
        ),
    ] = None,
    false_alarms: Annotated[
        float,
        typer.Option(
            "--false-alarms-per-1000-windows",
            help="Budget from which the limits follow.",
            min=1e-6,
            max=500.0,
        ),
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal scores.")] = 7,
) -> None:
    """Score any table of numeric columns: learn from its first rows, judge each later one by those before it.

    Writes time, entity, score (0 to 1), threshold, is_anomaly and top_features per row; rows that train have no score.
    --columns and --ignore may be repeated. Needs no warehouse.
    """
    from driftlake.drift_score_command import ScoreRequest, run_score

    request = ScoreRequest(
        source, time, out, entity, windows_out, train_until, train_rows, _names(columns), _names(ignore), sep, window,
        false_alarms, seed,
    )  # fmt: skip
    run_score(request, open_console(stderr=True))


def _names(given: list[str] | None) -> list[str]:
    """Names from options that hold them with commas in between."""
    return [name.strip() for part in given or () for name in part.split(",") if name.strip()]


@app.command(epilog=exit_codes.EXPLAINED)
def ack(
    event: EventId,
    warehouse: Warehouse,
    note: Note = None,
    dry_run: DryRun = False,
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Acknowledge a finding: someone looks after it, and it raises no more alerts."""
    _decide("acknowledged", event, warehouse, note, dry_run, master, driver_memory)


@app.command(epilog=exit_codes.EXPLAINED)
def accept(
    event: EventId,
    warehouse: Warehouse,
    note: Note = None,
    dry_run: DryRun = False,
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Accept a finding as the new normal.

    A structural one is dismissed in drift.drift_log; of a statistical one drift learns anew from its onset on.
    """
    _decide("accepted", event, warehouse, note, dry_run, master, driver_memory)


@app.command(epilog=exit_codes.EXPLAINED)
def resolve(
    event: EventId,
    warehouse: Warehouse,
    note: Note = None,
    dry_run: DryRun = False,
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Resolve a finding: what caused it is mended. It opens again if it comes back."""
    _decide("resolved", event, warehouse, note, dry_run, master, driver_memory)


def _decide(
    action: str, event: str, warehouse: str, note: str | None, dry_run: bool, master: str, driver_memory: str
) -> None:
    from driftlake.drift_actions import Decision, decide_and_show

    decision = Decision(warehouse, event, action, note, master, driver_memory)
    raise typer.Exit(decide_and_show(decision, open_console(), open_console(stderr=True), dry_run=dry_run))
