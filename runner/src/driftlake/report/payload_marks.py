"""Finds a path in the exact text of a record, so that a page can mark it. Bad text is no error: nothing is marked."""

from __future__ import annotations

import json
import re

from markupsafe import Markup, escape

from driftlake.rendering import printable

_DECODER = json.JSONDecoder()
_BLANKS = re.compile(r"[ \t\n\r]*")


def span_of(text: str, path: str) -> tuple[int, int] | None:
    """Where the member at a dotted path stands, from its key to the end of its value; the first one of its name.

    A key may hold dots itself: `a.b` finds `{"a.b": 1}` as well as `{"a": {"b": 1}}`.
    """
    try:
        _DECODER.raw_decode(text, _after_blanks(text, 0))  # a record that does not parse has no paths
        return _member(text, _after_blanks(text, 0), path)
    except (ValueError, IndexError, RecursionError):
        return None


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _member(text: str, at: int, path: str) -> tuple[int, int] | None:
    if text[at] != "{":
        return None
    at = _after_blanks(text, at + 1)
    while text[at] == '"':
        start = at
        key, at = _DECODER.raw_decode(text, at)
        value_at = _after_blanks(text, _after_blanks(text, at) + 1)
        _, end = _DECODER.raw_decode(text, value_at)
        if key == path:
            return start, end
        if path.startswith(f"{key}.") and (found := _member(text, value_at, path[len(key) + 1 :])):
            return found
        at = _after_blanks(text, end)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
    return None


def marked(payload: bytes, paths: tuple[str, ...], most: int) -> tuple[Markup, bool]:
    r"""The bytes as escaped text with the paths in `<mark>`, and whether it was cut.

    What is no UTF-8 or not printable stands as `\xNN`. A cut is made around the first path found, so that it shows.
    """
    text = payload.decode("utf-8", errors="backslashreplace")
    spans = sorted({span for path in paths if (span := span_of(text, path))}) if len(text) < 10 * most else []
    start = max(0, min(spans[0][0] - most // 3, len(text) - most)) if spans and len(text) > most else 0
    end = min(len(text), start + most)
    drawn, at = Markup("…" if start else ""), start
    for first, last in spans:
        first, last = max(first, at), min(last, end)
        if first < last:
            drawn += escape(printable(text[at:first])) + Markup("<mark>")
            drawn += escape(printable(text[first:last])) + Markup("</mark>")
            at = last
    drawn += escape(printable(text[at:end])) + ("…" if end < len(text) else "")
    return drawn, start > 0 or end < len(text)
