"""docs/drift-benchmark.md from what was measured."""
# ruff: noqa: E501 (a page's prose is broken where it reads well)

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from bench.drift import plots, summaries

Row = dict[str, Any]
PAGE = "drift-benchmark.md"


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    import sklearn

    names = [line for line in _cpu_lines() if line.startswith("model name")]
    return {
        "cpu": names[0].split(":", 1)[1].strip() if names else platform.processor() or platform.machine(),
        "python": platform.python_version(), "numpy": np.__version__, "scikit-learn": sklearn.__version__,
    }  # fmt: skip


def _cpu_lines() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return []


def write(results: dict[str, Any], folder: Path) -> None:
    """Plots and page."""
    parts = [
        _head(results), _aims(results), _fleet(results), _structural(results["structural"]),
        _statistical(results["statistical"], folder), _quiet(results), *_further(results, folder), _again(results),
    ]  # fmt: skip
    (folder / PAGE).write_text("\n\n".join(part.strip() for part in parts) + "\n", "utf-8")


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table; numbers to the right."""
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *[[str(cell) for cell in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(value: float | None) -> str:
    """A share in words; only a true one is 100 %."""
    if value is None:
        return "–"
    text = f"{100 * value:.1f}"
    return f"{'99.9' if text == '100.0' and value < 1.0 else text.removesuffix('.0')} %"


def number(value: float | None, decimals: int = 0) -> str:
    """A number, or a dash."""
    return "–" if value is None else f"{value:.{decimals}f}"


def _head(results: dict[str, Any]) -> str:
    seeds = sorted(results["seeds"])
    return f"""<!-- Written by `make bench-drift`; `python -m bench.drift --render` writes it again from drift-benchmark.json. -->
# How well drift is detected

A labelled fleet drifts in {len(summaries.classes_of(results["structural"])) + len(summaries.classes_of(results["statistical"]))} ways; this page says what of it the engine found, how soon, about whom, and how often it
cried wolf. Generator, measures and engine are all here: `make bench-drift` makes every figure anew. Fleets: {len(seeds)}, of
the seeds {", ".join(map(str, seeds))}; the engine was developed on seeds 0 to 4."""


def _aims(results: dict[str, Any]) -> str:
    rows = results["statistical"]
    flips = [row for row in rows if "named" in row]
    lows = {
        name: least
        for name in summaries.classes_of(rows)
        if (least := min(_by_share(rows, name, "auprc"))) < 0.9
    }
    structural = summaries.structural(results["structural"])
    false_structural = sum(len(row["structural"]) for row in results["clean"])
    alarms = sum(len(row["statistical"]) for row in results["clean"])
    days = sum(row["device_days"] for row in results["clean"])
    named = sum(row["named"] for row in flips) / sum(row["devices"] for row in flips)
    least = min(min(_by_share(rows, name, "auprc")) for name in summaries.classes_of(rows))
    lines = [
        ("structural: found within the first batch (renames, silent fields: their windows)", "100 %",
         percent(structural["within"]), structural["within"] == 1.0),
        ("structural: findings with a right kind", "100 %", percent(structural["precision"]),
         structural["precision"] == 1.0),
        ("structural: false events on clean replay", "0", false_structural, false_structural == 0),
        ("statistical: least device AUPRC of a class at any share", "≥ 0.9", number(least, 3), not lows),
        ("statistical: false alarms per 1,000 device-days", "≤ 1",
         f"{1000 * alarms / days:.2f} ({alarms} in {days:.0f} days)", alarms <= days / 1000),
        ("statistical: false alarms beside drifting devices, worst class", "≤ 1", *_worst(rows)),
        ("real events that are no drift: false alarms per 1,000 device-days", "≤ 1", *_events(results["decoys"])),
        ("flips of unit or scale named as such", "≥ 95 %", percent(named), named >= 0.95),
        *_intel_aims(results), *_real_aims(results),
    ]  # fmt: skip
    speed = results.get("speed")
    if speed:
        lines.append((
            f"features and scores of {speed['readings']:,} readings, warm", "≤ 20 CPU-s",
            f"{speed['cpu_seconds']:.1f} CPU-s", speed["cpu_seconds"] <= 20,
        ))  # fmt: skip
    body = table(
        ["aim", "wanted", "measured", "met"], [(*line[:3], "yes" if line[3] else "**no**") for line in lines]
    )
    return f"## Aims\n\n{body}\n\n{_missed(results)}"


def _worst(rows: list[Row]) -> tuple[str, bool]:
    rates = {
        name: summaries.statistical(summaries.of(rows, name))["false_per_1000_days"] or 0.0
        for name in summaries.classes_of(rows)
    }
    worst = max(rates, key=lambda name: rates[name])
    return f"{rates[worst]:.2f} ({worst})", rates[worst] <= 1.0


def _events(decoys: list[Row]) -> tuple[str, bool]:
    alarms, days = sum(row["false_alarms"] for row in decoys), sum(row["device_days"] for row in decoys)
    return f"{1000 * alarms / days:.2f} ({alarms} in {days:.0f} days)", alarms <= days / 1000


def _intel_aims(results: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    intel = results.get("intel")
    if not intel:
        return []
    leads = [mote["hours_before_range_rule"] for mote in intel["motes"]]
    found = [lead for lead in leads if lead is not None]
    early = sum(mote["alarms_first_two_weeks"] for mote in intel["motes"])
    return [
        ("Intel motes: found before their range rule", "3 of 3", f"{sum(lead > 0 for lead in found)} of {len(leads)}",
         len(found) == len(leads) and min(found) > 0),
        ("Intel motes: alarms in the healthy first two weeks", "0", str(early), early == 0),
    ]  # fmt: skip


def _real_aims(results: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    real = results.get("real")
    if not real:
        return []
    f1, alarms, ours, forest = (
        real[name] for name in ("skab_f1", "skab_false_alarms_percent", "nab", "nab_random_cut_forest")
    )
    return [
        ("SKAB valve2, one setting: F1 at false alarms ≤ 10 %", "≥ 0.88", f"{f1:.3f} at {alarms:.1f} %", f1 >= 0.88 and alarms <= 10),
        ("NAB: above Random Cut Forest on the same files", f"> {forest:.1f}", f"{ours:.1f}", ours > forest),
    ]  # fmt: skip


def _by_share(rows: list[Row], name: str, what: str) -> list[float]:
    shares = sorted({row["share"] for row in rows})
    return [summaries.statistical(summaries.of(rows, name, share))[what] for share in shares]


def _missed(results: dict[str, Any]) -> str:
    """Every class and share below full recall, with its figures: nothing is averaged away."""
    rows = results["statistical"]
    lines = []
    for name in summaries.classes_of(rows):
        for share in sorted({row["share"] for row in rows}):
            each = summaries.statistical(summaries.of(rows, name, share))
            if each["recall"] < 0.99 or each["auprc"] < 0.9 or (each["named"] or 1.0) < 0.95:
                lines.append((
                    name, percent(share), percent(each["recall"]), number(each["auprc"], 3),
                    percent(each["named"]), WHY_SHARE.get(share) or WHY.get(name, ""),
                ))  # fmt: skip
    if not lines:
        return "Every statistical class is found on at least 99 % of its devices at every share."
    return "What falls short, class by class:\n\n" + table(
        ["class", "share", "devices found", "AUPRC", "named", "why, and what was tried"], lines
    )


WHY = {
    "slow drift, 3 °C in 24 h": "three degrees are there only a day after the onset, and the fleet ends 24 to 36 hours after it",
}
WHY_SHARE = {
    1.0: "the whole fleet moves at once and no neighbour stands still to compare with. Tried, and in: a break between temperature "
    "and humidity at all places at once as a second witness (+5 °C: 56 → 100 % of the devices of a development fleet). "
    "A smaller change stays within what weather does",
}


def _fleet(results: dict[str, Any]) -> str:
    fleet = results["fleet"]
    clean = results["clean"]
    return f"""## The fleets

{fleet["devices"]} devices at six places (and {fleet["newcomers"]} that join on day 4 and stay healthy), a reading every five minutes for five and a half days: {sum(row["records"] for row in clean):,}
records in all. Daily cycles, weather of the place, each device's own wander and noise, batteries that empty and are replaced, outages of
minutes to hours, 0.2 % late by up to six hours, 0.3 % delivered twice, 0.1 % corrected later, 0.03 % damaged, and 0.3 % single spikes,
which are no drift. The first 48 hours of a device are its reference. A drift begins in the first half of day 5, at a random minute, on
a random 1, 5, 25 or 100 % of the devices, and lasts. A batch is an hour of arrivals.

Changed records are written by the simulator as text and read by silver's own classifier; the drift stage's own functions judge them, in
process, without a Spark session per scenario (`bench/drift/`). Tests hold the in-process observations equal to what Spark makes of the same records.
A finding is right if kind *and* field are those of the class; true consequences on the same devices (a value out of its range, say) are neither counted
for nor against."""


def _structural(rows: list[Row]) -> str:
    body = []
    for name in summaries.classes_of(rows):
        each = summaries.structural(summaries.of(rows, name))
        body.append((
            name, each["scenarios"], percent(each["recall"]), percent(each["within"]), percent(each["precision"]),
            number(each["batches"]), number(each["latest"]), "; ".join(each["false"]) or "none",
        ))  # fmt: skip
    head = [
        "class",
        "scenarios",
        "recall",
        "in time",
        "precision",
        "batches, median",
        "latest",
        "false findings",
    ]
    return f"""## Structural classes

Recall: scenarios in which the right kind at the right path came. In time: in the first batch with a changed record; a rename within 6
batches, an optional field that stops within 12 (it is told after 24 windows of silence). Precision: findings with a right kind.

{table(head, body)}"""


def _statistical(rows: list[Row], folder: Path) -> str:
    shares = sorted({row["share"] for row in rows})
    recall, delay = plots.statistical(rows, shares, folder), plots.delays(rows, folder)
    body = []
    for name in summaries.classes_of(rows):
        each = summaries.statistical(summaries.of(rows, name))
        others = ", ".join(f"{kind} {count}" for kind, count in each["other_kinds"].items())
        body.append((
            name, each["devices"], percent(each["recall"]), percent(each["precision"]),
            *(number(value, 3) for value in _by_share(rows, name, "auprc")),
            number(each["batches"]), number(each["late"]), number(each["false_per_1000_days"], 2),
            percent(each["named"]), others or "–",
        ))  # fmt: skip
    head = [
        "class", "devices", "recall", "precision", *(f"AUPRC {100 * share:.0f} %" for share in shares), "batches, median",
        "90 %", "false alarms per 1,000 device-days", "named", "further kinds",
    ]  # fmt: skip
    return f"""## Statistical classes

By device. AUPRC ranks devices by their largest lasting size over its limit; negatives are the devices that did not drift, and the drifted
ones as they would have been without it. Batches: hours of arrival from the first drifted one (1: at once). Named: the unit or scale is
told with the repair that undoes it. False alarms: devices that did not drift, from the onset on; where the whole fleet drifts, these are the four
that joined on day 4, which then differ from all their neighbours.

{table(head, body)}

![Share of the drifted devices that were found, per class and share of the fleet]({recall})

![Batches until a device is found, per class]({delay})"""


def _quiet(results: dict[str, Any]) -> str:
    clean, decoys = results["clean"], results["decoys"]
    alarms = [text for row in clean for text in row["statistical"]]
    days = sum(row["device_days"] for row in clean)
    body = [(
        "healthy fleet", f"{days:.0f}", len(alarms), f"{1000 * len(alarms) / days:.2f}",
        f"{summaries.upper_rate(len(alarms), days):.2f}",
    )]  # fmt: skip
    for name in summaries.classes_of(decoys):
        rows = [row for row in decoys if row["class"] == name]
        of_class, false = sum(row["device_days"] for row in rows), sum(row["false_alarms"] for row in rows)
        body.append((
            name, f"{of_class:.0f}", false, f"{1000 * false / of_class:.2f}",
            f"{summaries.upper_rate(false, of_class):.2f}",
        ))  # fmt: skip
    structural = sorted({text for row in clean for text in row["structural"]})
    head = ["what happens", "device-days", "false alarms", "per 1,000 device-days", "95 % upper limit"]
    return f"""## Real events that are no drift

{table(head, body)}

The healthy fleet has new devices, new batteries, outages, late and repeated data of its own; the other rows add one event to all devices of
one place, and count what is then told of these, also what the fleet's own noise would have brought without the event. False structural events on clean replay: {"none" if not structural else "; ".join(structural)} (damaged and late lines are told as what they
are, and are not counted)."""


def _further(results: dict[str, Any], folder: Path) -> list[str]:
    parts = []
    if results.get("peers"):
        from bench.drift import peer_section

        parts.append(peer_section.markdown(results, folder))
    if results.get("intel"):
        from bench.drift import intel

        parts.append(intel.markdown(results["intel"]))
    if results.get("demo"):
        from bench.drift import end_to_end

        parts.append(end_to_end.markdown(results["demo"]))
    if results.get("real"):
        parts.append(results["real"]["markdown"])
    if results.get("speed"):
        from bench.drift import speed

        parts.append(speed.markdown(results["speed"]))
    return parts


def _again(results: dict[str, Any]) -> str:
    made = results["made_on"]
    seconds = {name: sum(part[name] for part in results["seconds"].values()) for name in ("wall", "cpu")}
    return f"""## Made with

`make bench-drift`: {seconds["cpu"] / 60:.0f} CPU-minutes on one core, the demo's Spark not counted ({seconds["wall"] / 60:.0f} minutes by the clock, on a machine shared
with other work). {made["cpu"]}; Python {made["python"]}, numpy {made["numpy"]}, scikit-learn {made["scikit-learn"]}. Every scenario is one row of
[drift-benchmark.json](drift-benchmark.json), measured seed by seed and joined; `--parts` measures a part anew, `--seeds` other fleets, `--join` adds them."""
