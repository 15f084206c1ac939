"""The document's plots, as small SVG files that read well without colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from bench.drift import summaries

matplotlib.use("svg")
from matplotlib import pyplot as plt

plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "driftlake", "font.size": 9})
INK, GREY = "#1f4e79", "#8a8a8a"
Row = dict[str, Any]


def statistical(rows: list[Row], shares: list[float], folder: Path) -> str:
    """Heat map of device recall per class and share, with the numbers in it."""
    names = summaries.classes_of(rows)
    recall = np.array(
        [
            [summaries.statistical(summaries.of(rows, name, share))["recall"] for share in shares]
            for name in names
        ]
    )
    figure, axes = plt.subplots(figsize=(6.4, 0.27 * len(names) + 0.9))
    axes.imshow(recall, aspect="auto", cmap="Blues", vmin=0.0, vmax=2.5)
    for at, value in np.ndenumerate(recall):
        axes.text(at[1], at[0], f"{100 * value:.0f} %", ha="center", va="center", color="black")
    axes.set_xticks(range(len(shares)), [f"{100 * share:.0f} %" for share in shares])
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("share of the devices that drift")
    return _saved(figure, folder, "drift-benchmark-recall.svg")


def delays(rows: list[Row], folder: Path) -> str:
    """Median and 90 % point of the batches until a device is found, per class."""
    names = summaries.classes_of(rows)
    found = [(name, summaries.statistical(summaries.of(rows, name))) for name in names]
    found = sorted((each for each in found if each[1]["batches"]), key=lambda each: each[1]["batches"])
    places = np.arange(len(found))
    figure, axes = plt.subplots(figsize=(6.4, 0.25 * len(found) + 0.9))
    middle = [each["batches"] for _, each in found]
    axes.hlines(places, middle, [each["late"] for _, each in found], color=GREY, linewidth=2)
    axes.plot(middle, places, "o", color=INK, label="median")
    axes.plot([each["late"] for _, each in found], places, "|", color="black", label="90 % of the devices")
    axes.set_yticks(places, [name for name, _ in found])
    axes.set_xlim(left=0)
    axes.set_xlabel("hourly batches from the first drifted one (1: at once)")
    axes.legend(frameon=False, loc="lower right")
    return _saved(figure, folder, "drift-benchmark-delay.svg")


def peers(ours: dict[str, float], others: dict[str, dict[str, float]], folder: Path) -> str:
    """Device AUPRC per class, the engine beside each peer."""
    names = list(ours)
    places = np.arange(len(names))
    figure, axes = plt.subplots(figsize=(6.4, 0.27 * len(names) + 1.2))
    for (label, values), marker in zip(others.items(), "xs^vDP*h", strict=False):
        axes.plot(
            [values.get(name, np.nan) for name in names],
            places,
            marker,
            color=GREY,
            label=label,
            markersize=5,
        )
    axes.plot([ours[name] for name in names], places, "o", color=INK, label="this engine")
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.02)
    axes.set_xlabel("device AUPRC")
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.4, -0.1 - 1.0 / len(names)))
    return _saved(figure, folder, "drift-benchmark-peers.svg")


def _saved(figure: Any, folder: Path, name: str) -> str:
    figure.savefig(folder / name, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return name
