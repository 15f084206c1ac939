"""The commands about views over the tables: `driftlake views …`. Only signatures; what they do is imported late."""

from __future__ import annotations

from typing import Annotated

import typer

from driftlake import exit_codes
from driftlake.options import Warehouse

app = typer.Typer(
    name="views",
    help="List the views over the tables, and make them in Athena; on this machine `driftlake query` has them.",
    epilog=exit_codes.EXPLAINED,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Stage = Annotated[
    list[str] | None, typer.Option("--stage", help="Only this stage's; may be repeated.", metavar="STAGE")
]


@app.callback()
def views() -> None:
    """Hold the commands about views."""


@app.command("ls", epilog=exit_codes.EXPLAINED)
def list_views(stage: Stage = None) -> None:
    """List the views, and what each shows."""
    from driftlake.stage_views import STAGES, stage_views

    for view in stage_views(stage or STAGES):
        typer.echo(f"{view.name}: {view.description}")


@app.command(epilog=exit_codes.EXPLAINED)
def apply(warehouse: Warehouse, stage: Stage = None) -> None:
    """Make or replace the views in Athena; give --env. Views that are there and not listed are left as they are."""
    from driftlake.environments import workgroup_of
    from driftlake.stage_views import STAGES, apply_views

    apply_views(workgroup_of(warehouse), stage or STAGES, typer.echo)
