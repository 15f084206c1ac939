r"""ECMA-262 patterns, as draft-07 means them, searched in bounded time.

The meaning: the search is unanchored; `$` matches only at the very end (Python's also before a final newline); `\d`,
`\w` and `\b` are ASCII; `\s` is ECMA's own list of blanks; `.` stops at four line ends; text and pattern are code
points, as with the `u` flag. The grammar accepted, and where it is wider than that flag's, is told in
`iot_common.engine.pattern.parser`.

A contract's pattern meets texts of anybody's making, so no engine may backtrack without a bound. Each pattern goes
to the fastest of four that is safe for it:

1. Python's `re`, where `pattern.determinism` proves that it cannot backtrack (0.2 µs for a device id);
2. RE2 (package google-re2), linear by construction, for the other regular patterns (2 µs);
3. `pattern.automaton`, linear too, for look-arounds and repetitions beyond RE2's limit (10 µs and more);
4. `pattern.backtracking`, which counts its steps, for back-references.

The verdict never depends on the clock: where even a linear search is too long (a large pattern on a large text), or
the steps of a back-reference are spent, `PatternTimeoutError` is raised, on every machine for the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from iot_common.engine.pattern.determinism import is_linear_for_backtracking, starts_at_text_start
from iot_common.engine.pattern.emit import Notation, emit
from iot_common.engine.pattern.errors import PatternTimeoutError, UnsupportedPatternError
from iot_common.engine.pattern.parser import is_pattern, parse
from iot_common.engine.pattern.simplify import trim
from iot_common.engine.pattern.syntax import Pattern

__all__ = ["PatternTimeoutError", "UnsupportedPatternError", "compile_pattern", "is_pattern"]

Search = Callable[[str], object | None]

_MOST_NESTING: Final = 150
"""Groups in groups; the passes over a parsed pattern recurse."""


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Search:
    """The unanchored search of an ECMA-262 pattern: something true where it matches, else None.

    The search itself raises PatternTimeoutError where no verdict can be had within its bound.

    Raises:
        UnsupportedPatternError: the pattern is malformed, or beyond what this engine can search with.
    """
    parsed = parse(pattern)
    if parsed.depth > _MOST_NESTING:
        raise UnsupportedPatternError(pattern, f"groups nest deeper than {_MOST_NESTING}", malformed=False)
    try:
        return _search(parsed)
    except (LookupError, OverflowError, re.error) as error:
        raise UnsupportedPatternError(pattern, str(error), malformed=False) from error


def _search(pattern: Pattern) -> Search:
    if pattern.has_back_reference:
        from iot_common.engine.pattern.backtracking import Backtracker

        return Backtracker(pattern).search
    pattern = pattern._replace(root=trim(pattern.root))
    if is_linear_for_backtracking(pattern.root):
        compiled = re.compile(emit(pattern.root, Notation.PYTHON), re.ASCII)
        return compiled.match if starts_at_text_start(pattern.root) else compiled.search
    if not pattern.has_look:
        from iot_common.engine.pattern.linear import LinearSearch

        linear = LinearSearch.of(pattern)
        if linear is not None:
            return linear
    from iot_common.engine.pattern.automaton import Automaton

    return Automaton(pattern).search
