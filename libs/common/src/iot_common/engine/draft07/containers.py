"""Code for what draft-07 says of objects and arrays."""

from __future__ import annotations

from typing import Any

from iot_common.engine.draft07.checks import key_sorter
from iot_common.engine.draft07.equality import has_equal_items
from iot_common.engine.draft07.places import Place
from iot_common.engine.draft07.scalars import write_size
from iot_common.engine.draft07.source import FunctionSource, Namespace, Writer
from iot_common.engine.ecma_pattern import compile_pattern


def write_object(writer: Writer, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
    """All keywords of a value known to be an object; those that cost least come first."""
    schema, names = place.schema, writer.names
    write_size(code, names, schema, "Properties", variable)
    required = dict.fromkeys(schema.get("required", ()))
    properties = schema.get("properties", {})
    if schema.get("additionalProperties") is False and not schema.get("patternProperties"):
        _write_closed(code, names, properties, required, variable)
    loaded = _write_required(writer, code, place, required, variable)
    for key, subschema in properties.items():
        child = place.below(subschema, "properties", key)
        if key in loaded:
            writer.child(code, child, loaded[key], depth)
        elif key not in required and writer.asserts(child):
            member = code.variable()
            with code.block(f"if {names.constant(key)} in {variable}:"):
                code.line(f"{member} = {variable}[{names.constant(key)}]")
                writer.child(code, child, member, depth)
    _write_rest(writer, code, place, variable, depth)
    if "propertyNames" in schema:
        key_variable = code.variable()
        with code.block(f"for {key_variable} in {variable}:"):
            writer.child(code, place.below(schema["propertyNames"], "propertyNames"), key_variable, depth)
    _write_dependencies(writer, code, place, variable, depth)


def _write_closed(
    code: FunctionSource,
    names: Namespace,
    properties: dict[str, Any],
    required: dict[str, None],
    variable: str,
) -> None:
    """`additionalProperties: false` by counting, where all declared keys must be there anyway."""
    if not properties:
        code.refuse(variable)
    elif properties.keys() == required.keys():
        code.refuse(f"len({variable}) != {len(properties)}")
    else:
        code.refuse(f"not {variable}.keys() <= {names.constant(frozenset(properties))}")


def _write_required(
    writer: Writer, code: FunctionSource, place: Place, required: dict[str, None], variable: str
) -> dict[str, str]:
    """Loads the members that must be there; gives the variables of those that a schema judges."""
    properties = place.schema.get("properties", {})
    loaded: dict[str, str] = {}
    if not required:
        return loaded
    code.line("try:")
    for key in required:
        member = f"{variable}[{writer.names.constant(key)}]"
        if key in properties and writer.asserts(place.below(properties[key], "properties", key)):
            loaded[key] = code.variable()
            code.line(f" {loaded[key]} = {member}")
        else:
            code.line(f" {member}")
    code.line("except Missing: return False")
    return loaded


def _write_rest(writer: Writer, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
    """`patternProperties`, and `additionalProperties` that is a schema or must look at patterns."""
    schema, names = place.schema, writer.names
    patterns = schema.get("patternProperties", {})
    rest = place.below(schema.get("additionalProperties", True), "additionalProperties")
    if rest.schema is False and not patterns:
        return
    judges = [place.below(each, "patternProperties", pattern) for pattern, each in patterns.items()]
    judged = any(writer.asserts(each) for each in judges)
    if not judged and not writer.asserts(rest):
        return
    key, member, bits = code.variable(), code.variable(), code.variable()
    declared = schema.get("properties", {})
    with code.block(f"for {key}, {member} in {variable}.items():"):
        if not patterns:
            with code.block(f"if {key} not in {names.constant(frozenset(declared))}:"):
                writer.child(code, rest, member, depth)
            return
        known: dict[str, int] = {}
        sorter = key_sorter(declared, [compile_pattern(pattern) for pattern in patterns], known)
        code.line(f"{bits} = {names.constant(known)}.get({key})")
        code.line(f"if {bits} is None: {bits} = {names.constant(sorter)}({key})")
        with code.block(f"if {bits} & 1:"):
            writer.child(code, rest, member, depth)
        for number, each in enumerate(judges):
            with code.block(f"if {bits} & {2 << number}:"):
                writer.child(code, each, member, depth)


def _write_dependencies(
    writer: Writer, code: FunctionSource, place: Place, variable: str, depth: int
) -> None:
    for key, needed in place.schema.get("dependencies", {}).items():
        with code.block(f"if {writer.names.constant(key)} in {variable}:"):
            if isinstance(needed, list):
                for other in dict.fromkeys(needed):
                    code.refuse(f"{writer.names.constant(other)} not in {variable}")
            else:
                writer.child(code, place.below(needed, "dependencies", key), variable, depth)


def write_array(writer: Writer, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
    """All keywords of a value known to be an array."""
    schema = place.schema
    write_size(code, writer.names, schema, "Items", variable)
    items = schema.get("items", True)
    if isinstance(items, list):
        _write_positions(writer, code, place, variable, depth)
    elif writer.asserts(place.below(items, "items")):
        item = code.variable()
        with code.block(f"for {item} in {variable}:"):
            writer.child(code, place.below(items, "items"), item, depth)
    if "contains" in schema:
        item = code.variable()
        wanted = writer.expression(place.below(schema["contains"], "contains"), item)
        code.line(f"for {item} in {variable}:")
        code.line(f" if {wanted}: break")
        code.line("else: return False")
    if schema.get("uniqueItems"):
        code.refuse(f"len({variable}) > 1 and {writer.names.constant(has_equal_items)}({variable})")


def _write_positions(writer: Writer, code: FunctionSource, place: Place, variable: str, depth: int) -> None:
    """`items` as a list: one schema per position, `additionalItems` for those behind."""
    schemas = place.schema["items"]
    rest = place.below(place.schema.get("additionalItems", True), "additionalItems")
    if rest.schema is False:
        code.refuse(f"len({variable}) > {len(schemas)}")
    for position, each in enumerate(schemas):
        child = place.below(each, "items", position)
        if writer.asserts(child):
            item = code.variable()
            with code.block(f"if len({variable}) > {position}:"):
                code.line(f"{item} = {variable}[{position}]")
                writer.child(code, child, item, depth)
    if rest.schema is not False and writer.asserts(rest):
        item = code.variable()
        with code.block(f"for {item} in {variable}[{len(schemas)}:]:"):
            writer.child(code, rest, item, depth)
