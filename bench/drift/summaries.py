"""Figures of the document from rows of scenarios."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

Row = dict[str, Any]


def classes_of(rows: Iterable[Row]) -> list[str]:
    """Classes in the order in which they were run."""
    return list(dict.fromkeys(row["class"] for row in rows))


def of(rows: Iterable[Row], name: str, share: float | None = None) -> list[Row]:
    """Rows of a class, of one share or of all."""
    return [row for row in rows if row["class"] == name and share in (None, row["share"])]


def structural(rows: list[Row]) -> Row:
    """Recall, precision and delay of one structural class over the given scenarios."""
    found = [row for row in rows if row["found_in_batch"] is not None]
    findings, false = sum(row["findings"] for row in rows), sum(len(row["false"]) for row in rows)
    return {
        "scenarios": len(rows),
        "recall": len(found) / len(rows),
        "within": sum(row["found_in_batch"] <= row["limit"] for row in found) / len(rows),
        "precision": (findings - false) / findings if findings else None,
        "batches": _middle([row["found_in_batch"] for row in found]),
        "latest": max((row["found_in_batch"] for row in found), default=None),
        "false": sorted({text for row in rows for text in row["false"]}),
        "wrong_devices": sum(row["devices_wrongly_told"] for row in rows),
    }


def statistical(rows: list[Row]) -> Row:
    """Device recall and precision, AUPRC and delay of one statistical class over the given scenarios."""
    devices, found = sum(row["devices"] for row in rows), sum(row["found"] for row in rows)
    false = sum(row["false_devices"] for row in rows)
    delays = [batch for row in rows for batch in row["batches"]]
    hours = sum(row["device_hours"] for row in rows)
    return {
        "scenarios": len(rows),
        "devices": devices,
        "recall": found / devices,
        "precision": found / (found + false) if found + false else None,
        "auprc": float(np.mean([row["auprc"] for row in rows])),
        "auprc_least": min(row["auprc"] for row in rows),
        "batches": _middle(delays),
        "late": float(np.quantile(delays, 0.9)) if delays else None,
        "named": sum(row["named"] for row in rows) / devices if "named" in rows[0] else None,
        "named_of_found": sum(row["named"] for row in rows) / found if "named" in rows[0] and found else None,
        "false_per_1000_days": 24_000.0 * false / hours if hours else None,
        "other_kinds": _summed(row["other_kinds"] for row in rows),
    }


def _summed(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, number in each.items():
            total[name] = total.get(name, 0) + number
    return total


def _middle(values: list[int]) -> float | None:
    return float(np.median(values)) if values else None


def upper_rate(events: int, days: float) -> float:
    """Upper end of the 95 % interval of a Poisson rate, per 1,000 days."""
    from scipy.stats import chi2

    return float(chi2.ppf(0.975, 2 * (events + 1)) / 2.0 / days * 1000.0)
