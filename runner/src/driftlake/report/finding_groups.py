"""Findings of one change told together: a line of the table per change, not per device. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from driftlake.report.evidence import passed_lines
from driftlake.report.headlines import field_name, headline, short, unit_of

SAME_CHANGE = timedelta(hours=6)
"""Statistical findings of one kind and field belong together as long as their onsets follow one another so."""

LINKS_SHOWN = 24


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """One change: a structural finding, or statistical ones of several devices, the earliest first."""

    rows: tuple[Mapping[str, Any], ...]

    @property
    def first(self) -> Mapping[str, Any]:
        """The one that began first."""
        return self.rows[0]

    @property
    def headline(self) -> str:
        """What happened, in one sentence."""
        return headline(self.first) if len(self.rows) == 1 else _headline_of_many(self.rows)

    @property
    def onsets(self) -> tuple[datetime | None, datetime | None]:
        """The first and the last onset."""
        known = [row["onset"] for row in self.rows if row["onset"]]
        return (min(known), max(known)) if known else (None, None)

    @property
    def last_seen(self) -> datetime | None:
        """When any of them was last seen."""
        return max((row["last_seen"] for row in self.rows if row["last_seen"]), default=None)

    @property
    def occurrences(self) -> int:
        """Of all."""
        return sum(row["occurrence_count"] or 0 for row in self.rows)

    @property
    def passed(self) -> list[str]:
        """By how much the strongest one passed its threshold."""
        return passed_lines(max(self.rows, key=_strength))


def grouped(findings: Sequence[Mapping[str, Any]]) -> list[FindingGroup]:
    """Groups in the order in which their first member stands in the findings."""
    alike: dict[tuple[Any, ...], list[tuple[int, Mapping[str, Any]]]] = {}
    for place, row in enumerate(findings):
        alike.setdefault(_key(place, row), []).append((place, row))
    groups = []
    for members in alike.values():
        run: list[tuple[int, Mapping[str, Any]]] = []
        for member in sorted(
            members, key=lambda each: (each[1]["onset"] is not None, each[1]["onset"], each[0])
        ):
            if run and not _follows(run[-1][1]["onset"], member[1]["onset"]):
                groups.append(run)
                run = []
            run.append(member)
        groups.append(run)
    groups.sort(key=lambda run: min(place for place, _ in run))
    return [FindingGroup(tuple(row for _, row in run)) for run in groups]


def _key(place: int, row: Mapping[str, Any]) -> tuple[Any, ...]:
    if row["channel"] != "statistical" or row["onset"] is None:
        return (place,)
    rule = row["evidence"].get("who")
    told = rule.get("rule") if isinstance(rule, Mapping) else rule
    return row["kind"], row["field"], row["severity"], row["status"], _hypothesis(row), str(told)


def _follows(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and other - one <= SAME_CHANGE


def _strength(row: Mapping[str, Any]) -> float:
    largest, limit = row["evidence"].get("largest"), row["evidence"].get("limit")
    if isinstance(largest, int | float) and isinstance(limit, int | float) and limit:
        return abs(largest / limit)
    return float(row["score"] or 0.0)


def _headline_of_many(rows: Sequence[Mapping[str, Any]]) -> str:
    name, count, kind = field_name(rows[0]["field"]), len(rows), rows[0]["kind"]
    of = f"The {name} of {count} devices"
    match kind:
        case "STUCK":
            return f"{of} stands still"
        case "NOISE":
            return f"{of} jumps from reading to reading as it never did"
        case "UNIT_SUSPECT":
            return f"{of} reads as if sent in another unit or scale: {_hypothesis(rows[0])}".rstrip(": ")
        case "SILENT":
            return f"{count} devices fell silent"
        case "VALUE_SHIFT":
            return f"{of} {_span_of_shifts(rows)}"
    return f"{kind}: {of[0].lower()}{of[1:]}"


def _hypothesis(row: Mapping[str, Any]) -> str:
    guess = row["evidence"].get("hypothesis")
    return short(guess["name"]).replace("_", " ") if isinstance(guess, Mapping) and guess.get("name") else ""


def _span_of_shifts(rows: Sequence[Mapping[str, Any]]) -> str:
    slopes = [row["evidence"].get("observed_percent_per_day") for row in rows]
    falls = sorted(abs(slope) for slope in slopes if isinstance(slope, int | float))
    if falls:
        return f"falls by {falls[0]:.3g} to {falls[-1]:.3g} % a day"
    pairs = [(row["evidence"].get("observed_median"), row["evidence"].get("usual_median")) for row in rows]
    shifts = sorted(
        observed - usual
        for observed, usual in pairs
        if isinstance(observed, int | float) and isinstance(usual, int | float)
    )
    if not shifts:
        return "left what is usual for each"
    unit = unit_of(rows[0]["evidence"])
    if len(shifts) == 1 or short(shifts[0]) == short(shifts[-1]):
        return f"is off by {shifts[0]:+.3g}{unit}"
    return f"is off by {shifts[0]:+.3g} to {shifts[-1]:+.3g}{unit}"
