"""The same, through landing objects, Spark and Iceberg: the demo's fleet, its findings against its ground truth."""
# ruff: noqa: E501 (a page's prose is broken where it reads well)

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def measure() -> dict[str, Any] | None:
    """Run `driftlake demo` in a fresh folder; None where it does not end well."""
    from driftlake.matching import match, read_truth
    from driftlake.report.collect import collect_findings

    with tempfile.TemporaryDirectory(prefix="driftlake-bench-") as fresh:
        folder, began = Path(fresh) / "demo", time.monotonic()
        command = [sys.executable, "-m", "driftlake", "demo", "--out", str(folder)]
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            print(f"the demo ended with {done.returncode}: not in the document", file=sys.stderr)
            return None
        seconds = time.monotonic() - began
        result = match(read_truth(folder / "ground_truth.json"), collect_findings(str(folder / "warehouse")))
    return {
        "seconds": round(seconds),
        "drifts": [
            {
                "name": each.drift.drift_id,
                "kind": each.drift.kind,
                "found": sorted({finding.kind for finding in each.findings}),
                "devices": len(each.drift.devices),
                "devices_found": len(each.devices_found),
                "delay_minutes": None if each.delay is None else round(each.delay.total_seconds() / 60),
            }
            for each in result.matches
        ],
        "unmatched": [f"{each.kind} {each.field or ''}" for each in result.unmatched],
    }


def markdown(measured: dict[str, Any]) -> str:
    """The table of injected drifts."""
    from bench.drift.document import number, table

    body = [
        (
            each["name"], each["kind"], ", ".join(each["found"]) or "–", f"{each['devices_found']} of {each['devices']}",
            number(each["delay_minutes"]),
        )
        for each in measured["drifts"]
    ]  # fmt: skip
    others = "; ".join(measured["unmatched"]) or "none"
    return f"""## End to end: the demo

200 devices, 300,000 lines, ten drifts side by side, through landing objects, Spark and Iceberg ({measured["seconds"]} s, simulator and report included).
Findings that no injected drift explains: {others}.

{table(["drift", "kind", "found as", "devices", "onset told, minutes after the true one"], body)}"""
