"""One finding as a person reads it: what, who, since when, what carries it, what would undo it, what was done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from driftlake.rendering import counted, printable, table_cell

if TYPE_CHECKING:
    from rich.console import Console

_TOLD = (
    "features", "who", "who_not_told", "hypothesis", "hypotheses_tested", "proposed_repair", "devices_alike",
    "feature", "largest", "limit", "unit_of_largest", "unit", "windows", "model_id",
)  # fmt: skip
"""Evidence with a line of its own, or told by the features."""

NAMED = {
    "celsius_to_fahrenheit": "Fahrenheit where Celsius was said",
    "fahrenheit_to_celsius": "Celsius where Fahrenheit was said",
    "celsius_to_kelvin": "kelvin where Celsius was said",
    "kelvin_to_celsius": "Celsius where kelvin was said",
    "times_100": "a hundred times too large",
    "divided_by_100": "a hundred times too small",
    "sign": "the sign is lost",
    "offset": "a constant added",
    "stuck": "the sensor stands still",
    "latitude_longitude_swapped": "latitude and longitude are swapped",
    "sign_of_latitude": "the sign of the latitude is lost",
    "sign_of_longitude": "the sign of the longitude is lost",
    "sign_of_both": "both signs are lost",
    "null_island": "the position is 0, 0: no fix",
    "moved": "it is elsewhere",
}
DEVICES_SHOWN = 10
WIDEST_NAME = 12


def show_event(finding: Mapping[str, Any], actions: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print a finding; `evidence` is parsed already."""
    title = f"{finding['event_id']}  {finding['kind']} {finding['field'] or ''}"
    console.print(printable(title), style="bold", markup=False, highlight=False, soft_wrap=True)
    for name, text in _lines(finding, actions):
        console.print(
            printable(f"  {name:<{WIDEST_NAME}} {text}"), markup=False, highlight=False, soft_wrap=True
        )
    _show_features(finding["evidence"].get("features") or [], console)


def _lines(finding: Mapping[str, Any], actions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    evidence = finding["evidence"]
    yield "status", f"{finding['status']}, {finding['severity']}, {finding['channel']}"
    yield "devices", _devices(finding)
    yield "since", f"{_minute(finding['onset'])}; last seen {_minute(finding['last_seen'])}"
    unit = "record" if finding["channel"] == "structural" else "window"
    yield "seen in", counted(finding["occurrence_count"] or 0, unit)
    if finding["contract_version"]:
        yield "contract", finding["contract_version"]
    yield "who", _who(evidence)
    if finding["score"] is not None:
        yield "score", f"{finding['score']:.3f}, limit {finding['threshold']:.3f}"
    yield from _hypothesis(evidence)
    for name, value in evidence.items():
        if name not in _TOLD and value not in (None, [], {}):
            yield name.replace("_", " "), table_cell(value)
    for each in actions:
        who = each["requested_by"] or "drift itself"
        note = f": {each['note']}" if each["note"] else ""
        yield _minute(each["action_time"]), f"{each['action']} by {who}{note}"


def _devices(finding: Mapping[str, Any]) -> str:
    named, count = list(finding["devices"] or []), finding["device_count"] or 0
    share = f" ({finding['device_share']:.1%} of the fleet)" if finding["device_share"] is not None else ""
    shown = ", ".join(named[:DEVICES_SHOWN]) + (" …" if count > DEVICES_SHOWN else "")
    alike = finding["evidence"].get("devices_alike") or 1
    together = f"; {alike - 1} more with such a finding at about that time" if alike > 1 else ""
    return f"{count:,}{share}{': ' if shown else ''}{shown}{together}"


def _who(evidence: Mapping[str, Any]) -> str:
    rule = evidence.get("who")
    if not rule:
        return str(evidence.get("who_not_told", "not known"))
    exact = rule["precision"] == rule["recall"] == 1.0
    said = "exactly" if exact else f"precision {rule['precision']:.0%}, recall {rule['recall']:.0%}"
    return f"{rule['rule']} ({said})"


def _hypothesis(evidence: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    guess, repair = evidence.get("hypothesis"), evidence.get("proposed_repair")
    if guess:
        name = NAMED.get(guess["name"], guess["name"])
        left = f"; leaves {guess['unexplained']:.0%} unexplained" if "unexplained" in guess else ""
        moved = f"; {guess['kilometres']:,} km away" if "kilometres" in guess else ""
        yield "looks like", f"{name}{left}{moved}"
    if repair and "swap" in repair:
        yield "repair", f"swap {' and '.join(repair['swap'])} (proposed, never applied)"
    elif repair:
        of = f" of {repair['field']}" if "field" in repair else ""
        yield (
            "repair",
            (f"usual{of} = {repair['factor']:g} × observed {repair['offset']:+g} (proposed, never applied)"),
        )
    elif guess and guess["name"] == "stuck":
        yield "repair", "none: what it would have measured is lost"
    tested = evidence.get("hypotheses_tested")
    if tested:
        told = ", ".join(
            f"{name} {share:.0%}" for name, share in sorted(tested.items(), key=lambda each: each[1])[:3]
        )
        yield "tested", f"{len(tested)} guesses; unexplained by the best: {told}"


def _show_features(features: Sequence[Mapping[str, Any]], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if not features:
        return
    table = Table(title="  Carried by", title_justify="left", header_style="bold")
    names = ("feature", "usual", "observed", "unit", "size", "limit")
    for name in names:
        table.add_column(name, overflow="fold")
    for each in features:
        table.add_row(*(Text(printable(table_cell(each.get(name)))) for name in names))
    console.print(table)


def _minute(moment: Any) -> str:
    return "unknown" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
