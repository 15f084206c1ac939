"""The evidence of a finding in words; whatever keys it has, nothing is lost but length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from driftlake.rendering import printable, table_cell

EVIDENCE_CHARACTERS = 300
"""Longest single value of an evidence shown; the table `drift.event` has it whole."""

SAID_ELSEWHERE = ("largest", "limit", "unit_of_largest", "model_id", "feature")


def evidence_lines(
    evidence: Mapping[str, Any], left_out: tuple[str, ...] = SAID_ELSEWHERE
) -> list[tuple[str, str]]:
    """Evidence as (name, value), each short enough for a table; what is said elsewhere is left out."""
    return [
        (printable(str(name)).replace("_", " "), value_in_words(value))
        for name, value in evidence.items()
        if name not in left_out
    ]


def value_in_words(value: Any) -> str:
    """One value of the evidence, a dict as `name value` pairs."""
    if isinstance(value, dict):
        text = printable(", ".join(f"{key} {table_cell(item)}" for key, item in value.items()))
    elif isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        text = printable(", ".join(table_cell(item) for item in value))
    else:
        text = table_cell(value)
    return text if len(text) <= EVIDENCE_CHARACTERS else text[:EVIDENCE_CHARACTERS] + "…"


def passed_lines(row: Mapping[str, Any]) -> list[str]:
    """What a finding had to pass, and by how much it did."""
    score, threshold, share = row["score"], row["threshold"], row["device_share"]
    lines = []
    if score is not None:
        lines.append(f"score {score:.3f}, limit {_limit(threshold)}")
    elif share is not None and row["channel"] == "structural":
        lines.append(f"share {share:.1%}, limit {_limit(threshold, '.1%')}")
    largest, limit = row["evidence"].get("largest"), row["evidence"].get("limit")
    if isinstance(largest, int | float) and isinstance(limit, int | float):
        lines.append(f"residual {largest:.3g}, limit ±{limit:.3g}")
    return lines or ["–"]


def _limit(threshold: float | None, form: str = ".3f") -> str:
    return "–" if threshold is None else format(threshold, form)
