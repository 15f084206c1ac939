"""What makes a table impossible to score; each says what, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from iot_common.errors import SettingsError


class ColumnNotFoundError(SettingsError):
    """A column that was named is not in the table."""

    def __init__(self, wanted: str, option: str, present: Sequence[str]) -> None:
        hint = (
            " The header has only one column: name the separator, e.g. --sep ';'."
            if len(present) == 1 and not present[0].replace("_", "").isalnum()
            else ""
        )
        shown = ", ".join(map(repr, present[:12])) + (", …" if len(present) > 12 else "")
        super().__init__(
            f"no column {wanted!r} ({option}); the table has {shown or 'no columns'}.{hint or ' Name one of them.'}"
        )
        self.wanted = wanted
        self.present = tuple(present)


class NothingToScoreError(SettingsError):
    """The table holds nothing that could be learned from or scored."""


class TimesUnreadableError(SettingsError):
    """No value of the time column can be read."""

    def __init__(self, column: str, example: str) -> None:
        super().__init__(
            f"no time in column {column!r} can be read, e.g. {example!r}. Use RFC 3339 (2026-01-31T12:00:00Z, or a "
            "space for the T), an epoch (s, ms, us or ns), or a plain number; or name another column with --time."
        )
        self.column = column
