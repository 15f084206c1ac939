"""`driftlake contract diff`: two versions of a schema compared, and refused where the version step is too small."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from driftlake import exit_codes
from driftlake.contract_validation import document_place
from driftlake.rendering import counted, printable
from iot_common.compatibility.bump import Bump, bump_between
from iot_common.compatibility.changes import ABSENT, Change
from iot_common.compatibility.containment import Containment
from iot_common.compatibility.diff import SchemaDiff, compare, rendered, writable
from iot_common.compatibility.documents import VersionedSchema, versioned_schema
from iot_common.engine.draft07.compiler import Formats, read_schema
from iot_common.engine.parse import json_text
from iot_common.engine.registry import parse_version
from iot_common.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console

_VERSION_IN_NAME: Final = re.compile(r"(?<![0-9.])([0-9]+\.[0-9]+\.[0-9]+)(?![0-9])")
_LONGEST_SHOWN: Final = 400
_LONGEST_CELL: Final = 80
"""A cell is narrow: a longer value would stand in it like a pillar."""


@dataclass(frozen=True)
class DiffRequest:
    """What to compare, and what must hold.

    Attributes:
        old: a schema file, or the version of a registered contract; as is `new`.
        documents: `URI=FILE` or `FILE` each: what `$ref` may lead to beside the schema itself.
        declared_bump: the step the change is said to be; None: by the versions of both, where they have one.
        require: `backward`, `forward` or `full`: what must be proven.
    """

    old: str
    new: str
    formats: Formats = Formats.ASSERT
    documents: Sequence[str] = ()
    declared_bump: Bump | None = None
    require: str | None = None


@dataclass(frozen=True)
class _Decision:
    """What the exit code says, in words."""

    declared: Bump | None
    is_refused: bool
    reason: str


def diff_and_show(request: DiffRequest, out: Console, *, as_json: bool) -> int:
    """Compare, show, and give the exit code: 0, or 1 if the step is too small or a requirement is not met.

    Raises:
        ContractError: a schema is no valid draft-07.
        SettingsError: a file or version does not exist.
    """
    old, old_version = _read(request.old, request)
    new, new_version = _read(request.new, request)
    diff = compare(old, new, formats=request.formats)
    decision = _decide(request, diff, old_version, new_version)
    if as_json:
        declared = decision.declared.name if decision.declared is not None else None
        verdict = {"declared_bump": declared, "refused": decision.is_refused, "reason": decision.reason}
        typer.echo(rendered(diff, verdict))
    else:
        _show(diff, decision, out)
    return exit_codes.FAILED if decision.is_refused else exit_codes.OK


def _read(given: str, request: DiffRequest) -> tuple[VersionedSchema, str]:
    """The schema, and its version: its own name, or the one in the name of its file; empty where it has none."""
    if parse_version(given) is not None and not Path(given).exists():
        content, version = _registered(given), given
    else:
        content = _file_bytes(given)
        found = _VERSION_IN_NAME.search(Path(given).name)
        version = found.group(1) if found else ""
    schema = read_schema(content, name=given)
    documents = _documents(schema, Path(given).absolute().parent, request.documents)
    return versioned_schema(schema, name=given, formats=request.formats, documents=documents), version


def _documents(schema: Any, folder: Path, given: Sequence[str]) -> dict[str, Any]:
    """What `$ref` may lead to from one schema: by URI, or by the place beside it."""
    own = schema.get("$id") if isinstance(schema, dict) else None
    places = [document_place(each, own if isinstance(own, str) else "", folder) for each in given]
    return {uri: read_schema(_file_bytes(str(path)), name=str(path)) for uri, path in places}


def _registered(version: str) -> bytes:
    folder = resources.files("iot_common.contracts")
    entry = folder.joinpath(f"raw-iot-data-{version}.schema.json")
    if not entry.is_file():
        names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".schema.json"))
        raise SettingsError(f"contract version {version} is not registered; there are {', '.join(names)}")
    return entry.read_bytes()


def _file_bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"cannot read {path}: {reason}. Name a schema file or a registered version."
        ) from error


def _decide(request: DiffRequest, diff: SchemaDiff, old_version: str, new_version: str) -> _Decision:
    declared = request.declared_bump
    if declared is None and old_version and new_version:
        declared = bump_between(old_version, new_version)
        if declared is None:
            return _Decision(None, True, f"{new_version} does not come after {old_version}")
    if request.require is not None:
        proven = {"backward": diff.backward.holds, "forward": diff.forward.holds, "full": diff.full}
        holds = proven[request.require]
        if not holds:
            found = "unknown" if holds is None else "false"
            return _Decision(declared, True, f"{request.require} compatibility is required, and is {found}")
    if declared is not None and declared < diff.required.bump:
        return _Decision(
            declared, True, f"a {declared.name} step is too small: {diff.required.bump.name} is required"
        )
    return _Decision(declared, False, "")


def _show(diff: SchemaDiff, decision: _Decision, out: Console) -> None:
    def say(text: str, style: str = "") -> None:
        out.print(printable(text), style=style, markup=False, highlight=False, soft_wrap=True)

    say(f"{diff.old} -> {diff.new}: {counted(len(diff.changes), 'change')}", "bold")
    _show_changes(diff.changes, out)
    _say_verdict("backward (new readers accept old records)", diff.backward, say)
    _say_verdict("forward (old readers accept new records)", diff.forward, say)
    say(f"full: {_word(diff.full)}")
    say(f"version step required: {diff.required.bump.name} ({diff.required.rule})")
    for path, readers in _readers(diff.changes).items():
        tables = (f"{table} ({', '.join(names)})" for table, names in readers.items())
        say(f"{path} is read by {', '.join(tables)}")
    if decision.is_refused:
        say(f"refused: {decision.reason}", "bold red")


def _show_changes(changes: Sequence[Change], out: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if not changes:
        return
    table = Table(header_style="bold")
    for name in ("path", "code", "keyword", "old", "new", "effect"):
        # What people search the output for stays whole, however narrow the terminal.
        table.add_column(name, overflow="fold", no_wrap=name == "code")
    for change in changes:
        cells = (
            change.path or "(top level)", change.code.value, change.keyword, _shown(change.old, _LONGEST_CELL),
            _shown(change.new, _LONGEST_CELL), change.effect.value,
        )  # fmt: skip
        table.add_row(*(Text(printable(cell)) for cell in cells))
    out.print(table)


def _say_verdict(name: str, verdict: Containment, say: Any) -> None:
    say(f"{name}: {_word(verdict.holds)}{f' ({verdict.reason})' if verdict.reason else ''}")
    if verdict.holds is False:
        say(f"  counter-example: {_shown(verdict.counter_example)}")


def _word(holds: bool | None) -> str:
    return {True: "true", False: "false", None: "unknown"}[holds]


def _shown(value: Any, longest: int = _LONGEST_SHOWN) -> str:
    if value is ABSENT:
        return "–"
    text = json_text(writable(value))
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters; all with --json)"


def _readers(changes: Sequence[Change]) -> dict[str, dict[str, list[str]]]:
    """Removed or changed path -> table -> its columns that read the path."""
    found: dict[str, dict[str, list[str]]] = {}
    for change in changes:
        for column in change.columns:
            table, _, name = column.rpartition(".")
            names = found.setdefault(change.path, {}).setdefault(table, [])
            if name not in names:
                names.append(name)
    return found
