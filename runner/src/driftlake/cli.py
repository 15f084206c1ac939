"""The command line. Only signatures are here: what a command needs is imported when it runs, so `--help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from driftlake import (
    __version__,
    contract_commands,
    drift_commands,
    exit_codes,
    quarantine_commands,
    release_commands,
    rollout_commands,
    views_commands,
)
from driftlake.consoles import open_console
from driftlake.options import (
    Contracts,
    DriverMemory,
    Format,
    Master,
    OutputFormat,
    Overrides,
    Stages,
    Warehouse,
)
from iot_common.errors import DriftlakeError, SettingsError

app = typer.Typer(
    name="driftlake",
    help="Sensor readings from landing objects to tables, drift findings and a report, on this machine.",
    epilog=f"{exit_codes.EXPLAINED} With --debug anywhere, errors show their stack trace and Spark its log.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(contract_commands.app)
app.add_typer(quarantine_commands.app)
app.add_typer(drift_commands.app)
app.add_typer(views_commands.app)
app.add_typer(release_commands.app)
app.add_typer(rollout_commands.app)
app.command(epilog=rollout_commands.EXPLAINED)(rollout_commands.rollback)


class EngineName(StrEnum):
    """What runs the SQL."""

    DUCKDB = "duckdb"
    SPARK = "spark"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"driftlake {__version__}")
        raise typer.Exit()


@app.callback()
def driftlake(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options of all commands."""


@app.command(epilog=exit_codes.EXPLAINED)
def demo(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder of the demo; replaced if a demo made it.", metavar="DIR"),
    ] = Path("demo-output"),
    devices: Annotated[int, typer.Option(min=1, help="Devices of the fleet.")] = 200,
    events: Annotated[int, typer.Option(min=1, help="Lines to write.")] = 300_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 42,
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Simulate a fleet with labelled drifts, run all stages, write the report, compare found with injected."""
    from driftlake.demo import DemoRequest, run_demo

    request = DemoRequest(out, devices, events, seed, master, driver_memory)
    raise typer.Exit(run_demo(request, open_console(), open_console(stderr=True)))


@app.command(epilog=exit_codes.EXPLAINED)
def simulate(
    landing: Annotated[
        Path, typer.Option("--landing", "-l", help="Folder for the landing objects.", metavar="DIR")
    ],
    events: Annotated[int | None, typer.Option(min=1, help="Lines to write (default 300,000).")] = None,
    continuous: Annotated[
        bool, typer.Option("--continuous", help="Write until stopped; needs --rate.")
    ] = False,
    rate: Annotated[
        float | None, typer.Option(help="Lines per second of real time; default: as fast as can be.")
    ] = None,
    replay: Annotated[
        list[Path] | None, typer.Option(help="Replay this table instead; may be repeated.", metavar="FILE")
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option(
            help="How a replayed row becomes a record: bundled name or TOML file.", metavar="NAME|FILE"
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(help="Drifts to inject: bundled name (demo) or TOML file.", metavar="NAME|FILE"),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Ground truth (default: ground_truth.json beside the landing folder).", metavar="FILE"
        ),
    ] = None,
    devices: Annotated[int | None, typer.Option(min=1, help="Devices of the fleet (default 200).")] = None,
    anomaly_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of readings with a spike that is no drift (default 0.003)."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Equal seeds give equal lines (default 42).")
    ] = None,
    interval_seconds: Annotated[
        float | None, typer.Option(help="Time between two readings of a device (default 300).")
    ] = None,
    compression: Annotated[str | None, typer.Option(help="gz (default), zst, ndjson or json.")] = None,
    append: Annotated[bool, typer.Option("--append", help="Add to objects that are there already.")] = False,
) -> None:
    """Fill a landing folder: a simulated fleet with labelled drifts, or recorded tables through a mapping file.

    Ctrl-C ends a simulation with whole objects and its ground truth.
    """
    from driftlake.simulate_command import SimulateRequest, simulate_and_show

    if continuous and events is not None:
        raise SettingsError("--continuous and --events exclude each other")
    given = {
        "events": events, "rate": rate, "devices": devices, "anomaly_share": anomaly_share, "seed": seed,
        "interval_seconds": interval_seconds, "compression": compression,
    }  # fmt: skip
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if continuous:
        settings["events"] = None
    request = SimulateRequest(
        landing, truth, scenario, append, replay or (), mapping, tuple(settings.items())
    )
    simulate_and_show(request, open_console(stderr=True))


@app.command(epilog=exit_codes.EXPLAINED)
def run(
    warehouse: Warehouse,
    landing: Annotated[
        str | None,
        typer.Option(
            "--landing", "-l", help="Folder of the landing objects (bronze reads it).", metavar="DIR"
        ),
    ] = None,
    stage: Stages = None,
    setting: Overrides = None,
    contracts: Contracts = "",
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Run the stages: bronze, silver, gold, drift, metrics.

    Takes what has landed since the last run; running again with nothing new changes no table but ops.*.
    If a stage fails, the later ones are left out, metrics excepted.
    """
    from driftlake.pipeline import STAGES, RunRequest, parse_overrides
    from driftlake.run_command import run_and_show

    request = RunRequest(
        warehouse, landing, stage or STAGES, parse_overrides(setting or []), master, driver_memory, contracts
    )
    _, code = run_and_show(request, open_console(), open_console(stderr=True))
    raise typer.Exit(code)


@app.command(epilog=exit_codes.EXPLAINED)
def maintain(
    warehouse: Warehouse,
    stage: Stages = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; say what would be done.")
    ] = False,
    setting: Overrides = None,
    output_format: Format = OutputFormat.TABLE,
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Maintain the tables, once a day: make large files of small ones, remove old snapshots and lost files.

    Changes no row. Snapshots stay that a stream has not read yet, or that a repeated batch would ask for; files that no
    snapshot names go after three days. Running again at once finds nothing to do.
    """
    from driftlake.maintain_command import maintain_and_show
    from driftlake.pipeline import STAGES, RunRequest, parse_overrides

    request = RunRequest(
        warehouse,
        None,
        stage or STAGES,
        parse_overrides(setting or []),
        master,
        driver_memory,
        maintain=True,
        dry_run=dry_run,
    )
    raise typer.Exit(
        maintain_and_show(request, output_format.value, open_console(), open_console(stderr=True))
    )


@app.command(epilog=exit_codes.EXPLAINED)
def query(
    sql: Annotated[str, typer.Argument(help="One reading statement; tables are <namespace>.<table>.")],
    warehouse: Warehouse,
    output_format: Format = OutputFormat.TABLE,
    engine: Annotated[
        EngineName, typer.Option(help="duckdb starts in a third of a second; spark speaks Spark SQL.")
    ] = EngineName.DUCKDB,
    limit: Annotated[
        int, typer.Option(min=0, help="Rows a table shows; 0: all. json and csv always give all.")
    ] = 50,
) -> None:
    """Run SQL over the tables, without changing them.

    There is also the view bronze.raw_reading_all: bronze.raw_reading and the Avro blocks that are not promoted yet;
    and, with duckdb, the views that `driftlake views ls` lists.
    Times are UTC. Bytes are shown as text in a table, and are base64 in json and csv.
    """
    from driftlake import rendering
    from driftlake.query_engine import run_query

    result = run_query(sql, warehouse, engine.value)
    if output_format is OutputFormat.JSON:
        rendering.write_json(result.columns, result.rows, sys.stdout)
    elif output_format is OutputFormat.CSV:
        rendering.write_csv(result.columns, result.rows, sys.stdout)
    else:
        rendering.write_table(result.columns, result.rows, open_console(), limit)


@app.command(epilog=exit_codes.EXPLAINED)
def status(
    warehouse: Warehouse,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show the tables, what is not promoted yet, conservation, quarantine, circuit breakers and the last runs.

    Ends with 3 if a batch, or the quarantine as a whole, does not balance.
    """
    from driftlake.status import warehouse_status
    from driftlake.status_view import show_status

    found = warehouse_status(warehouse)
    if as_json:
        import json

        typer.echo(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        show_status(found, open_console())
    raise typer.Exit(exit_codes.OK if found.balanced else exit_codes.NOT_BALANCED)


@app.command(epilog=exit_codes.EXPLAINED)
def backfill(
    warehouse: Warehouse,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="Only this evolved column; may be repeated.", metavar="NAME"),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only readings with this event time or later.", metavar="TIME")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write; without, only say what would change.")] = False,
    master: Master = "local[2]",
    driver_memory: DriverMemory = "2g",
) -> None:
    """Fill evolved columns of older readings from bronze's bytes.

    Changes null cells of evolved columns alone; running it again changes nothing.
    """
    from driftlake.backfill_command import BackfillCommand, run_backfill, show_backfill

    command = BackfillCommand(warehouse, column or (), since, yes, master, driver_memory)
    show_backfill(run_backfill(command, open_console(stderr=True)), open_console())


@app.command(epilog=exit_codes.EXPLAINED)
def report(
    warehouse: Warehouse,
    out: Annotated[Path, typer.Option("--out", "-o", help="HTML file to write.", metavar="FILE")],
    truth: Annotated[
        Path | None,
        typer.Option(help="Ground truth of a simulation: adds found against injected.", metavar="FILE"),
    ] = None,
) -> None:
    """Write one self-contained HTML file: what drifted, a page per finding, and whether every row is accounted for."""
    from driftlake.report import write_report

    write_report(warehouse, out, truth)
    typer.echo(f"report: {out.resolve()}")


@app.command(epilog="Exit codes: 0 within the budget; 2 wrong usage or setting; 4 above the budget.")
def cost(
    gb_per_day: Annotated[float, typer.Option(help="Readings of a day, uncompressed.", metavar="GB")] = 10.0,
    tick_minutes: Annotated[
        int, typer.Option(help="How often bronze, silver and drift run; gold and metrics run hourly.")
    ] = 15,
    devices: Annotated[
        int, typer.Option(help="Devices that send it; the stages' seconds are those of a fleet as large.")
    ] = 1,
    with_option: Annotated[
        list[str] | None,
        typer.Option("--with", help="An option that is off by default; may be repeated.", metavar="OPTION"),
    ] = None,
    billed_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds that each run is billed at least, in place of Glue's minute."),
    ] = None,
    budget: Annotated[float, typer.Option(help="Dollars a month.", metavar="USD")] = 50.0,
    page: Annotated[
        Path | None, typer.Option(help="Write the whole estimate as a Markdown page.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Estimate what a deployment on AWS costs a month, and the largest volume within the budget."""
    from driftlake.cost.command import a_profile, estimate
    from driftlake.cost.inputs import read_inputs
    from driftlake.cost.show import show_estimate, write_page

    inputs = read_inputs().of_fleet(devices)
    profile = a_profile(gb_per_day, tick_minutes, with_option or (), billed_seconds)
    found = estimate(profile, budget, inputs)
    if page:
        write_page(found, inputs, page)
    show_estimate(found, open_console(), sys.stdout if as_json else None)
    raise typer.Exit(exit_codes.OK if found.within_budget else exit_codes.OVER_BUDGET)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; errors become one line and an exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    from driftlake.environments import with_warehouse
    from driftlake.spark_log import quiet_spark

    quiet_spark(debug=debug)
    try:
        app(
            with_warehouse([argument for argument in arguments if argument != "--debug"]),
            prog_name="driftlake",
        )
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else exit_codes.OK
    except KeyboardInterrupt:
        print("driftlake: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return exit_codes.INTERRUPTED
    except Exception as error:
        if debug:
            raise
        print(f"driftlake: {_told(error)}", file=sys.stderr)
        return error.exit_code if isinstance(error, DriftlakeError) else exit_codes.FAILED
    return exit_codes.OK


def _told(error: Exception) -> str:
    if isinstance(error, DriftlakeError):
        return str(error)
    first = next((line for line in str(error).splitlines() if line.strip()), "no message")
    if isinstance(error, OSError):
        return f"{first}. Mend the cause (space, permissions, path) and run the same command again."
    return f"unexpected {type(error).__name__}: {first.strip()}. Run with --debug for the stack trace."


if __name__ == "__main__":
    sys.exit(main())
