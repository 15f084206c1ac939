"""Writes `stages/<stage>/access.json`: what the stage's `contract.py` says it reads and writes, for Terraform.

    python tools/write_stage_access.py [--check]

`make contracts` runs it. The role of a stage's Glue job (infra/modules/stage-job) is made from this file and nothing
else; one file per stage, so that a change of one contract is a change of one unit.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("bronze", "silver", "gold", "drift", "metrics")


def access_of(stage: str) -> dict[str, dict[str, list[str]]]:
    """Tables and places of one stage, and the streams over its tables, sorted."""
    contract = importlib.import_module(f"iot_{stage}.contract")
    places = contract.PLACES
    return {
        "tables": {
            "writes": sorted(table.name for table in contract.WRITES),
            "reads": sorted(table.name for table in contract.READS),
        },
        "places": {
            "reads": sorted(places.reads),
            "writes": sorted(places.writes),
            "clears": sorted(places.clears),
        },
        "streams": {"read_tables_here": sorted({each for t in contract.WRITES for each in t.streamed_by})},
    }


def as_text(stage: str) -> str:
    """The content of a stage's access.json."""
    return json.dumps(access_of(stage), indent=2) + "\n"


def path_of(stage: str) -> Path:
    """Where it lies."""
    return ROOT / "stages" / stage / "access.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files, or with --check say which are stale; the exit code is 1 if one is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a file is stale")
    check = parser.parse_args(argv).check
    stale = [s for s in STAGES if not path_of(s).is_file() or path_of(s).read_text("utf-8") != as_text(s)]
    for stage in stale:
        if not check:
            path_of(stage).write_text(as_text(stage), "utf-8")
        name = path_of(stage).relative_to(ROOT)
        print(f"{name}: {'stale; run `make contracts`' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
