"""The list of changes, the version step, and what a comparison says as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from iot_common.compatibility.bump import Bump, bump_between, closed
from iot_common.compatibility.changes import MEANINGS, ChangeCode
from iot_common.compatibility.diff import SchemaDiff, compare, rendered
from iot_common.compatibility.documents import versioned_schema
from iot_common.engine.draft07.compiler import read_schema
from iot_common.engine.errors import ContractError


def diff(old: Any, new: Any) -> SchemaDiff:
    return compare(versioned_schema(old, name="old"), versioned_schema(new, name="new"))


def listed(old: Any, new: Any) -> list[tuple[str, str]]:
    return [(change.path, change.code.value) for change in diff(old, new).changes]


def record(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


TEXT, NUMBER = {"type": "string"}, {"type": "number"}

CASES: list[tuple[Any, Any, list[tuple[str, str]]]] = [
    (record(a=TEXT), record(a=TEXT, b=NUMBER), [("b", "PROPERTY_ADDED")]),
    (record(a=TEXT, b=NUMBER), record(a=TEXT), [("b", "PROPERTY_REMOVED")]),
    (record(fw_version=TEXT, a=TEXT), record(fwVersion=TEXT, a=TEXT),
     [("fw_version", "PROPERTY_REMOVED"), ("fwVersion", "PROPERTY_ADDED"), ("fw_version", "RENAME_SUSPECT")]),
    ({"required": ["a"]}, {"required": ["b"]}, [("b", "REQUIRED_ADDED"), ("a", "REQUIRED_REMOVED")]),
    (record(a={"type": "integer"}), record(a=NUMBER), [("a", "TYPE_WIDENED")]),
    (record(a=NUMBER), record(a={"type": "integer"}), [("a", "TYPE_NARROWED")]),
    (record(a=NUMBER), record(a=TEXT), [("a", "TYPE_CHANGED")]),
    ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, [("", "ENUM_VALUE_ADDED"), ("", "ENUM_VALUE_REMOVED")]),
    (record(unit={"enum": ["C"]}), record(unit={"enum": ["C", "K"]}),
     [("unit", "ENUM_VALUE_ADDED"), ("unit", "UNIT_CHANGED")]),
    (record(t={"type": "number", "unit": "C"}), record(t={"type": "number", "unit": "F"}), [("t", "UNIT_CHANGED")]),
    ({"minimum": 1}, {"minimum": 1.0}, []),
    ({"minimum": 1}, {"exclusiveMinimum": 1}, [("", "BOUND_TIGHTENED")]),
    ({"minimum": 1, "exclusiveMinimum": 1}, {"exclusiveMinimum": 0}, [("", "BOUND_LOOSENED")]),
    ({"maxLength": 5}, {}, [("", "BOUND_LOOSENED")]),
    ({"minItems": 0}, {}, [("", "REWRITTEN")]),
    ({"multipleOf": 0.1}, {"multipleOf": 0.01}, [("", "BOUND_LOOSENED")]),
    ({"multipleOf": 2}, {"multipleOf": 3}, [("", "MULTIPLE_OF_CHANGED")]),
    ({"pattern": "a"}, {"pattern": "b", "format": "uri"}, [("", "PATTERN_CHANGED"), ("", "FORMAT_ADDED")]),
    ({"additionalProperties": False}, {}, [("", "ADDITIONAL_OPENED")]),
    ({"additionalProperties": True}, {"additionalProperties": TEXT}, [("", "ADDITIONAL_TIGHTENED")]),
    ({"additionalProperties": TEXT}, {"additionalProperties": NUMBER}, [("*", "TYPE_CHANGED")]),
    ({"items": TEXT}, {"items": {"type": "string", "maxLength": 2}}, [("[]", "BOUND_TIGHTENED")]),
    ({"items": [TEXT]}, {"items": [TEXT, NUMBER]}, [("[1]", "ITEM_ADDED")]),
    ({"anyOf": [TEXT, NUMBER]}, {"anyOf": [NUMBER, TEXT]}, [("", "REWRITTEN")]),
    ({"anyOf": [TEXT]}, TEXT, [("", "REWRITTEN")]),
    (TEXT, {"anyOf": [TEXT, NUMBER]}, [("", "TYPE_WIDENED")]),
    ({"allOf": [record(a=TEXT), {"required": ["a"]}]}, {**record(a=TEXT), "required": ["a"]}, [("", "REWRITTEN")]),
    ({"not": TEXT}, {"not": NUMBER}, [("", "SUBSCHEMA_CHANGED")]),
    ({"dependencies": {"a": ["b"]}}, {"dependencies": {"a": ["c"]}}, [("a", "DEPENDENCY_CHANGED")]),
    ({"definitions": {"d": TEXT}, "properties": {"a": {"$ref": "#/definitions/d"}}},
     {"definitions": {"d": NUMBER}, "properties": {"a": {"$ref": "#/definitions/d"}}}, [("a", "TYPE_CHANGED")]),
    ({"title": "a"}, {"title": "b"}, [("", "ANNOTATION_CHANGED")]),
    ({"definitions": {"d": TEXT}}, {"definitions": {"d": NUMBER}}, [("", "REWRITTEN")]),
    ({"properties": {"next": {"$ref": "#"}}}, {"properties": {"next": {"$ref": "#"}}}, []),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_each_change_has_its_path_and_code(old: Any, new: Any, expected: list[tuple[str, str]]) -> None:
    assert listed(old, new) == expected


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ChangeCode)


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [
        (record(a=TEXT), record(a=TEXT), Bump.NONE),
        (record(a=TEXT), {**record(a=TEXT), "title": "said"}, Bump.PATCH),
        (record(a={"type": "integer"}), record(a={"type": "number", "multipleOf": 1}), Bump.PATCH),
        (record(a={"type": "integer"}), record(a=NUMBER), Bump.MINOR),
        (record(a=TEXT), record(a=TEXT, b=NUMBER), Bump.MINOR),
        (record(a=TEXT), {**record(a=TEXT, b=NUMBER), "required": ["b"]}, Bump.MAJOR),
        (record(a=NUMBER), record(a={"type": "integer"}), Bump.MAJOR),
        ({**record(a=TEXT), "required": ["a"]}, record(), Bump.MAJOR),
        (record(a={"type": "number", "unit": "°C"}), record(a={"type": "number", "unit": "°F"}), Bump.MAJOR),
        (record(a={"pattern": "^(?!x)"}), record(a={"pattern": "^(?!x|x)"}), Bump.MAJOR),
    ],
    ids=["equal", "title", "equivalent", "wider", "optional added", "required added", "narrower", "required removed",
         "unit", "unproven"],
)  # fmt: skip
def test_the_step_follows_from_the_proof(old: Any, new: Any, step: Bump) -> None:
    assert diff(old, new).required.bump is step


def test_closing_leaves_alone_what_another_schema_may_declare() -> None:
    combined = {"allOf": [record(a=TEXT)], "properties": {"b": TEXT}}
    assert closed(combined) == combined
    assert closed(record(a=record(b=TEXT)))["properties"]["a"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [("1.0.0", "1.0.1", Bump.PATCH), ("1.0.9", "1.1.0", Bump.MINOR), ("1.9.0", "2.0.0", Bump.MAJOR),
     ("1.0.0", "1.0.0", Bump.NONE), ("2.0.0", "1.9.9", None), ("1.0", "1.1", None)],
)  # fmt: skip
def test_step_between_two_versions(old: str, new: str, step: Bump | None) -> None:
    assert bump_between(old, new) is step


def test_records_are_written_with_their_exact_numbers() -> None:
    exact = read_schema('{"const": 9007199254740993.5}', name="exact")
    text = rendered(diff(exact, {"type": "string"}), {})
    assert '"record":9007199254740993.5' in text


def test_other_dialects_are_read_where_they_mean_the_same_and_doubted_where_not() -> None:
    iglu = {
        "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#"
    }
    later = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    assert diff({**iglu, "type": "integer"}, {**iglu, "type": "number"}).backward.holds is True
    assert diff({**later, "type": "integer"}, {**later, "type": "number"}).backward.holds is True
    doubted = diff({**later, "prefixItems": [TEXT]}, {**later, "prefixItems": [NUMBER]})
    assert (doubted.backward.holds, doubted.full) == (None, None)
    assert "prefixItems" in doubted.backward.reason


@pytest.mark.parametrize(
    "schema", [{"type": "strin"}, {"minimum": "1"}, {"$ref": "#/nowhere"}, {"pattern": "("}, 1]
)
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(ContractError):
        versioned_schema(schema, name="bad")
