"""Measure drift detection and write docs/drift-benchmark.md.

make bench-drift                       # measures everything, some 40 minutes on one core
python -m bench.drift --render         # writes the document again from docs/drift-benchmark.json
python -m bench.drift --seeds 0 1 --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy: the figures are of one core


PARTS = ("fleets", "peers", "intel", "demo", "real")


def main() -> None:
    """Parse the options, measure what is asked, write JSON and document."""
    from bench.drift import document, scenarios

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", nargs="*", type=int, default=list(scenarios.SEEDS))
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument(
        "--parts", nargs="*", choices=PARTS, default=PARTS, help="measure these, keep the others"
    )
    parser.add_argument(
        "--join", nargs="*", type=Path, default=[], help="folders of runs on other seeds to add"
    )
    parser.add_argument("--render", action="store_true", help="measure nothing")
    options = parser.parse_args()
    measured = options.out / "drift-benchmark.json"
    results: dict[str, Any] = json.loads(measured.read_text("utf-8")) if measured.is_file() else {}
    for part in () if options.render else options.parts:
        began, spent = time.monotonic(), time.process_time()
        if part == "fleets":
            results |= {"made_on": document.machine(), "seeds": options.seeds, **scenarios.run(options.seeds)}
        else:
            results[part] = _measured(part)
        seconds = {"wall": time.monotonic() - began, "cpu": time.process_time() - spent}
        results.setdefault("seconds", {})[part] = {name: round(value) for name, value in seconds.items()}
    for folder in options.join:
        _join(results, json.loads((folder / measured.name).read_text("utf-8")))
    options.out.mkdir(parents=True, exist_ok=True)
    measured.write_text(json.dumps(results, separators=(",", ":")) + "\n", "utf-8")
    if results.get("structural"):
        document.write(results, options.out)


def _measured(part: str) -> Any:
    from bench.drift import end_to_end, intel, real_data, scenarios

    from iot_common.testing.evaluation_data import evaluation_data

    if part == "peers":
        return scenarios.run_peers()
    if part == "intel":
        return intel.measure()
    if part == "demo":
        return end_to_end.measure()
    folder = evaluation_data("skab")
    return real_data.as_row(real_data.measure(folder.parent)) if folder is not None else None


def _join(results: dict[str, Any], other: dict[str, Any]) -> None:
    """Add the rows of a run on other seeds, and the parts that only the other has."""
    for name in ("seeds", "clean", "structural", "statistical", "decoys", "peers"):
        results[name] = [*results.get(name, []), *other.get(name, [])]
    spent = results.setdefault("seconds", {})
    for part, seconds in other["seconds"].items():
        known = spent.setdefault(part, dict.fromkeys(seconds, 0))
        spent[part] = {name: known[name] + value for name, value in seconds.items()}
    for name in other.keys() - results.keys():
        results[name] = other[name]


if __name__ == "__main__":
    main()
