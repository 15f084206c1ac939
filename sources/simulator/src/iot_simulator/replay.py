"""Replay recorded tables through a mapping, as landing objects in the order of their time.

Every row becomes exactly one line. A row that cannot be mapped is no JSON on purpose: it keeps the row's
text and the reason, and the pipeline puts it into quarantine like any other damaged line.
"""

from __future__ import annotations

import csv
import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from iot_simulator.composer import Row, UnmappableRowError, composer, time_of
from iot_simulator.errors import ReplayInputError, SettingError
from iot_simulator.landing_writer import LandingTotals, LandingWriter
from iot_simulator.mapping import ReplayMapping

# One object is one task for its reader; this many lines of 350 bytes are small and not tiny.
DEFAULT_OBJECT_LINES = 5_000
UNMAPPED_MARK = "UNMAPPED ROW"


@dataclass
class ReplayResult:
    """What a replay read and wrote; `rows` equals `totals.lines`.

    Attributes:
        landing: Folder of the objects.
        rows: Rows read; headers and empty lines are none.
        mapped_rows: Rows that became records.
        unmapped_rows: Rows kept as text.
        rows_per_input: Rows by input file.
        totals: Objects, lines and bytes written.
        first_time: Earliest time, after the shift; RFC 3339.
        last_time: Latest time.
        duration_seconds: Real time it took.
    """

    landing: Path
    rows: int = 0
    mapped_rows: int = 0
    unmapped_rows: int = 0
    rows_per_input: dict[str, int] = field(default_factory=dict)
    totals: LandingTotals = field(default_factory=LandingTotals)
    first_time: str | None = None
    last_time: str | None = None
    duration_seconds: float = 0.0


@dataclass(frozen=True)
class _Line:
    epoch_us: int
    content: bytes


def replay(
    inputs: Sequence[Path | str],
    mapping: ReplayMapping,
    landing: Path | str,
    *,
    object_lines: int = DEFAULT_OBJECT_LINES,
    compression: str = "gz",
    rate: float | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    append: bool = False,
) -> ReplayResult:
    """Write every row of the inputs, merged and sorted by time, as one line each.

    All rows are held in memory (about 0.5 GB per million). Rows of equal time keep the order of the inputs;
    a row whose time cannot be read goes where the row before it went.

    Args:
        inputs: CSV-like files, gzip if their name ends in `.gz`.
        mapping: From rows to records.
        landing: Folder for the objects; must be empty unless `append`.
        object_lines: Lines per object; the object's time is that of its last line.
        compression: See SimulationConfig.
        rate: Lines per second of real time; None writes as fast as possible.
        on_progress: Called with (lines written, lines in all) after each object.
        should_stop: Asked between objects; true ends the replay there.
        append: Allow objects in the folder already.

    Raises:
        ReplayInputError: An input is missing, unreadable, truncated, or lacks a column.
        LandingError: Something could not be written.
    """
    began = time.monotonic()
    if object_lines < 1:
        raise SettingError("object_lines", object_lines, "it must be 1 or more")
    result = ReplayResult(Path(landing))
    lines = _lines_of(inputs, mapping, result)
    writer = LandingWriter(result.landing, compression, append=append)
    result.totals = writer.totals
    for first in range(0, len(lines), object_lines):
        group = lines[first : first + object_lines]
        if rate is not None and not _waited_until(began + (first + len(group)) / rate, should_stop):
            break
        opened_ms, arrived_ms = group[0].epoch_us // 1000, -(-group[-1].epoch_us // 1000)
        writer.write(mapping.gateway, opened_ms, arrived_ms, [line.content for line in group])
        if on_progress:
            on_progress(writer.totals.lines, len(lines))
        if should_stop():
            break
    result.duration_seconds = time.monotonic() - began
    return result


def _waited_until(due: float, should_stop: Callable[[], bool]) -> bool:
    while (wait := due - time.monotonic()) > 0:
        if should_stop():
            return False
        time.sleep(min(wait, 0.1))
    return True


def _lines_of(inputs: Sequence[Path | str], mapping: ReplayMapping, result: ReplayResult) -> list[_Line]:
    lines: list[_Line] = []
    for path in inputs:
        mapped = list(_lines_of_one(Path(path), mapping, result))
        result.rows_per_input[str(path)] = len(mapped)
        lines.extend(mapped)
    lines.sort(key=lambda line: line.epoch_us)
    result.rows = len(lines)
    if lines:
        result.first_time, result.last_time = _instant(lines[0].epoch_us), _instant(lines[-1].epoch_us)
    return lines


def _instant(epoch_us: int) -> str:
    return datetime.fromtimestamp(epoch_us / 1e6, UTC).isoformat(timespec="milliseconds")


def _lines_of_one(path: Path, mapping: ReplayMapping, result: ReplayResult) -> Iterator[_Line]:
    compose = composer(mapping)
    waiting: list[bytes] = []
    last_us: int | None = None
    for number, text, row, surplus in _rows(path, mapping):
        try:
            if surplus > 0:
                raise UnmappableRowError(f"{surplus} more values than columns")
            epoch_us, timestamp = time_of(row, mapping)
            content = compose(row, timestamp)
        except UnmappableRowError as reason:
            result.unmapped_rows += 1
            content = f"{UNMAPPED_MARK} {path.name}:{number} ({reason}): {json.dumps(text)}".encode()
            if last_us is None:
                waiting.append(content)
                continue
            epoch_us = last_us
        else:
            result.mapped_rows += 1
        last_us = epoch_us
        # Rows before the first that has a time go where that one goes.
        yield from (_Line(epoch_us, early) for early in waiting)
        waiting.clear()
        yield _Line(epoch_us, content)
    yield from (_Line(0, early) for early in waiting)


def _rows(path: Path, mapping: ReplayMapping) -> Iterator[tuple[int, str, Row, int]]:
    """(line number, text, values by column, values beyond the last column) of each row."""
    try:
        with _opened(path, mapping.encoding) as stream:
            columns = list(mapping.columns)
            header_due = mapping.header
            for number, text, cells in _cells(stream, mapping.delimiter):
                if header_due:
                    columns, header_due = _header(path, cells, mapping), False
                    continue
                pairs = zip(columns, cells, strict=False)
                row = {name: cell for name, cell in pairs if cell and cell not in mapping.missing}
                yield number, text, row, len(cells) - len(columns)
    except (OSError, EOFError, zlib.error, csv.Error, LookupError) as error:
        remedy = "Check that it is there, whole and readable; nothing of this replay has been written."
        raise ReplayInputError(str(path), f"it cannot be read to its end ({error})", remedy) from error


def _opened(path: Path, encoding: str) -> IO[str]:
    # Bytes that are not of the encoding come through as they are and end up, escaped, in the line.
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, errors="backslashreplace", newline="")
    return path.open("rt", encoding=encoding, errors="backslashreplace", newline="")


def _cells(stream: IO[str], delimiter: str | None) -> Iterator[tuple[int, str, list[str]]]:
    if delimiter is None:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield number, line.rstrip("\r\n"), line.split()
        return
    reader = csv.reader(stream, delimiter=delimiter)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, delimiter.join(cells), [cell.strip() for cell in cells]


def _header(path: Path, cells: list[str], mapping: ReplayMapping) -> list[str]:
    used = {column for rule in mapping.fields for column in rule.columns} | set(mapping.time_columns)
    absent = sorted(used - set(cells))
    if absent:
        remedy = (
            f"Its columns are {', '.join(cells)}; mend the mapping {mapping.source} or name another file."
        )
        raise ReplayInputError(str(path), f"it has no column '{absent[0]}'", remedy)
    return cells
