"""The commands about drift: `driftlake drift …`. Only signatures; what they do is imported late."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from driftlake import exit_codes
from driftlake.consoles import open_console
from driftlake.options import Warehouse

app = typer.Typer(
    name="drift",
    help="List and explain what drift found, and decide what becomes of it.",
    epilog=exit_codes.EXPLAINED,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EventId = Annotated[str, typer.Argument(help="Id of the finding, or its unique beginning.", metavar="EVENT")]
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
