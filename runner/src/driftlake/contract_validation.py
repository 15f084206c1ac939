"""`driftlake contract validate`: an NDJSON file against any draft-07 schema, one NDJSON verdict per line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from driftlake import exit_codes
from driftlake.line_verdicts import LineJudge
from driftlake.ndjson_lines import read_lines
from driftlake.schema_remarks import schema_remarks
from iot_common.engine.contract import Contract, compile_contract
from iot_common.engine.draft07.compiler import Formats, read_schema
from iot_common.engine.draft07.uris import resolve_reference
from iot_common.engine.json_value import VALUE_LIMITS
from iot_common.errors import SettingsError

_FRAMES: Final = 100_000
"""Python frames are on the heap; a value of `VALUE_LIMITS.depth` levels takes some 10,000."""


@dataclass(frozen=True)
class ValidationRequest:
    """What was asked for. `source` is a path or `-`; `out` None is standard output."""

    schema: Path
    source: str
    formats: Formats = Formats.ASSERT
    documents: tuple[str, ...] = ()
    out: Path | None = None
    strict: bool = False


@dataclass
class Tally:
    """Lines so far."""

    lines: int = 0
    invalid: int = 0
    undecided: int = 0

    def __str__(self) -> str:
        valid = self.lines - self.invalid - self.undecided
        text = f"{self.lines:,} lines: {valid:,} valid, {self.invalid:,} invalid"
        return text + (f", {self.undecided:,} without a verdict" if self.undecided else "")


def validate(request: ValidationRequest) -> int:
    """Write the verdicts; returns the exit code.

    Raises:
        ContractError: the schema or a document cannot be used.
        SettingsError: a file cannot be read or written.
    """
    contract = load_contract(request)
    for remark in schema_remarks(contract.schema):
        print(f"driftlake: {request.schema}: {remark}", file=sys.stderr)
    if request.out is not None and request.source != "-" and _is_same_file(request.out, request.source):
        raise SettingsError(f"--out {request.out} is the input itself. Name another file.")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _FRAMES))
    try:
        with _output(request.out) as output:
            tally = _write_verdicts(LineJudge(contract), request.source, output)
    finally:
        sys.setrecursionlimit(limit)
    print(f"driftlake: {tally}", file=sys.stderr)
    failed = request.strict and bool(tally.invalid or tally.undecided)
    return exit_codes.FAILED if failed else exit_codes.OK


def load_contract(request: ValidationRequest) -> Contract:
    """The compiled schema with the documents given beside it."""
    schema = _read(request.schema)
    own = schema.get("$id") if isinstance(schema, dict) else None
    base = own if isinstance(own, str) else ""
    folder = request.schema.absolute().parent
    documents = {}
    for given in request.documents:
        uri, path = document_place(given, base, folder)
        documents[uri] = _read(path)
    return compile_contract(str(request.schema), schema, request.formats, documents)


def document_place(given: str, base: str, folder: Path) -> tuple[str, Path]:
    """The URI and the path of `URI=FILE`, or of `FILE`, which answers to its place beside the schema."""
    uri, mark, name = given.partition("=")
    if mark and not Path(given).exists():
        return uri, Path(name)
    beside = Path(os.path.relpath(Path(given).absolute(), folder)).as_posix()
    return resolve_reference(base, beside), Path(given)


def _read(path: Path) -> Any:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"cannot read the schema {path}: {error.strerror}. Name a readable file."
        ) from error
    return read_schema(text, name=str(path))


def _write_verdicts(judge: LineJudge, source: str, output: IO[bytes]) -> Tally:
    tally = Tally()
    for line in read_lines(source, VALUE_LIMITS.payload_bytes):
        verdict = judge.judge(line)
        tally.lines += 1
        tally.invalid += verdict.valid is False
        tally.undecided += verdict.valid is None
        output.write(verdict.as_json(tally.lines))
    return tally


def _is_same_file(out: Path, source: str) -> bool:
    return out.exists() and Path(source).exists() and out.samefile(source)


@contextmanager
def _output(out: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears whole: an interrupted run leaves what was there before."""
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    whole = out.exists() and not out.is_file()
    target = out if whole else out.with_name(f".{out.name}.part")
    try:
        file = target.open("wb")
    except OSError as error:
        raise SettingsError(
            f"cannot write {out}: {error.strerror}. Name a file in a writable folder."
        ) from error
    try:
        with file:
            yield file
        if not whole:
            target.replace(out)
    finally:
        if not whole:
            target.unlink(missing_ok=True)
