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


def main() -> None:
    """Parse the options, measure what is asked, write JSON and document."""
    from bench.drift import document, intel, scenarios

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", nargs="*", type=int, default=list(scenarios.SEEDS))
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument(
        "--join", nargs="*", type=Path, default=[], help="folders of runs on other seeds to add"
    )
    parser.add_argument("--render", action="store_true", help="measure nothing")
    options = parser.parse_args()
    measured = options.out / "drift-benchmark.json"
    if not options.render:
        began, spent = time.monotonic(), time.process_time()
        results = {"made_on": document.machine(), "seeds": options.seeds, **scenarios.run(options.seeds)}
        results["intel"] = intel.measure()
        results["real"] = _real_data()
        results["seconds"] = {"wall": time.monotonic() - began, "cpu": time.process_time() - spent}
        options.out.mkdir(parents=True, exist_ok=True)
        measured.write_text(json.dumps(results, separators=(",", ":")) + "\n", "utf-8")
    results = json.loads(measured.read_text("utf-8"))
    for folder in options.join:
        _join(results, json.loads((folder / measured.name).read_text("utf-8")))
    if options.join:
        measured.write_text(json.dumps(results, separators=(",", ":")) + "\n", "utf-8")
    document.write(results, options.out)


def _join(results: dict[str, Any], other: dict[str, Any]) -> None:
    """Add the rows of a run on other seeds."""
    for name in ("seeds", "clean", "structural", "statistical", "decoys", "peers"):
        results[name] += other[name]
    for name, seconds in other["seconds"].items():
        results["seconds"][name] += seconds


def _real_data() -> str | None:
    """The part about real series, as Markdown; None where it or its data is absent."""
    from iot_common.testing.evaluation_data import evaluation_data

    folder = evaluation_data("skab")
    try:
        from bench.drift import real_data
    except ImportError:
        return None
    return real_data.as_markdown(real_data.measure(folder.parent)) if folder is not None else None


if __name__ == "__main__":
    main()
