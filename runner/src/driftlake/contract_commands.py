"""The commands about contracts: `driftlake contract …`. They read files, need no warehouse and start no Spark."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="contract",
    help="Check records and schema versions against draft-07 contracts.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def contract() -> None:
    """Hold the commands about contracts."""
