"""Code for keywords that ask other schemas about the same value."""

from __future__ import annotations

from typing import Any

from iot_common.engine.draft07.kinds import allowed_kinds, only_python_type
from iot_common.engine.draft07.places import Place
from iot_common.engine.draft07.scalars import listed_values
from iot_common.engine.draft07.source import FunctionSource, Namespace, Writer


def write_combinators(writer: Writer, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
    """`allOf`, `anyOf`, `oneOf`, `not` and `if`; none looks further once its answer is known."""
    schema = place.schema
    for number, each in enumerate(schema.get("allOf", ())):
        writer.child(code, place.below(each, "allOf", number), variable, depth)
    if "anyOf" in schema:
        alternatives = _alternatives(writer, place, "anyOf", variable)
        if "True" not in alternatives:
            code.refuse(f"not ({' or '.join(alternatives)})")
    if "oneOf" in schema:
        _write_one_of(writer, code, place, variable)
    if "not" in schema:
        code.refuse(writer.expression(place.below(schema["not"], "not"), variable))
    if "if" in schema:
        _write_conditional(writer, code, place, variable, depth)


def _alternatives(writer: Writer, place: Place, keyword: str, variable: str) -> list[str]:
    return [
        writer.expression(place.below(each, keyword, number), variable)
        for number, each in enumerate(place.schema[keyword])
    ]


def _write_one_of(writer: Writer, code: FunctionSource, place: Place, variable: str) -> None:
    found = code.variable()
    code.line(f"{found} = False")
    for alternative in _alternatives(writer, place, "oneOf", variable):
        with code.block(f"if {alternative}:"):
            code.refuse(found)
            code.line(f"{found} = True")
    code.refuse(f"not {found}")


def _write_conditional(writer: Writer, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
    branches = {}
    for keyword in ("then", "else"):
        branches[keyword] = lines = list[str]()
        if keyword in place.schema:
            with code.set_aside(lines):
                writer.child(code, place.below(place.schema[keyword], keyword), variable, depth)
    if not any(branches.values()):
        return
    code.line(f"if {writer.expression(place.below(place.schema['if'], 'if'), variable)}:")
    code.lines.extend(branches["then"] or [" " * (code.indent + 1) + "pass"])
    if branches["else"]:
        code.line("else:")
        code.lines.extend(branches["else"])


def short_expression(
    names: Namespace, schema: dict[str, Any], asked: frozenset[str], variable: str
) -> str | None:
    """What alternatives mostly ask, without a call: one type, a text out of a few, keys that must be there."""
    if asked == {"type"}:
        python_type = only_python_type(schema["type"])
        return None if python_type is None else f"type({variable}) is {python_type}"
    if asked == {"required"}:
        present = "".join(f" and {names.constant(key)} in {variable}" for key in schema["required"])
        return f"(type({variable}) is not dict or True{present})"
    if asked in ({"const"}, {"enum"}, {"const", "type"}, {"enum", "type"}) and allowed_kinds(schema)[0] == [
        "string"
    ]:
        (values,) = listed_values(schema)
        texts = frozenset(value for value in values if isinstance(value, str))
        return f"(type({variable}) is str and {variable} in {names.constant(texts)})"
    return None
