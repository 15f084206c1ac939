"""What several commands of the command line share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """How a command writes rows."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Warehouse = Annotated[
    str,
    typer.Option(
        "--warehouse",
        "-w",
        help="Folder of the tables. Commands that only read take an s3:// prefix too, or in its place --env NAME, a "
        "deployed environment.",
        metavar="DIR",
    ),
]
Format = Annotated[OutputFormat, typer.Option("--format", "-f", help="How to write.")]
Stages = Annotated[
    list[str] | None,
    typer.Option(
        "--stage",
        help="Only this stage (bronze, silver, gold, drift, metrics); may be repeated.",
        metavar="NAME",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="A setting of a stage, e.g. bronze.promote_minutes=5; may be repeated.",
        metavar="STAGE.NAME=VALUE",
    ),
]
Master = Annotated[str, typer.Option(help="Spark master.")]
DriverMemory = Annotated[str, typer.Option(help="Heap of the Java process.")]
Contracts = Annotated[
    str,
    typer.Option(
        help="Folder with further versions of the raw contract, and migrations of them.", metavar="DIR"
    ),
]
