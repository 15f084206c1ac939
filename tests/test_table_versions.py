"""A table that changes gets a new version, and the right step: releases are held against each other by it."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from driftlake.release.versions import parsed
from iot_common.contracts.catalogue import TABLES
from iot_common.contracts.table import Column

ROOT = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("write_table_shapes", ROOT / "tools/write_table_shapes.py")
assert _spec
assert _spec.loader
write_table_shapes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(write_table_shapes)
SHAPES: dict[str, dict[str, Any]] = json.loads(write_table_shapes.PATH.read_text("utf-8"))


def least_step(old: dict[str, Any], new: dict[str, Any]) -> str:
    """`minor` where every release of the same major goes on working: optional columns were added, and nothing else."""
    added = set(new["columns"]) - set(old["columns"])
    same = {name: new["columns"].get(name) for name in old["columns"]} == old["columns"]
    rest = all(new[key] == old[key] for key in ("required", "partitioned_by", "append_only"))
    return "none" if old == new else "minor" if added and same and rest else "major"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_changed_table_has_a_new_version(name: str):
    shape = SHAPES.get(name, {}).get(TABLES[name].version)
    assert shape is not None, "run `make contracts`"
    assert shape == write_table_shapes.shape_of(TABLES[name]), (
        f"{name} is not what its version {TABLES[name].version} was: raise it, then run `make contracts`"
    )


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_each_version_is_the_step_its_change_needs(name: str):
    versions = sorted(SHAPES[name], key=parsed)
    for old, new in pairwise(versions):
        step = least_step(SHAPES[name][old], SHAPES[name][new])
        if step == "major":
            assert parsed(new)[0] > parsed(old)[0], f"{name} {old} -> {new} is a major step"
        elif step == "minor":
            assert parsed(new)[:2] > parsed(old)[:2], f"{name} {old} -> {new} is a minor step at least"


def test_steps_are_told_apart():
    table = TABLES["silver.touched_window"]
    old = write_table_shapes.shape_of(table)

    def step(*columns: Column, **changes: Any) -> str:
        return least_step(
            old, write_table_shapes.shape_of(replace(table, columns=columns or table.columns, **changes))
        )

    more = Column("region", "string", "Where")
    assert step(*table.columns) == "none"
    assert step(*table.columns, more) == "minor"
    assert step(*table.columns, replace(more, required=True)) == "major"
    assert step(*table.columns[:-1]) == "major"
    assert step(*table.columns[:-1], replace(table.columns[-1], type="string")) == "major"
    assert step(append_only=False) == "major"
