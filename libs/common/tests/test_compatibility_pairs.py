"""The published pairs of schema versions: never a wrong "compatible", hardly an "unknown", and the known changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from iot_common.compatibility.changes import ChangeCode
from iot_common.compatibility.diff import compare
from iot_common.compatibility.documents import versioned_schema
from iot_common.compatibility.probes import probes
from iot_common.engine.draft07.compiler import read_schema
from iot_common.engine.errors import ContractError
from iot_common.testing.evaluation_data import evaluation_data

FOLDER = evaluation_data("schema_compat")
COLLECTIONS = sorted(FOLDER.glob("*.jsonl")) if FOLDER else [Path("schema_compat")]
PAIRS_LOOKED_AT = 250
"""Of each collection, spread over it; `make bench-compat` takes all."""


def pairs(file: Path) -> Iterator[dict[str, Any]]:
    if FOLDER is None:
        pytest.skip("evaluation data schema_compat is absent")
    lines = file.read_bytes().splitlines()
    for line in lines[:: max(1, len(lines) // PAIRS_LOOKED_AT)]:
        yield read_schema(line, name=file.name)


@pytest.mark.parametrize("file", COLLECTIONS, ids=lambda file: file.stem)
def test_no_wrong_compatible_and_hardly_an_unknown(file: Path, record_property: Any) -> None:
    counts: Counter[Any] = Counter()
    for pair in pairs(file):
        try:
            old, new = versioned_schema(pair["old"], name="old"), versioned_schema(pair["new"], name="new")
        except ContractError as error:
            assert "nothing is fetched" in error.reason
            continue
        diff = compare(old, new)
        for verdict, narrow, wide in ((diff.backward, old, new), (diff.forward, new, old)):
            counts[verdict.holds] += 1
            if verdict.holds is False:
                assert narrow.compiled.is_valid(verdict.counter_example), pair["id"]
                assert not wide.compiled.is_valid(verdict.counter_example), pair["id"]
            elif verdict.holds:
                for value in islice(probes([], [old.schema, new.schema]), 40):
                    assert wide.compiled.is_valid(value) or not narrow.compiled.is_valid(value), pair["id"]
    record_property(
        "summary", f"{file.stem}: {counts[True]} true, {counts[False]} false, {counts[None]} unknown"
    )
    assert counts[None] <= 0.02 * counts.total()


def test_fields_of_recorded_edits_are_found() -> None:
    kinds = {ChangeCode.PROPERTY_ADDED: "field_added", ChangeCode.PROPERTY_REMOVED: "field_removed"}
    for file in COLLECTIONS:
        for pair in pairs(file):
            if "derived_delta" not in pair or "$ref" in json.dumps(pair["old"]) + json.dumps(pair["new"]):
                continue
            diff = compare(
                versioned_schema(pair["old"], name="old"), versioned_schema(pair["new"], name="new")
            )
            found = {(kinds[each.code], each.path) for each in diff.changes if each.code in kinds}
            theirs = {
                (each["kind"], each["path"])
                for each in pair["derived_delta"]
                if each["kind"] in kinds.values()
            }
            assert found == theirs, pair["id"]
