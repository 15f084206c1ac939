"""The commands about contracts: `driftlake contract …`. They read files, need no warehouse and start no Spark."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="contract",
    help="Check records and schema versions against draft-07 contracts.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DIFF_EXIT_CODES = (
    "Exit codes: 0 ran; 1 the declared step is too small, or what --require asks for is not proven; "
    "2 wrong usage, or no draft-07 schema."
)


class FormatsName(StrEnum):
    """Whether `format` decides."""

    ASSERT = "assert"
    ANNOTATE = "annotate"


class StepName(StrEnum):
    """Steps of MAJOR.MINOR.PATCH."""

    NONE = "none"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


class RequirementName(StrEnum):
    """Kinds of compatibility."""

    BACKWARD = "backward"
    FORWARD = "forward"
    FULL = "full"


Documents = Annotated[
    list[str] | None,
    typer.Option(
        help="What a $ref may lead to: by the URI, its $id, or its path beside the schema; may be repeated.",
        metavar="[URI=]FILE",
    ),
]


@app.callback()
def contract() -> None:
    """Hold the commands about contracts."""


@app.command(epilog=_DIFF_EXIT_CODES)
def diff(
    old: Annotated[str, typer.Argument(help="Schema file, or a registered version such as 1.0.0.")],
    new: Annotated[str, typer.Argument(help="Schema file, or a registered version.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    formats: Annotated[
        FormatsName, typer.Option(help="assert: `format` decides, as for contracts; annotate: it does not.")
    ] = FormatsName.ASSERT,
    document: Documents = None,
    declared_bump: Annotated[
        StepName | None,
        typer.Option(
            help="The step this change is said to be. Default: by the versions in the names of both, if they have one."
        ),
    ] = None,
    require: Annotated[RequirementName | None, typer.Option(help="What must be proven.")] = None,
) -> None:
    """List the changes between two versions of a schema, say whether they are compatible, and which step they need.

    Every "false" comes with a record that one version accepts and the other refuses; "true" is proven.
    """
    from driftlake.consoles import open_console
    from driftlake.contract_diff import DiffRequest, diff_and_show
    from iot_common.compatibility.bump import Bump
    from iot_common.engine.draft07.compiler import Formats

    request = DiffRequest(
        old,
        new,
        Formats(formats.value),
        tuple(document or ()),
        None if declared_bump is None else Bump[declared_bump.name],
        None if require is None else require.value,
    )
    raise typer.Exit(diff_and_show(request, open_console(), as_json=as_json))


@app.command(
    epilog="Exit codes: 0 it ran; 1 with --strict: some line is not valid; 2 wrong usage, unreadable file, or a schema "
    "that is no valid draft-07 or refers to what is not given."
)
def validate(
    source: Annotated[
        str, typer.Argument(help="NDJSON file, .gz and .zst too; - for stdin.", metavar="INPUT")
    ],
    schema: Annotated[Path, typer.Option("--schema", "-s", help="Any draft-07 schema.", metavar="FILE")],
    formats: Annotated[
        FormatsName, typer.Option(help="Whether `format` decides or only annotates.")
    ] = FormatsName.ASSERT,
    document: Documents = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File for the verdicts (default: stdout).", metavar="FILE"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 if any line is not valid.")] = False,
) -> None:
    """Judge each line of a file by a draft-07 schema: one NDJSON verdict per line, with every difference.

    A verdict has line (from 1), valid (draft-07's answer and nothing else) and events: path, code, expected, found,
    source (contract: draft-07 objects; engine: only the pipeline does, or it is new), and within arrays the place.

    Any JSON value may stand on a line. One that is no JSON is not valid, an empty line included, as in the pipeline;
    so are lines beyond 16 MiB or 2,000 levels. With a duplicate key the last value counts. valid is null where a
    pattern finds no verdict within its step budget. Nothing is ever fetched.
    """
    from driftlake.contract_validation import ValidationRequest
    from driftlake.contract_validation import validate as run
    from iot_common.engine.draft07.compiler import Formats

    request = ValidationRequest(schema, source, Formats(formats.value), tuple(document or ()), out, strict)
    raise typer.Exit(run(request))


@app.command(
    epilog="Exit codes: 0 written, or up to date; 1 stale (with --check); 2 the file cannot be read."
)
def docs(
    file: Annotated[Path, typer.Argument(help="The page; what is above its mark stays.")] = Path(
        "docs/contracts.md"
    ),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 if the page is stale.")
    ] = False,
) -> None:
    """Write the tables, columns, units, ranges and sources of all table contracts into docs/contracts.md."""
    from driftlake import exit_codes
    from iot_common.contracts.markdown import with_tables
    from iot_common.errors import SettingsError

    try:
        before = file.read_text("utf-8")
    except OSError as error:
        raise SettingsError(
            f"cannot read {file}: {error.strerror}. Run it from the root of the repository."
        ) from error
    after = with_tables(before)
    if check:
        typer.echo(f"{file}: {'up to date' if before == after else 'stale; run `make contracts`'}")
        raise typer.Exit(exit_codes.OK if before == after else exit_codes.FAILED)
    file.write_text(after, "utf-8")
    typer.echo(f"{file}: written")
