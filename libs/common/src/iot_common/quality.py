"""Quality checks in the shapes of Great Expectations 1.x: a suite as JSON in, one validation result per expectation.

Only the shapes are taken (its ExpectationSuite and ExpectationValidationResult), so that a team can hold them with its
own suites. Counting is the caller's: nothing here reads a row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from iot_common.errors import SettingsError

_KWARGS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "expect_column_values_to_not_be_null": (frozenset({"column"}), frozenset({"mostly"})),
    "expect_column_values_to_be_of_type": (frozenset({"column", "type_"}), frozenset({"mostly"})),
    "expect_column_values_to_be_in_set": (frozenset({"column", "value_set"}), frozenset({"mostly"})),
    "expect_column_values_to_be_between": (
        frozenset({"column", "min_value", "max_value"}),
        frozenset({"mostly"}),
    ),
    "expect_column_to_exist": (frozenset({"column"}), frozenset()),
    "expect_compound_columns_to_be_unique": (frozenset({"column_list"}), frozenset()),
    "expect_table_row_count_to_be_between": (frozenset(), frozenset({"min_value", "max_value"})),
}
"""Expectation type -> its required and its optional arguments, named as Great Expectations names them."""

PARTIAL_LIST_LENGTH: Final = 20
"""Failing values that a result shows itself, as Great Expectations does; the query in it gives all of them."""


class SuiteError(SettingsError):
    """A suite says something that the checks do not know; no row was read."""

    def __init__(self, suite: str, where: str, reason: str) -> None:
        super().__init__(f"expectation suite {suite}, {where}: {reason}")
        self.suite = suite
        self.where = where


@dataclass(frozen=True)
class Expectation:
    """One expectation as its suite states it."""

    type: str
    kwargs: Mapping[str, Any]
    meta: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Unique within a suite: the type and what it is about."""
        about = self.kwargs.get("column", self.kwargs.get("column_list", ""))
        about = about if isinstance(about, str) else ",".join(about)
        return f"{self.type}({about})"

    @property
    def mostly(self) -> float:
        """Share of the elements, 0 to 1, that must pass."""
        return float(self.kwargs.get("mostly", 1.0))


@dataclass(frozen=True)
class Suite:
    """A named list of expectations."""

    name: str
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """What counting gave for one expectation.

    Attributes:
        elements: rows looked at.
        missing: of these, rows whose value is null; they neither pass nor fail.
        unexpected: rows that fail.
        partial: some failing values as text, at most `PARTIAL_LIST_LENGTH`.
        observed: what a check of the whole table saw, such as a row count.
    """

    elements: int
    missing: int = 0
    unexpected: int = 0
    partial: tuple[str, ...] = ()
    observed: Any = None


def read_suite(text: str) -> Suite:
    """Read a suite.

    Raises:
        SuiteError: No JSON, an unknown key, type or argument, a missing argument, or an expectation stated twice.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise SuiteError("(unnamed)", "the file", f"not JSON: {error}") from error
    name = str(document.get("name", "(unnamed)")) if isinstance(document, dict) else "(unnamed)"
    _known(name, "the top level", document, {"name", "expectations"}, {"meta"})
    expectations = tuple(_expectation(name, n, entry) for n, entry in enumerate(document["expectations"]))
    names = [each.name for each in expectations]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise SuiteError(name, twice[0], "stated twice")
    return Suite(name, expectations)


def _expectation(suite: str, number: int, entry: Any) -> Expectation:
    where = f"expectation {number + 1}"
    _known(suite, where, entry, {"type", "kwargs"}, {"meta"})
    if entry["type"] not in _KWARGS:
        raise SuiteError(
            suite, where, f"unknown type {entry['type']}; known are {', '.join(sorted(_KWARGS))}"
        )
    required, optional = _KWARGS[entry["type"]]
    _known(suite, f"{where}, kwargs", entry["kwargs"], required, optional)
    mostly = entry["kwargs"].get("mostly", 1.0)
    if isinstance(mostly, bool) or not isinstance(mostly, int | float) or not 0 <= mostly <= 1:
        raise SuiteError(suite, f"{where}, mostly", "must be a share from 0 to 1")
    return Expectation(entry["type"], entry["kwargs"], entry.get("meta", {}))


def _known(
    suite: str,
    where: str,
    entry: Any,
    required: set[str] | frozenset[str],
    optional: set[str] | frozenset[str],
) -> None:
    if not isinstance(entry, dict):
        raise SuiteError(suite, where, "must be an object")
    unknown = sorted(entry.keys() - required - optional)
    if unknown:
        raise SuiteError(suite, where, f"unknown key {', '.join(unknown)}")
    absent = sorted(required - entry.keys())
    if absent:
        raise SuiteError(suite, where, f"lacks {', '.join(absent)}")


def validation_result(expectation: Expectation, counted: Counted, failing_rows_query: str) -> dict[str, Any]:
    """One result in the shape of an ExpectationValidationResult with `result_format: COMPLETE`.

    Args:
        expectation: What was expected.
        counted: What was found.
        failing_rows_query: SQL that gives every failing row; part of a result that failed on rows.
    """
    return {
        "success": succeeded(expectation, counted),
        "expectation_config": {
            "type": expectation.type,
            "kwargs": dict(expectation.kwargs),
            "meta": dict(expectation.meta),
        },
        "result": _result(counted, failing_rows_query),
        "meta": {},
        "exception_info": {"raised_exception": False, "exception_traceback": None, "exception_message": None},
    }


def succeeded(expectation: Expectation, counted: Counted) -> bool:
    """True where at least `mostly` of the elements that are not missing pass; nothing to look at passes."""
    if counted.observed is not None:
        return counted.unexpected == 0
    looked_at = counted.elements - counted.missing
    return counted.unexpected == 0 or looked_at - counted.unexpected >= expectation.mostly * looked_at


def _result(counted: Counted, failing_rows_query: str) -> dict[str, Any]:
    if counted.observed is not None:
        return {"observed_value": counted.observed}
    looked_at = counted.elements - counted.missing
    found = {
        "element_count": counted.elements,
        "unexpected_count": counted.unexpected,
        "unexpected_percent": _percent(counted.unexpected, looked_at),
        "missing_count": counted.missing,
        "missing_percent": _percent(counted.missing, counted.elements),
        "unexpected_percent_total": _percent(counted.unexpected, counted.elements),
        "unexpected_percent_nonmissing": _percent(counted.unexpected, looked_at),
        "partial_unexpected_list": list(counted.partial),
    }
    return found | ({"unexpected_index_query": failing_rows_query} if counted.unexpected else {})


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
