"""Where `$ref` and `$id` lead, and what is said when they lead nowhere or a schema is no draft-07."""

from __future__ import annotations

import json
import socket

import pytest

from iot_common.engine.draft07.compiler import compile_schema, read_schema
from iot_common.engine.draft07.documents import meta_schema
from iot_common.engine.draft07.uris import resolve_reference
from iot_common.engine.errors import ContractError

STRING = {"type": "string"}


def a_schema(schema, **documents):
    return compile_schema(schema, name="test", documents=documents.pop("documents", {}))


def test_the_meta_schema_is_the_published_one():
    specifications = pytest.importorskip("jsonschema_specifications")
    published = specifications.REGISTRY.contents("http://json-schema.org/draft-07/schema")
    assert meta_schema() == published


@pytest.mark.parametrize(
    ("reference", "target"),
    # RFC 3986, section 5.4, but for the same-document ones that `$ref` needs with their fragment.
    [
        ("g:h", "g:h"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("g#s", "http://a/b/c/g#s"),
        (";x", "http://a/b/c/;x"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("./", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../..", "http://a/"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        ("..g", "http://a/b/c/..g"),
        ("./g/.", "http://a/b/c/g/"),
        ("g/../h", "http://a/b/c/h"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("http:g", "http:g"),
    ],
)
def test_references_resolve_as_in_rfc_3986(reference, target):
    assert resolve_reference("http://a/b/c/d;p?q", reference) == target


def test_a_reference_within_a_urn_keeps_its_name():
    base = "urn:uuid:deadbeef-1234-00ff-ff00-4321feebdaed"
    assert resolve_reference(base, "#/definitions/a") == f"{base}#/definitions/a"


@pytest.mark.parametrize(
    "reference",
    [
        "#/definitions/a~1b",
        "#/definitions/a%7E1b",
        "#/list/1",
        "#name",
        "http://here/a.json",
        "a.json",
        "#/x%22y",
    ],
)
def test_finds_by_pointer_name_and_id(reference):
    schema = {
        "$id": "http://here/root.json",
        "properties": {"p": {"$ref": reference}},
        "definitions": {
            "a/b": STRING,
            "named": {"$id": "#name", **STRING},
            "by_id": {"$id": "a.json", **STRING},
        },
        "list": [{"type": "number"}, STRING],
        'x"y': STRING,
    }
    compiled = a_schema(schema)
    assert compiled.is_valid({"p": "text"}) and not compiled.is_valid({"p": 1})
    assert compiled.reference().is_valid({"p": "text"}) and not compiled.reference().is_valid({"p": 1})
    assert compiled.resolve(reference, "http://here/root.json")[0]["type"] == "string"


def test_a_given_document_may_refer_to_another_and_to_the_meta_schema():
    documents = {
        "http://team/a.json": {"items": {"$ref": "b.json#/definitions/b"}},
        "http://team/b.json": {"definitions": {"b": {"$ref": "http://json-schema.org/draft-07/schema#"}}},
    }
    compiled = a_schema({"$ref": "http://team/a.json"}, documents=documents)
    assert compiled.is_valid([{"type": "object"}]) and not compiled.is_valid([{"type": "float"}])
    assert compiled.handed_over == ()


def test_neighbours_of_a_reference_count_for_nothing():
    compiled = a_schema({"$ref": "#/definitions/s", "type": "number", "definitions": {"s": STRING}})
    assert compiled.is_valid("text") and not compiled.is_valid(1)


def test_sub_schemas_are_judged_within_their_base():
    inner = {
        "properties": {"p": {"$ref": "#/definitions/s"}},
        "definitions": {"s": STRING},
        "$id": "http://in/",
    }
    compiled = a_schema({"items": inner, "definitions": {"s": {"type": "number"}}})
    base = compiled.base_of(inner, "")
    assert base == "http://in/"
    assert compiled.resolve("#/definitions/s", base) == (STRING, "http://in/")
    assert compiled.is_valid_at(inner, "", {"p": "text"}) and not compiled.is_valid_at(inner, "", {"p": 1})
    reference = inner["properties"]["p"]
    assert compiled.is_valid_at(reference, base, "text") and not compiled.is_valid_at(reference, base, 1)
    assert compiled.is_valid_at(reference, "", 1)


@pytest.mark.parametrize(
    ("schema", "path", "reason"),
    [
        ({"$ref": "http://elsewhere/x.json"}, "#", "nothing is fetched"),
        ({"items": {"anyOf": [{"$ref": "#/definitions/no"}]}}, "#/items/anyOf/0", "no 'definitions'"),
        ({"items": {"$ref": "#/list/01"}, "list": [{}, {}]}, "#/items", "no '01'"),
        ({"items": {"$ref": "#/x"}, "x": 5}, "#/items", "no schema"),
        ({"items": {"$ref": "#nowhere"}}, "#/items", "#nowhere"),
        ({"items": {"$ref": "#/x"}, "x": {"type": "float"}}, "#/items/$ref/type", "'float' is not one of"),
        ({"properties": {"a/b": {"type": "float"}}}, "#/properties/a~1b/type", "'float' is not one of"),
        ({"definitions": {"unused": {"minLength": -1}}}, "#/definitions/unused/minLength", "less than 0"),
        ({"items": {"pattern": "("}}, "#/items/pattern", "pattern '('"),
        ({"patternProperties": {"[": True}}, "#/patternProperties/[", "pattern '['"),
        ({"multipleOf": 0}, "#/multipleOf", "greater than 0"),
        ({"enum": "a"}, "#/enum", "array"),
        (5, "", "'object', 'boolean'"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "", "draft-07 is required"),
    ],
)
def test_says_where_and_why_a_schema_cannot_be_used(schema, path, reason):
    with pytest.raises(ContractError) as error:
        a_schema(schema)
    assert error.value.path == path
    assert reason in error.value.reason
    assert error.value.exit_code == 2


def test_says_where_a_given_document_is_no_draft_07():
    with pytest.raises(ContractError, match="no valid draft-07") as error:
        a_schema({"items": {"$ref": "http://x/"}}, documents={"http://x/": {"required": "a"}})
    assert error.value.path == "#/items/$ref/required"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"items": {"$ref": "#/items"}},
        {"dependencies": {"a": {"$ref": "#"}}},
        {"if": {"not": {"$ref": "#"}}},
        {
            "$ref": "#/definitions/a",
            "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}},
        },
    ],
    ids=json.dumps,
)
def test_a_circle_that_never_looks_deeper_is_an_error(schema):
    with pytest.raises(ContractError, match="circle"):
        a_schema(schema)


def test_a_circle_that_looks_deeper_is_none():
    compiled = a_schema({"type": "object", "additionalProperties": {"allOf": [{"$ref": "#"}]}})
    assert compiled.is_valid({"a": {"b": {}}}) and not compiled.is_valid({"a": {"b": 1}})


def test_never_opens_a_connection(monkeypatch):
    def refuse(*_arguments, **_named):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(ContractError):
        a_schema({"$ref": "http://json-schema.org/draft-06/schema#"})


@pytest.mark.parametrize("text", ["{", "{'a': 1}", '{"minimum": NaN}', b"\xff", "[" * 100_000])
def test_a_text_that_is_no_json_is_an_error(text):
    with pytest.raises(ContractError, match="not JSON"):
        read_schema(text, name="test")


def test_a_document_of_another_draft_is_handed_to_the_reference_and_named():
    later = {"$schema": "https://json-schema.org/draft/2019-09/schema", "dependentRequired": {"a": ["b"]}}
    compiled = a_schema({"items": {"$ref": "http://x/"}}, documents={"http://x/": later})
    (handed,) = compiled.handed_over
    assert handed.pointer == "#/items/$ref" and "2019-09" in handed.reason
    assert compiled.is_valid([{"a": 1, "b": 1}]) and not compiled.is_valid([{"a": 1}])


LATER = "https://json-schema.org/draft/2019-09/schema"


def test_a_document_of_another_draft_must_be_valid_by_that_draft():
    with pytest.raises(ContractError, match="no valid schema of its draft") as error:
        a_schema({"$ref": "http://x/"}, documents={"http://x/": {"$schema": LATER, "required": "a"}})
    assert error.value.path == "#/$ref"


def test_a_reference_that_leads_nowhere_from_another_draft_is_an_error_when_it_is_met():
    compiled = a_schema(
        {"$ref": "http://x/"}, documents={"http://x/": {"$schema": LATER, "$ref": "http://y/"}}
    )
    with pytest.raises(ContractError, match="leads nowhere"):
        compiled.is_valid(1)
