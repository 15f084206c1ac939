"""Why we say so: the features that carry a finding, who drifted, what would explain and undo it, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from driftlake.rendering import printable
from driftlake.report.headlines import short

_HOW_WELL = {
    "precision": "{} of the devices it names drifted",
    "recall": "it names {} of those that drifted",
}

HELD_BACK = (
    "features", "feature", "who", "who_not_told", "hypothesis", "hypotheses", "hypotheses_tested", "proposed_repair",
    "largest", "limit", "unit_of_largest", "unit", "usual_median", "observed_median", "observed_first",
    "observed_last", "model_id", "cohorts",
)  # fmt: skip
"""Evidence that a page says in words or in the table of features; the rest it lists."""


@dataclass(frozen=True, slots=True)
class FeatureLine:
    """A feature that carries a finding, each part as text."""

    feature: str
    usual: str
    observed: str
    size: str
    limit: str


def feature_lines(evidence: Mapping[str, Any]) -> list[FeatureLine]:
    """The features of the evidence; older evidence names one, beside its values."""
    given = evidence.get("features")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        if "feature" not in evidence and "usual_median" not in evidence:
            return []
        given = [
            {
                "feature": evidence.get("feature"), "usual": evidence.get("usual_median"),
                "observed": evidence.get("observed_median"), "unit": evidence.get("unit"),
                "size": evidence.get("largest"), "limit": evidence.get("limit"),
            }
        ]  # fmt: skip
    return [_feature_line(each) for each in given[:12] if isinstance(each, Mapping)]


def _feature_line(told: Mapping[str, Any]) -> FeatureLine:
    """The unit belongs to usual and observed where they are numbers, else to the size."""
    unit = f" {printable(str(told['unit']))}" if told.get("unit") else ""
    values = [told.get(key) for key in ("usual", "observed")]
    is_measured = any(isinstance(value, int | float) for value in values)
    usual, observed = (short(value) + (unit if is_measured and value is not None else "") for value in values)
    name = str(told.get("feature") or "–")
    return FeatureLine(
        printable(name if "." in name else name.replace("_", " ")), usual, observed,
        short(told.get("size")) + ("" if is_measured or not unit else f" ({unit[1:]})"), short(told.get("limit")),
    )  # fmt: skip


def who_lines(evidence: Mapping[str, Any]) -> list[str]:
    """The smallest rule that separates drifted from healthy devices, with how well it does."""
    given = evidence.get("who")
    rules = given if isinstance(given, list) else [given]
    lines = []
    for rule in rules[:5]:
        if isinstance(rule, Mapping):
            text = rule.get("rule") or " ".join(short(rule.get(key)) for key in ("attribute", "op", "value"))
            parts = [
                words.format(f"{100 * rule[key]:.3g} %")
                for key, words in _HOW_WELL.items()
                if isinstance(rule.get(key), int | float)
            ]
            if rule.get("precision") == rule.get("recall") == 1.0:
                parts = ["all of them, and no other"]
            lines.append(printable(str(text)) + (f" ({'; '.join(parts)})" if parts else ""))
        elif rule:
            lines.append(printable(str(rule)))
    if evidence.get("who_not_told"):
        lines.append(printable(str(evidence["who_not_told"])))
    return lines


def hypothesis_lines(evidence: Mapping[str, Any]) -> list[str]:
    """What would turn usual values into the observed ones, the best first."""
    given = evidence.get("hypotheses") or evidence.get("hypothesis")
    lines = []
    for each in (given if isinstance(given, list) else [given])[:5]:
        if isinstance(each, Mapping):
            name = printable(str(each.get("name") or "")).replace("_", " ")
            formula = affine("observed", "usual", each.get("factor"), each.get("offset"))
            left = each.get("unexplained")
            said = [formula] if formula else []
            if isinstance(left, int | float):
                said.append(f"explains all but {100 * left:.2g} % of the change")
            said += [f"{key} {short(each[key])}" for key in ("value", "kilometres") if key in each]
            lines.append(": ".join(part for part in (name, "; ".join(said)) if part))
        elif each:
            lines.append(printable(str(each)))
    return [line for line in lines if line]


def repair_line(evidence: Mapping[str, Any]) -> str:
    """The repair that is proposed, never applied by itself."""
    given = evidence.get("proposed_repair")
    if isinstance(given, Mapping):
        formula = affine("usual", "observed", given.get("factor"), given.get("offset"))
        if given.get("field"):
            formula += f" (of {printable(str(given['field']))})"
        if isinstance(given.get("swap"), list):
            return f"swap {printable(' and '.join(str(name) for name in given['swap']))}"
        said = given.get("text") or given.get("sql") or given.get("name")
        return formula or printable(
            str(said or ", ".join(f"{key} {short(item)}" for key, item in given.items()))
        )
    return printable(str(given)) if given else ""


def tested_line(evidence: Mapping[str, Any]) -> str:
    """Every hypothesis that was tested, with the share of the change it leaves unexplained, the best first."""
    given = evidence.get("hypotheses_tested")
    if not isinstance(given, Mapping):
        return ""
    known = sorted((left, str(name)) for name, left in given.items() if isinstance(left, int | float))[:12]
    names = [printable(name).replace("_", " ") for _, name in known]
    told = [f"{name} {100 * left:.3g} %" for (left, _), name in zip(known, names, strict=True) if left < 1]
    rest = [name for (left, _), name in zip(known, names, strict=True) if left >= 1]
    return (
        ", ".join(told)
        + ("; all of it: " if rest and told else "all of it: " if rest else "")
        + ", ".join(rest)
    )


def affine(result: str, of: str, factor: Any, offset: Any) -> str:
    """`observed = 1.8 × usual + 32`; nothing where it is no formula."""
    if not isinstance(factor, int | float) and not isinstance(offset, int | float):
        return ""
    scale = factor if isinstance(factor, int | float) else 1.0
    shift = offset if isinstance(offset, int | float) else 0.0
    scaled = of if scale == 1 else f"{scale:.6g} × {of}"
    return f"{result} = {scaled}" + (f" {'+' if shift > 0 else '−'} {abs(shift):.6g}" if shift else "")
