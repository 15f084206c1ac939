"""The one rule that names the column of an undeclared path, and says what the column holds.

`readings.pressure` becomes `readings__pressure`: the segments of the path in lower case, joined by two underscores.
A name says which path it stands for, whatever else a table holds: where the plain name could be that of another path
or of a contract column, it ends in `_x` and 8 hex digits of the path's hash. That is the case if

- a segment has other characters than a-z, 0-9 and single underscores between them (`CO₂`, `a.b`, `_id`, `a__b`);
- the name would start with a digit, be longer than `NAME_LENGTH_LIMIT`, or end like a name with a hash;
- a contract column has it (`latitude` beside `location.latitude`).

Case makes no second column: paths are folded by Unicode's full case folding. An array is one value: what lies in its
elements belongs to the path of the array.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

from iot_common.engine.parse import ParseFailure, ParseLimits, json_text, parse_record
from iot_common.engine.shape import bounded_path

NAME_LENGTH_LIMIT: Final = 64
"""Longest column name: what Athena, DuckDB and people bear."""

_SEGMENT: Final = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|(\[\])|([^.\[\]]+)', re.DOTALL)
_PLAIN_SEGMENT: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_HASHED: Final = re.compile(r".*_x[0-9a-f]{8}")
_DOC_KEY: Final = "driftlake.path"
_KNOWN_LIMIT: Final = 10_000
"""Paths remembered: a fleet has few."""
_ANY_SIZE: Final = ParseLimits(payload_bytes=1 << 30)
"""What is rescued came through the limits of a record; as a text of its own it has one level less."""


def folded(path: str) -> str:
    """The path as case-insensitive readers see it; equal for all spellings that share a column."""
    return path.casefold()


def column_name(path: str, taken: Iterable[str]) -> str:
    """The column of a path, the same in every process and at any time.

    Args:
        path: As observations write it: `a.b`, `a["b.c"]`.
        taken: Columns of the table's contract.
    """
    text = folded(path)
    segments = [_text_of(match) for match in _SEGMENT.finditer(text)]
    plain = "__".join(segments)
    if _is_plain(segments, plain) and plain not in {name.lower() for name in taken}:
        return plain
    mark = f"_x{blake2b(text.encode(), digest_size=4).hexdigest()}"
    kept = re.sub(r"[^a-z0-9_]+", "_", plain)
    kept = f"f_{kept}" if not kept[:1].isalpha() else kept
    return kept[: NAME_LENGTH_LIMIT - len(mark)].rstrip("_") + mark


def _is_plain(segments: list[str], name: str) -> bool:
    """True where the name alone tells the segments, and needs no quotes in SQL."""
    if name[:1].isdigit() or len(name) > NAME_LENGTH_LIMIT or _HASHED.fullmatch(name):
        return False
    return bool(segments) and all(_PLAIN_SEGMENT.fullmatch(segment) for segment in segments)


def _text_of(match: re.Match[str]) -> str:
    quoted, items, plain = match.groups()
    return str(json.loads(f'"{quoted}"')) if quoted is not None else plain or items


def may_have_column(path: str) -> bool:
    """False for what lies in the elements of an array: the array is one value."""
    return not any(match.group(2) for match in _SEGMENT.finditer(path))


def column_doc(path: str) -> str:
    """The comment of the column: traces it to its path."""
    return f"Undeclared field, exact text; the value as sent is in _rescued. {_DOC_KEY}={json.dumps(path)}"


def path_of_doc(doc: str | None) -> str | None:
    """The path a column's comment names; None for a column that no path made."""
    _, mark, text = (doc or "").partition(f"{_DOC_KEY}=")
    if not mark:
        return None
    try:
        return str(json.loads(text))
    except ValueError:
        return None


class EvolvedColumns:
    """The evolved columns of a table, and how each is read from what a row has rescued.

    Args:
        paths: Column name -> the path it was made for, in the spelling that wins if a row has several.
    """

    def __init__(self, paths: Mapping[str, str]) -> None:
        self.paths = dict(paths)
        self._by_folded = {folded(path): name for name, path in paths.items()}
        self._known: dict[str, tuple[str | None, bool]] = {}

    def values(self, rescued: str) -> dict[str, str]:
        """Column name -> text of the value, of those columns that the row has a value for.

        The text is the string itself for a JSON string, and exact JSON for all else but null, which stays out: a null
        and a missing field are told apart by `_rescued`. Of several spellings the column's own wins, else the first.
        Where a later contract declares fields of the path, they are rescued one by one: the object is put together.

        Args:
            rescued: The JSON object of path to value as silver writes it.
        """
        parsed = parse_record(rescued.encode(), _ANY_SIZE)
        if isinstance(parsed, ParseFailure):
            return {}
        found: dict[str, tuple[bool, str, Any]] = {}
        parts: dict[str, dict[str, Any]] = {}
        for path, value in parsed.value.items():
            name, respelled = self._known.get(path) or self._column_of(path)
            if name is not None:
                rank = (respelled, path, value)
                found[name] = min(found.get(name, rank), rank, key=lambda each: each[:2])
            else:
                self._add_part(parts, path, value)
        values = parts | {name: value for name, (_, _, value) in found.items()}
        return {
            name: value if isinstance(value, str) else json_text(value)
            for name, value in values.items()
            if value is not None
        }

    def _column_of(self, path: str) -> tuple[str | None, bool]:
        """The column of a path, and whether it was made for another spelling."""
        shown = bounded_path(path)
        name = self._by_folded.get(folded(shown))
        answer = name, name is not None and shown != self.paths[name]
        if len(self._known) < _KNOWN_LIMIT and len(path) <= NAME_LENGTH_LIMIT:
            self._known[path] = answer
        return answer

    def _add_part(self, parts: dict[str, dict[str, Any]], path: str, value: Any) -> None:
        """Puts a value into the object of the column above its path, if there is one."""
        segments = list(_SEGMENT.finditer(path))
        for depth, segment in enumerate(segments[1:], start=1):
            name = self._by_folded.get(folded(path[: segment.start()].removesuffix(".")))
            if name is not None:
                place = parts.setdefault(name, {})
                for parent in segments[depth:-1]:
                    place = place.setdefault(_text_of(parent), {})
                place[_text_of(segments[-1])] = value
                return
