"""Pages of docs/ that are made from the code say what the code says."""

from __future__ import annotations

from pathlib import Path

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
