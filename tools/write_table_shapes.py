"""Writes `tests/table_shapes.json`: every version of every table contract, with its shape.

    python tools/write_table_shapes.py

`make contracts` runs it. A new version is added; the shape of a version that is there is never changed: who changes a
table gives it a new version, and `tests/test_table_versions.py` says which step is due. Releases
are checked against each other by these versions.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from iot_common.contracts.catalogue import TABLES
from iot_common.contracts.table import TableContract

PATH = Path(__file__).resolve().parent.parent / "tests/table_shapes.json"


def shape_of(table: TableContract) -> dict[str, Any]:
    """What readers and writers of a table depend on; words and units are not among it."""
    return {
        "columns": {column.name: column.type for column in table.columns},
        "required": sorted(column.name for column in table.columns if column.required),
        "partitioned_by": list(table.partitioned_by),
        "append_only": table.append_only,
    }


def main() -> int:
    """Add what is new; 1 if a version would need another shape than it has."""
    known: dict[str, dict[str, Any]] = json.loads(PATH.read_text("utf-8")) if PATH.is_file() else {}
    changed = []
    for name, table in sorted(TABLES.items()):
        versions = known.setdefault(name, {})
        if versions.setdefault(table.version, shape_of(table)) != shape_of(table):
            changed.append(f"{name} {table.version} has another shape now: give the contract a new version")
    PATH.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    print("\n".join(changed or [f"{PATH.name}: {len(known)} tables"]))
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
