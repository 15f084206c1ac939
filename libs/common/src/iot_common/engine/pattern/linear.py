"""Regular patterns on RE2, which never backtracks."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import re2

from iot_common.engine.pattern.automaton import Automaton
from iot_common.engine.pattern.emit import Notation, emit
from iot_common.engine.pattern.errors import PatternTimeoutError, UnsupportedPatternError
from iot_common.engine.pattern.simplify import expanded_size
from iot_common.engine.pattern.syntax import Assertion, Choice, Group, Node, Pattern, Repeat, Sequence

_MOST_PARTS: Final = 20_000
"""Parts of a pattern with its repetitions written out."""
_WORK_BUDGET: Final = 2 * 10**8
"""Bytes of text times instructions of the pattern, RE2's worst case at up to 40 ns each. RE2 cannot be stopped, so what
may cost more goes to the automaton, which is slower but counts what it really does."""


class LinearSearch:
    """The search of one pattern on UTF-8; a text with lone surrogates, which has none, takes the other engine."""

    def __init__(self, pattern: Pattern, compiled: re2._Regexp) -> None:
        self._pattern = pattern
        self._search = compiled.search
        self._most_bytes = _WORK_BUDGET // max(compiled.programsize, compiled.reverseprogramsize, 1)

    @classmethod
    def of(cls, pattern: Pattern) -> LinearSearch | None:
        r"""None for what RE2 refuses (large repetitions) or reads otherwise (`\B`, which it finds in characters)."""
        if expanded_size(pattern.root) > max(_MOST_PARTS, 2 * len(pattern.source)) or _asks_inside_word(
            pattern.root
        ):
            return None
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        try:
            return cls(pattern, re2.compile(emit(pattern.root, Notation.RE2).encode(), options))
        except re2.error:
            return None

    def __call__(self, text: str) -> object | None:
        """See `compile_pattern`."""
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            return self._counted(text)
        if len(encoded) > self._most_bytes:
            return self._counted(text)
        return self._search(encoded)

    def _counted(self, text: str) -> bool | None:
        try:
            return self._automaton.search(text)
        except UnsupportedPatternError:
            # Too large for the automaton, and for this text too large for RE2.
            raise PatternTimeoutError(self._pattern.source, len(text)) from None

    @cached_property
    def _automaton(self) -> Automaton:
        return Automaton(self._pattern)


def _asks_inside_word(node: Node) -> bool:
    match node:
        case Assertion(kind):
            return kind == "B"
        case Group(body) | Repeat(body):
            return _asks_inside_word(body)
        case Sequence(parts) | Choice(parts):
            return any(map(_asks_inside_word, parts))
    return False
