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

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy: the figures are of one core


def main() -> None:
    """Parse the options, measure what is asked, write JSON and document."""
    from bench.drift import document, scenarios

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", nargs="*", type=int, default=list(scenarios.SEEDS))
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--render", action="store_true", help="measure nothing")
    options = parser.parse_args()
    measured = options.out / "drift-benchmark.json"
    if not options.render:
        began, spent = time.monotonic(), time.process_time()
        results = {"made_on": document.machine(), "seeds": options.seeds, **scenarios.run(options.seeds)}
        results["seconds"] = {"wall": time.monotonic() - began, "cpu": time.process_time() - spent}
        options.out.mkdir(parents=True, exist_ok=True)
        measured.write_text(json.dumps(results, separators=(",", ":")) + "\n", "utf-8")
    document.write(json.loads(measured.read_text("utf-8")), options.out)


if __name__ == "__main__":
    main()
