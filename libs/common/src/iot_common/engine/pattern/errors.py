"""What can go wrong with a pattern: when it is read, and when it meets a text."""

from __future__ import annotations

from iot_common.errors import DriftlakeError


def _shorten(pattern: str, limit: int = 120) -> str:
    return repr(pattern) if len(pattern) <= limit else repr(pattern[:limit]) + "…"


class UnsupportedPatternError(DriftlakeError):
    """A pattern that is no ECMA-262, or one that this engine cannot give its ECMA-262 meaning.

    Attributes:
        malformed: True when the pattern itself is wrong (`format: regex` refuses it too), False when only this
            engine's limits (size, nesting, an unknown Unicode property) stand in the way.
    """

    def __init__(self, pattern: str, reason: str, *, malformed: bool = True) -> None:
        super().__init__(
            f"pattern {_shorten(pattern)} cannot be used in a contract: {reason}. "
            + ("Correct it." if malformed else "Write it with plain classes, groups and quantifiers.")
        )
        self.pattern = pattern
        self.reason = reason
        self.malformed = malformed


class PatternTimeoutError(DriftlakeError):
    """A search that would take more steps than one text is worth: there is no verdict.

    The bound counts steps, not seconds, so the same pattern and text end the same way on every machine.
    """

    def __init__(self, pattern: str, text_length: int) -> None:
        super().__init__(
            f"pattern {_shorten(pattern)} has no verdict on a text of {text_length} characters within its step "
            "budget. Quarantine the record, or write the pattern without nested quantifiers and back-references."
        )
        self.pattern = pattern
        self.text_length = text_length
