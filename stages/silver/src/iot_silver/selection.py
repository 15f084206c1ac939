"""Which quarantined records a command is about: a small value that JSON can say, so that a job can take it too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, Any

from iot_common.errors import SettingsError

if TYPE_CHECKING:
    from pyspark.sql import Column

MAX_VALUES = 1000
"""Most values of one kind: the selection stands in the summary of a snapshot."""

ROOT = "$"
"""How the path of the record itself is written."""

NONE = "none"
"""Says: where it could not be read."""


class SelectionError(SettingsError):
    """A selection of quarantined records cannot be read; nothing was touched."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"selection of quarantined records: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Selection:
    """Quarantined records by what they are; kinds left empty select all, several kinds must all hold.

    Attributes:
        codes: Event codes, and
        paths: dotted paths (`$` is the record itself): one reason of the record has both.
        devices: Device ids; `none` where it could not be read.
        schema_versions: Versions the records claim; `none` where it could not be read.
        row_ids: Bronze's row ids.
        objects: Keys of landing objects.
        since: Arrived at this time or later; a time without a zone is UTC.
        until: Arrived before this time.
    """

    codes: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    schema_versions: tuple[str, ...] = ()
    row_ids: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what a snapshot's summary should not hold."""
        for name in _LISTS:
            if len(getattr(self, name)) > MAX_VALUES:
                raise SelectionError(f"more than {MAX_VALUES} {name}: select them by what they share")

    def as_json(self) -> dict[str, Any]:
        """As values that JSON can say; kinds left empty are left out."""
        values = {name: list(getattr(self, name)) for name in _LISTS}
        times = {name: moment.isoformat() for name in _TIMES if (moment := getattr(self, name)) is not None}
        return {name: value for name, value in values.items() if value} | times

    @staticmethod
    def from_json(given: Mapping[str, Any]) -> Selection:
        """The same back.

        Raises:
            SelectionError: If a name is unknown or a value has another type.
        """
        unknown = sorted(given.keys() - {*_LISTS, *_TIMES})
        if unknown:
            raise SelectionError(f"unknown {', '.join(unknown)}; known are {', '.join((*_LISTS, *_TIMES))}")
        lists = {name: _texts(name, given[name]) for name in _LISTS if name in given}
        times = {name: moment_of(given[name]) for name in _TIMES if given.get(name) is not None}
        return Selection(**lists, **times)  # type: ignore[arg-type]

    @staticmethod
    def from_text(text: str) -> Selection:
        """The same from JSON text.

        Raises:
            SelectionError: If it is no JSON object of the known names.
        """
        try:
            given = json.loads(text)
        except ValueError as error:
            raise SelectionError(f"no JSON: {error}") from error
        if not isinstance(given, dict):
            raise SelectionError("must be a JSON object")
        return Selection.from_json(given)

    def condition(self) -> Column:
        """True for the selected rows of open records (`quarantine_state.open_records`)."""
        from pyspark.sql import functions as F

        conditions = [F.lit(True)]
        if self.codes or self.paths:
            conditions.append(F.exists("reasons", self._is_reason))
        for column, wanted in (
            ("device_id", self.devices),
            ("schema_version", self.schema_versions),
            ("row_id", self.row_ids),
            ("source_object", self.objects),
        ):
            if wanted:
                may_be_null = column in ("device_id", "schema_version") and NONE in wanted
                conditions.append(F.coalesce(F.col(column).isin(list(wanted)), F.lit(may_be_null)))
        if self.since is not None:
            conditions.append(F.col("ingest_time") >= F.lit(self.since))
        if self.until is not None:
            conditions.append(F.col("ingest_time") < F.lit(self.until))
        return reduce(lambda one, other: one & other, conditions)

    def _is_reason(self, reason: Column) -> Column:
        from pyspark.sql import functions as F

        paths = ["" if path == ROOT else path for path in self.paths]
        of_code = reason["code"].isin(list(self.codes)) if self.codes else F.lit(True)
        return of_code & (reason["path"].isin(paths) if paths else F.lit(True))


_TIMES = ("since", "until")
_LISTS = tuple(each.name for each in fields(Selection) if each.name not in _TIMES)


def moment_of(text: Any) -> datetime:
    """A time from ISO 8601 text; without a zone it is UTC.

    Raises:
        SelectionError: If it is no such time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise SelectionError(f"{text!r} is no ISO 8601 time") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _texts(name: str, given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
        raise SelectionError(f"{name} must be a list of texts")
    return tuple(given)
