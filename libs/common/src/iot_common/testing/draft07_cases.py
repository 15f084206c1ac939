"""Draft-07 schemas and values at random, for tests that hold two judges against each other.

Schemas come from hypothesis and shrink; values are grown from a schema with a seed, so that about half of them
conform, and are then mutated: a key lost, a number moved by the last digit that its text can tell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

from iot_common.engine.exact_number import ExactNumber, read_number

NUMBER_TEXTS: Final = (
    "0", "-0", "0.0", "-0.0", "1", "1.0", "-1", "2", "3", "5", "7.5", "0.1", "0.3", "0.01", "0.0075", "0.0001", "1e2",
    "1.5", "-2.5", "1e-7", "100", "99.99", "1e19", "10000000000000000000", "1e23", "1e308", "1e400", "-1e400", "1e-400",
    "9007199254740992", "9007199254740993", "9007199254740992.0", "9007199254740993.0", "-9007199254740993",
    "9223372036854775807", "9223372036854775808", "1152921504606846976", "1.152921504606846976e18",
    "123456789.123456789",
    "0.1000000000000000000001", "1.0000000000000000000001", "0.99999999999999999999", "1.00", "10e-1", "3e0", "300e-2",
)  # fmt: skip
"""Boundaries of float64 and int64, numbers equal in value and different in text, and neighbours by one digit."""
NUMBERS: Final = tuple(number for text in NUMBER_TEXTS if (number := read_number(text)) is not None)
_DIVISORS: Final = tuple(number for number in NUMBERS if number > 0)
_SIZES: Final = (0, 1, 2, 3, 1.0, 2.0, read_number("10000000000000000000"))

KEYS: Final = ("a", "b", "c", "ab", "a/b", "m~n", "é", "", "$ref", "%25")
STRINGS: Final = (
    "", "a", "b", "ab", "abc", "a\n", "é", "e\u0301", "😀", "1", "١", "\x00", "a/b", "2026-01-01T00:00:00Z",
    "yesterday",
    "2026-12-31T23:59:60Z", "2026-01-01T00:00:00", "true", "null", "a" * 70,
)  # fmt: skip
PATTERNS: Final = ("^a", "b$", "^.$", r"^\d+$", "^[a-c]*$", "", "é", "^(a|b)+$", r"\S", "^a$")
_FORMATS: Final = ("date-time", "date-time", "no-such-format", "ipv4", "uri")
_TYPES: Final = ("null", "boolean", "integer", "number", "string", "object", "array")
_NUMBER_KEYWORDS: Final = ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")
_RELATED: Final = (
    ("properties", "required", "additionalProperties"),
    ("properties", "patternProperties", "additionalProperties"),
    ("type", "properties", "additionalProperties", "minProperties"),
    ("type", "items", "additionalItems"),
    ("items", "uniqueItems", "contains", "maxItems"),
    ("if", "then", "else"),
    ("type", "minimum", "exclusiveMaximum", "multipleOf"),
    ("type", "enum", "const"),
    ("minLength", "pattern", "format"),
)
"""Keywords that change each other's meaning, or work in one place: chance alone seldom brings them together."""
_DEFINITIONS: Final = ("d0", "d1", "e/f")
_REFERENCES: Final = (
    "#/definitions/d0", "#/definitions/d1", "#/definitions/e~1f", "#anchor", "#", "http://here/d1", "#/definitions/d0",
)  # fmt: skip

scalars: Final = st.one_of(
    st.none(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(STRINGS), st.text(max_size=3)
)
values: Final = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=8,
)
"""Values as the parser gives them, exact numbers among them."""


def _schema_lists(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, min_size=1, max_size=3)


def _arguments(inner: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """A strategy per keyword."""
    keys, numbers = st.sampled_from(KEYS), st.sampled_from(NUMBERS)
    key_lists = st.lists(keys, unique=True, max_size=3)
    by_key = st.dictionaries(keys, inner, max_size=3)
    plain = {
        "type": st.one_of(
            st.sampled_from(_TYPES), st.lists(st.sampled_from(_TYPES), unique=True, min_size=1, max_size=3)
        ),
        "enum": st.lists(values, max_size=4),
        "const": values,
        "pattern": st.sampled_from(PATTERNS),
        "format": st.sampled_from(_FORMATS),
        "multipleOf": st.sampled_from(_DIVISORS),
        "required": key_lists,
        "uniqueItems": st.booleans(),
        "propertyNames": inner,
        "properties": by_key,
        "patternProperties": st.dictionaries(st.sampled_from(PATTERNS), inner, max_size=2),
        "additionalProperties": inner,
        "items": st.one_of(inner, _schema_lists(inner)),
        "additionalItems": inner,
        "contains": inner,
        "dependencies": st.dictionaries(keys, st.one_of(inner, key_lists), max_size=2),
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "contentEncoding": st.just("base64"),
    }
    alternatives = st.lists(inner, min_size=2, max_size=3)
    plain.update(dict.fromkeys(("allOf", "anyOf", "oneOf"), alternatives))
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    sizes = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
    plain.update(dict.fromkeys(bounds, numbers))
    plain.update(dict.fromkeys(sizes, st.sampled_from(_SIZES)))
    return plain


@st.composite
def _with_few_keywords(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> Any:
    arguments = _arguments(inner)
    any_keywords = st.lists(st.sampled_from(sorted(arguments)), unique=True, min_size=1, max_size=4)
    if draw(st.booleans()):
        return {keyword: draw(arguments[keyword]) for keyword in draw(any_keywords)}
    schema = {keyword: draw(arguments[keyword]) for keyword in draw(st.sampled_from(_RELATED))}
    if draw(st.booleans()):
        _tightened(schema)
    return schema


def _tightened(schema: dict[str, Any]) -> None:
    """Close what is open, ask for all that is declared, and nearly repeat a constant."""
    if "additionalProperties" in schema:
        schema["additionalProperties"] = False
    if "required" in schema:
        schema["required"] = list(schema["properties"])
    if "items" in schema and not isinstance(schema["items"], list):
        schema["items"] = [schema["items"]]
    if "additionalItems" in schema:
        schema["type"] = "array"
    if "const" in schema:
        schema["enum"] = [*schema["enum"], schema["const"]]


_leaves: Final = st.one_of(
    st.booleans(),
    _with_few_keywords(st.booleans()),
    st.builds(lambda r: {"$ref": r}, st.sampled_from(_REFERENCES)),
)
_subschemas: Final = _with_few_keywords(st.one_of(_leaves, _with_few_keywords(_leaves)))


@st.composite
def schemas(draw: st.DrawFn) -> Any:
    """Schemas whose references all resolve, though some go round in a circle."""
    root = draw(_subschemas)
    definitions = {name: draw(st.one_of(_leaves, _with_few_keywords(_leaves))) for name in _DEFINITIONS}
    for name, identity in (("e/f", "#anchor"), ("d1", "http://here/d1")):
        if not isinstance(definitions[name], dict) or "$ref" in definitions[name]:
            definitions[name] = {"allOf": [definitions[name]]}
        definitions[name]["$id"] = identity
    # Within d1 another base holds: references there must be absolute, or its own.
    definitions["d1"] = _rebased(definitions["d1"])
    return {**root, "definitions": definitions}


def _rebased(schema: Any) -> Any:
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#"):
            return {"$ref": "#"}
        return {key: _rebased(each) for key, each in schema.items()}
    return [_rebased(each) for each in schema] if isinstance(schema, list) else schema


def mutated_schema(schema: Any, random: Random) -> Any:
    """One change somewhere: a keyword dropped, moved into `not`, or with another argument."""
    changed = copy.deepcopy(schema)
    places = [each for each in _dicts(changed) if each is not changed.get("definitions")]
    place = random.choice(places)
    keywords = [key for key in place if key not in ("definitions", "$id", "$ref")]
    if not keywords:
        return changed
    keyword = random.choice(keywords)
    argument = place[keyword]
    change = random.randrange(3)
    if change == 0:
        del place[keyword]
    elif isinstance(argument, bool):
        place[keyword] = not argument
    elif isinstance(argument, int | float) and keyword in ("minimum", "maximum", "exclusiveMinimum"):
        place[keyword] = random.choice(NUMBERS)
    elif keyword in ("not", "if", "then", "else", "contains", "additionalProperties", "propertyNames"):
        place[keyword] = {"not": argument}
    else:
        place.pop(keyword)
        place.setdefault("not", {keyword: argument})
    return changed


def _dicts(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and those within it, as far as keywords with one schema or a list of them lead."""
    if isinstance(schema, dict):
        yield schema
        for keyword in ("not", "if", "then", "else", "contains", "additionalProperties", "items"):
            yield from _dicts(schema.get(keyword))
        for keyword in ("allOf", "anyOf", "oneOf"):
            for each in schema.get(keyword, ()):
                yield from _dicts(each)
        for keyword in ("properties", "definitions"):
            for each in schema.get(keyword, {}).values():
                yield from _dicts(each)


def value_for(schema: Any, random: Random, resolve: Callable[[str], Any], depth: int = 4) -> Any:
    """A value that tries to conform: it follows the keywords it meets first and forgets the rest."""
    if not isinstance(schema, dict) or depth == 0:
        return any_value(random, depth)
    if "$ref" in schema:
        return value_for(resolve(schema["$ref"]), random, resolve, depth - 1)
    if "const" in schema:
        return schema["const"] if random.random() < 0.7 else mutated_value(schema["const"], random)
    if schema.get("enum") and random.random() < 0.8:
        return random.choice(schema["enum"])
    for keyword in ("allOf", "anyOf", "oneOf"):
        if keyword in schema and random.random() < 0.5:
            return value_for(random.choice(schema[keyword]), random, resolve, depth - 1)
    kinds = schema.get("type") or _kinds_asked(schema)
    kind = random.choice([kinds] if isinstance(kinds, str) else kinds)
    return _value_of_kind(kind, schema, random, resolve, depth)


def _kinds_asked(schema: dict[str, Any]) -> list[str]:
    hints = {
        "object": ("properties", "required", "patternProperties", "additionalProperties", "dependencies"),
        "array": ("items", "contains", "uniqueItems", "minItems", "maxItems"),
        "string": ("pattern", "format", "minLength", "maxLength"),
        "number": _NUMBER_KEYWORDS,
    }
    found = [kind for kind, keywords in hints.items() if any(each in schema for each in keywords)]
    return found or list(_TYPES)


def _value_of_kind(
    kind: str, schema: dict[str, Any], random: Random, resolve: Callable[[str], Any], depth: int
) -> Any:
    if kind == "object":
        properties = schema.get("properties", {})
        keys = {*schema.get("required", ()), *(key for key in properties if random.random() < 0.7)}
        rest = schema.get("additionalProperties", True)
        if rest is not False or random.random() < 0.2:
            keys.update(random.sample(KEYS, random.randrange(3)))
        return {key: value_for(properties.get(key, rest), random, resolve, depth - 1) for key in sorted(keys)}
    if kind == "array":
        items = schema.get("items", True)
        if isinstance(items, list):
            rest = [schema.get("additionalItems", True)] * random.randrange(3)
            return [value_for(each, random, resolve, depth - 1) for each in (*items, *rest)]
        return [value_for(items, random, resolve, depth - 1) for _ in range(random.randrange(4))]
    if kind == "string":
        return random.choice(STRINGS)
    if kind in ("number", "integer"):
        near = [schema[each] for each in _NUMBER_KEYWORDS if each in schema]
        return random.choice([*near, *NUMBERS]) if random.random() < 0.7 or not near else random.choice(near)
    return random.choice([True, False]) if kind == "boolean" else None


def any_value(random: Random, depth: int) -> Any:
    """A value of any kind, no deeper than `depth`."""
    choice = random.randrange(7 if depth > 0 else 5)
    if choice == 6:
        return {random.choice(KEYS): any_value(random, depth - 1) for _ in range(random.randrange(4))}
    if choice == 5:
        return [any_value(random, depth - 1) for _ in range(random.randrange(4))]
    if choice in (3, 4):
        return random.choice(NUMBERS if choice == 3 else STRINGS)
    return (None, True, False)[choice]


def mutated_value(value: Any, random: Random) -> Any:
    """One change somewhere in a value."""
    if isinstance(value, dict) and value and random.random() < 0.8:
        key = random.choice(sorted(value))
        rest = {other: each for other, each in value.items() if other != key}
        change = random.randrange(4)
        if change == 0:
            return rest
        if change == 1:
            return {**value, random.choice(KEYS): any_value(random, 1)}
        return {**rest, key: mutated_value(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.8:
        place = random.randrange(len(value))
        change = random.randrange(4)
        if change == 0:
            return value[:place] + value[place + 1 :]
        if change == 1:
            return [*value, random.choice(value)]
        return [*value[:place], mutated_value(value[place], random), *value[place + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and random.random() < 0.7:
        return _moved(value, random)
    return any_value(random, 1)


def _moved(number: float, random: Random) -> Any:
    """A neighbour, or the same value written otherwise."""
    text = number.text if isinstance(number, ExactNumber) else repr(number)
    change = random.randrange(4)
    if change == 0 and "e" not in text and "." in text:
        return read_number(text + "0" * random.randrange(1, 20) + random.choice("01"))
    if change == 1 and "e" not in text and "." not in text:
        return read_number(text + random.choice((".0", "." + "0" * 25 + "1")))
    if change == 2 and isinstance(number, int):
        return number + random.choice((-1, 1))
    return random.choice(NUMBERS)
