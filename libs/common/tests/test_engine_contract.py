"""Compiling contracts, choosing among their versions, and the meaning of their patterns."""

from __future__ import annotations

import json

import pytest

from iot_common.engine.contract import compile_contract, read_contract
from iot_common.engine.ecma_pattern import UnsupportedPatternError, compile_pattern
from iot_common.engine.errors import ContractError
from iot_common.engine.registry import packaged_registry


def a_contract(version: str = "1.0.0", **keywords):
    return compile_contract(version, {"type": "object", **keywords})


def test_compiles_the_packaged_contract_with_all_its_paths():
    contract = packaged_registry().latest
    assert contract.version == "1.0.0"
    assert contract.leaf_paths == (
        "schema_version",
        "device_id",
        "timestamp",
        "location.latitude",
        "location.longitude",
        "readings.temperature.value",
        "readings.temperature.unit",
        "readings.humidity.value",
        "readings.humidity.unit",
        "readings.battery_level.value",
        "readings.battery_level.unit",
        "status",
    )
    assert contract.root.additional is False
    assert contract.nodes["location"].additional is True


def test_annotations_and_unknown_keywords_are_no_constraints():
    node = a_contract(
        title="t", description="d", default={}, examples=[1], unit="°C", **{"$comment": "c", "$id": "x"}
    ).root
    assert (node.types, node.plain) == (("object",), True)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "float"},
        {"type": []},
        {"minimum": "1"},
        {"minimum": True},
        {"minLength": -1},
        {"enum": "a"},
        {"required": "a"},
        {"required": [1]},
        {"properties": []},
        {"pattern": 1},
        {"items": [1]},
        {"$ref": "#/definitions/nowhere"},
        {"$ref": "http://elsewhere/schema"},
        {"allOf": []},
        {"additionalProperties": 1},
        {"uniqueItems": 1},
    ],
    ids=json.dumps,
)
def test_a_malformed_schema_is_a_clear_error(schema):
    with pytest.raises(ContractError, match=r"contract 1\.0\.0: at #/properties/a"):
        a_contract(properties={"a": schema})


def test_another_dialect_and_broken_text_are_errors():
    with pytest.raises(ContractError, match="draft-07"):
        a_contract(**{"$schema": "https://json-schema.org/draft/2020-12/schema"})
    with pytest.raises(ContractError, match="not JSON"):
        read_contract("1.0.0", b"{")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("b", "abc", True),
        (r"^\d+$", "12", True),
        (r"^\d+$", "12\n", False),
        (r"^\d+$", "١٢", False),
        (r"^\D$", "١", True),
        (r"^\w+$", "é", False),
        (r"^\s$", "\ufeff", True),
        (r"^\s$", "\x1c", False),
        (r"^.$", "\u2028", False),
        (r"^.$", "\x85", True),
        (r"^[\d_]+$", "1_", True),
        (r"^[^\s]$", " ", False),
        (r"^[[&&]$", "&", True),
        (r"^[^]$", "\n", True),
        (r"[]", "a", False),
        (r"^\cA?$", "a", False),
        (r"\u0041", "A", True),
        (r"a\$", "a$", True),
        (r"[$]", "$", True),
        (r"(?<name>a)", "a", True),
        (r"a++", "a", None),
        ("(", "a", None),
        ("\\", "a", None),
        (r"\bfoo\b", "a foo b", True),
        (r"\bé", "é", False),
        (r"[\b]", "\b", True),
    ],
)
def test_patterns_have_their_ecma_meaning_or_are_refused(pattern, text, matches):
    if matches is None:
        with pytest.raises(UnsupportedPatternError):
            compile_pattern(pattern)
    else:
        assert (compile_pattern(pattern)(text) is not None) is matches
