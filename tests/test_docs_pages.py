"""Pages of docs/ that are made from the code say what the code says."""

from __future__ import annotations

from pathlib import Path

from driftlake.cost.command import estimate
from driftlake.cost.inputs import read_inputs
from driftlake.cost.markdown import page
from driftlake.cost.profile import Profile
from iot_common.compatibility.changes import MEANINGS
from iot_common.contracts.markdown import MARK, with_tables

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_contracts_page_is_not_stale():
    text = (DOCS / "contracts.md").read_text("utf-8")
    assert MARK in text
    assert with_tables(text) == text, "run `make contracts`"


def test_compatibility_page_explains_every_code():
    text = (DOCS / "compatibility.md").read_text("utf-8")
    assert [
        code
        for code, (effect, meaning) in MEANINGS.items()
        if f"| {code} | {effect} | {meaning} |" not in text
    ] == []


def test_cost_page_is_not_stale_and_the_default_profile_within_its_budget():
    found = estimate(Profile(), 50, read_inputs())
    assert (DOCS / "cost.md").read_text("utf-8") == page(found, read_inputs()), "run `make cost`"
    assert found.within_budget
