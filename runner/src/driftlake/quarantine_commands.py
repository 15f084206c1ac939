"""The commands about quarantined records: `driftlake quarantine …`. Only signatures; what they do is imported late."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftlake import exit_codes
from driftlake.consoles import open_console
from driftlake.options import Contracts, DriverMemory, Format, Master, OutputFormat, Warehouse

if TYPE_CHECKING:
    from iot_silver.selection import Selection

app = typer.Typer(
    name="quarantine",
    help="List, plan, replay and discard quarantined records. Nothing is written without --yes.",
    epilog=exit_codes.EXPLAINED,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Codes = Annotated[list[str] | None, typer.Option("--code", help="Event code of a reason.", metavar="CODE")]
Paths = Annotated[
    list[str] | None,
    typer.Option("--path", help="Path of that reason; $: the record itself.", metavar="PATH"),
]
Devices = Annotated[
    list[str] | None, typer.Option("--device", help="Device id; none: could not be read.", metavar="ID")
]
Versions = Annotated[
    list[str] | None,
    typer.Option("--schema-version", help="Version it claims; none: could not be read.", metavar="VERSION"),
]
Since = Annotated[
    str | None, typer.Option("--since", help="Arrived at this time (ISO 8601, UTC) or later.", metavar="TIME")
]
Until = Annotated[str | None, typer.Option("--until", help="Arrived before this time.", metavar="TIME")]
RowIds = Annotated[list[str] | None, typer.Option("--row-id", help="The record.", metavar="ID")]
Objects = Annotated[
    list[str] | None, typer.Option("--object", help="Key of its landing object.", metavar="KEY")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it only what would happen is shown.")]


@app.callback()
def quarantine() -> None:
    """Hold the commands about quarantined records."""


def _selection(
    codes: Codes,
    paths: Paths,
    devices: Devices,
    versions: Versions,
    since: Since,
    until: Until,
    row_ids: RowIds,
    objects: Objects,
) -> Selection:
    from iot_silver.selection import Selection

    given = {
        "codes": codes, "paths": paths, "devices": devices, "schema_versions": versions,
        "since": since, "until": until, "row_ids": row_ids, "objects": objects,
    }  # fmt: skip
    return Selection.from_json({name: value for name, value in given.items() if value})


@app.command("ls", epilog=exit_codes.EXPLAINED)
def list_groups(
    warehouse: Warehouse,
    code: Codes = None,
    path: Paths = None,
    device: Devices = None,
    schema_version: Versions = None,
    since: Since = None,
    until: Until = None,
    row_id: RowIds = None,
    object_key: Objects = None,
    output_format: Format = OutputFormat.TABLE,
) -> None:
    """Count quarantined records by code, path and version: open, replayed, discarded.

    Options may be repeated: any of one kind, and all kinds together.
    """
    from driftlake.quarantine_list import list_and_show

    selection = _selection(code, path, device, schema_version, since, until, row_id, object_key)
    list_and_show(warehouse, selection, output_format, open_console())


@app.command(epilog=exit_codes.EXPLAINED)
def show(
    row_id: Annotated[str, typer.Argument(help="Row id, as in silver.quarantine.")],
    warehouse: Warehouse,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object; the bytes in base64.")] = False,
    payload_to: Annotated[
        Path | None, typer.Option("--payload-to", help="Write its exact bytes there.", metavar="FILE")
    ] = None,
) -> None:
    """Show one record: its bytes, where it came from, all reasons, and what was done to it since."""
    from driftlake.quarantine_list import show_record

    show_record(warehouse, row_id, open_console(), sys.stdout if as_json else None, payload_to)


@app.command(epilog=exit_codes.EXPLAINED)
def plan(
    warehouse: Warehouse,
    code: Codes = None,
    path: Paths = None,
    device: Devices = None,
    schema_version: Versions = None,
    since: Since = None,
    until: Until = None,
    row_id: RowIds = None,
    object_key: Objects = None,
    output_format: Format = OutputFormat.TABLE,
    contracts: Contracts = "",
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Show what a replay would do today, without writing: which records would pass, which fail again, and why."""
    from driftlake.quarantine_replay import SilverAccess, plan_and_show

    selection = _selection(code, path, device, schema_version, since, until, row_id, object_key)
    access = SilverAccess(warehouse, master, driver_memory, open_console(stderr=True), contracts)
    plan_and_show(access, selection, output_format, open_console())


@app.command(epilog=exit_codes.EXPLAINED)
def replay(
    warehouse: Warehouse,
    code: Codes = None,
    path: Paths = None,
    device: Devices = None,
    schema_version: Versions = None,
    since: Since = None,
    until: Until = None,
    row_id: RowIds = None,
    object_key: Objects = None,
    yes: Yes = False,
    note: Annotated[
        str | None, typer.Option("--note", help="Why; stays in the history.", metavar="TEXT")
    ] = None,
    contracts: Contracts = "",
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Move exactly the records that now pass to silver.reading; the others stay. Without --yes: the plan.

    Running it again changes nothing. What passes reaches gold and drift with the next `driftlake run`.
    """
    from driftlake.quarantine_replay import SilverAccess, plan_and_show, replay_and_show

    selection = _selection(code, path, device, schema_version, since, until, row_id, object_key)
    access = SilverAccess(warehouse, master, driver_memory, open_console(stderr=True), contracts)
    out = open_console()
    if yes:
        raise typer.Exit(replay_and_show(access, selection, note, out))
    plan_and_show(access, selection, OutputFormat.TABLE, out)
    out.print("Nothing was written: --yes replays what passes.", markup=False)


@app.command(epilog=exit_codes.EXPLAINED)
def discard(
    warehouse: Warehouse,
    code: Codes = None,
    path: Paths = None,
    device: Devices = None,
    schema_version: Versions = None,
    since: Since = None,
    until: Until = None,
    row_id: RowIds = None,
    object_key: Objects = None,
    yes: Yes = False,
    reason: Annotated[
        str | None,
        typer.Option("--reason", help="Why; needed with --yes, stays in the history.", metavar="TEXT"),
    ] = None,
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Close records for good; their rows and bytes stay. Without --yes: how many it would be."""
    from driftlake.quarantine_list import list_and_show
    from driftlake.quarantine_replay import SilverAccess, discard_and_show
    from iot_common.errors import SettingsError

    selection = _selection(code, path, device, schema_version, since, until, row_id, object_key)
    out = open_console()
    if yes:
        if not (reason or "").strip():
            raise SettingsError("discard --yes needs --reason TEXT: it stays in the history of the records")
        access = SilverAccess(warehouse, master, driver_memory, open_console(stderr=True))
        raise typer.Exit(discard_and_show(access, selection, reason or "", out))
    list_and_show(warehouse, selection, OutputFormat.TABLE, out, only_open=True)
    out.print("Nothing was written: --yes --reason TEXT discards these.", markup=False)
