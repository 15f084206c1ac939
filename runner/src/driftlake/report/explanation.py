"""A finding in words: what happened, the features that carry it, who drifted, what would undo it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from driftlake.rendering import printable, table_cell
from driftlake.report.fields import AXES

_NAMES = {name: axis.split(",")[0] for name, axis in AXES.items()}

_STRUCTURAL = {
    "FIELD_ADDED": "{who} send a field that no contract declares: {field}",
    "FIELD_ADDED_NESTED": "{who} send a field that no contract declares: {field}",
    "FIELD_REMOVED_REQUIRED": "{who} no longer send the required field {field}",
    "FIELD_REMOVED_OPTIONAL": "{who} no longer send the optional field {field}",
    "TYPE_CHANGED": "{who} send {field} as another type",
    "TYPE_WIDENED": "{who} send {field} as a wider type",
    "ENUM_ADDED": "{who} send a value of {field} that its list does not have",
    "UNIT_CHANGED": "{who} declare another unit at {field} than before",
    "RANGE": "{who} send values of {field} outside the range that was agreed",
    "RENAME_SUSPECT": "{who} seem to send {field} under a new name",
    "VERSION_MINOR": "{who} claim a newer contract version of the same major",
    "VERSION_MAJOR": "{who} claim a contract version of another major",
    "VERSION_DOWNGRADE": "{who} went back to a lower contract version",
    "MALFORMED_JSON": "Lines arrive that are not whole JSON",
    "ENCODING": "Lines arrive that are not UTF-8",
    "SILENT": "{who} fell silent",
}  # fmt: skip

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


def who_of(row: Mapping[str, Any]) -> str:
    """`sensor_7`, or `12 devices`."""
    devices, count = row["devices"] or [], row["device_count"] or 0
    if len(devices) == 1 and count <= 1:
        return printable(str(devices[0]))
    return f"{count:,} devices" if count != 1 else "One device"


def headline(row: Mapping[str, Any]) -> str:
    """What happened, in one sentence without a full stop."""
    evidence, who = row["evidence"], who_of(row)
    name = field_name(row["field"])
    versions = evidence.get("found")
    if row["kind"] in ("VERSION_MINOR", "VERSION_MAJOR", "VERSION_UNKNOWN") and isinstance(versions, list):
        claim = "claim" if who.endswith("devices") else "claims"
        more = ", …" if len(versions) > 3 else ""
        return f"{who} {claim} contract version {', '.join(short(each) for each in versions[:3])}{more}"
    if row["kind"] in _STRUCTURAL:
        said = _STRUCTURAL[row["kind"]].format(who=who, field=name)
        is_one = not who.endswith("devices")
        return _singular(said) if is_one else said
    of = f"The {name} of {who}"
    unit = unit_of(evidence)
    usual, observed = (short(evidence.get(key)) for key in ("usual_median", "observed_median"))
    match row["kind"]:
        case "STUCK":
            return f"{of} stands still at {observed}{unit}"
        case "NOISE":
            return f"{of} jumps from reading to reading as it never did"
        case "UNIT_SUSPECT":
            return f"{of} reads as if sent in another unit or scale: {observed}{unit} for {usual}{unit}"
        case "VALUE_SHIFT" if "observed_percent_per_day" in evidence:
            return f"{of} falls by {short(abs(float(evidence['observed_percent_per_day'])))} % a day"
        case "VALUE_SHIFT" if "usual_median" in evidence:
            return f"{of} is {observed}{unit} where {usual}{unit} is usual"
        case "VALUE_SHIFT":
            return f"{of} left what is usual for it"
    return f"{printable(str(row['kind']))}: {of[0].lower()}{of[1:]}" if name else printable(str(row["kind"]))


def field_name(field: str | None) -> str:
    """`temperature` for the silver column; a path stays as it is."""
    return _NAMES.get(field or "", printable(str(field or "")))


def unit_of(evidence: Mapping[str, Any]) -> str:
    """The unit behind a number, with a blank before it; empty where there is none."""
    return f" {printable(str(evidence['unit']))}" if evidence.get("unit") else ""


def _singular(said: str) -> str:
    for verb in ("send", "claim", "declare", "seem"):
        if f" {verb} " in said:
            return said.replace(f" {verb} ", f" {verb}s ", 1)
    return said


def short(value: Any) -> str:
    """A number with four digits; anything else as a table has it."""
    return f"{value:.4g}" if isinstance(value, int | float) else table_cell(value)


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
