"""The migration that docs/contract-versions.md shows is one."""

from __future__ import annotations

import re
from pathlib import Path

from iot_common.engine.migration_file import read_migration

PAGE = Path(__file__).resolve().parents[1] / "docs" / "contract-versions.md"


def test_the_documented_migration_is_read_and_its_example_holds_both_ways() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    migration = read_migration("2.0.0", shown)
    kinds = [type(rule).__name__ for rule in migration.rules]
    assert kinds == ["Move", "Move", "Unit", "Cast", "Default"]
    assert len(migration.examples) == 1
