"""The peers' part of the document."""
# ruff: noqa: E501 (a page's prose is broken where it reads well)

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from bench.drift import plots, summaries
from bench.drift.peers import ENGINE, HEALTHY, HOURS


def markdown(results: dict[str, Any], folder: Path) -> str:
    """Table and plot: device AUPRC per class of the engine and every peer."""
    from bench.drift.document import number, table

    rows = results["peers"]
    names = summaries.classes_of(rows)
    labels = sorted({label for row in rows for label in row["auprc"]} - {ENGINE})
    means = {
        label: {
            name: float(np.mean([row["auprc"][label] for row in rows if row["class"] == name]))
            for name in names
        }
        for label in (ENGINE, *labels)
    }
    plot = plots.peers(means[ENGINE], {label: means[label] for label in labels}, folder)
    body = [(name, *(number(means[label][name], 2) for label in (ENGINE, *labels))) for name in names]
    body.append(
        ("**mean**", *(f"**{np.mean(list(means[label].values())):.2f}**" for label in (ENGINE, *labels)))
    )
    seeds = sorted({row["seed"] for row in rows})
    return f"""## Beside its peers

Device AUPRC of the first {HOURS} hours after the onset: 5 devices that drift among {HEALTHY} that do not; a peer that ranks at random gets 0.25. Peers run
on {len(seeds)} of the fleets ({", ".join(map(str, seeds))}), because the Random Cut Forest takes a second per device and day. Each learns the 48 hours
before the onset (the forest over records: the fleet's first 48 hours), sees the same values (temperature, humidity, battery, place; as 15-minute
medians, or each record), and is ranked by the size that three of four windows in a row reach, as the engine is. They know neither the hour of the
day nor the neighbours, and need no reference per device for it: that, not their mathematics, is the difference. None of them sees silence.

{table(["class", ENGINE, *labels], body)}

![Device AUPRC per class, the engine beside its peers]({plot})"""
