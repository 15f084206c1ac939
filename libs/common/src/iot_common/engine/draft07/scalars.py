"""Code for what draft-07 says of strings and numbers, and for the values that `enum` and `const` list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from iot_common.engine.draft07.asserted_formats import DATE_TIME, FormatCheck
from iot_common.engine.draft07.checks import multiple_check, number_check, remembering
from iot_common.engine.draft07.equality import membership
from iot_common.engine.draft07.source import FunctionSource, Namespace
from iot_common.engine.ecma_pattern import compile_pattern
from iot_common.engine.exact_number import ExactNumber, compare
from iot_common.engine.parse import json_type
from iot_common.engine.timestamps import parse_fast

_EXACT: Final = 2**53
"""Plain numbers up to here compare with any plain number as their exact values do."""
_REFUSAL: Final = {"minimum": "<", "exclusiveMinimum": "<=", "maximum": ">", "exclusiveMaximum": ">="}


def kind_of(value: Any) -> str:
    """The JSON type of a value, integers being numbers."""
    kind = json_type(value)
    return "number" if kind == "integer" else kind


def listed_values(schema: dict[str, Any]) -> list[list[Any]]:
    """The lists that a value must be in: `enum`, and `const` as a list of one."""
    lists = [schema["enum"]] if "enum" in schema else []
    return [*lists, [schema["const"]]] if "const" in schema else lists


def write_listed(
    code: FunctionSource, names: Namespace, lists: Sequence[list[Any]], kind: str, variable: str
) -> None:
    """The value, known to be of one kind, is among the listed ones of that kind."""
    for values in lists:
        same = [value for value in values if kind_of(value) == kind]
        if kind == "string":
            if len(same) == 1:
                code.refuse(f"{variable} != {names.constant(same[0])}")
            else:
                code.refuse(f"{variable} not in {names.constant(frozenset(same))}")
        elif kind == "boolean":
            if len(set(same)) == 1:
                code.refuse(f"{variable} is not {same[0]}")
        elif kind != "null":
            _write_members(code, names, same, variable)


def _write_members(code: FunctionSource, names: Namespace, same: list[Any], variable: str) -> None:
    check = names.constant(membership(same))
    if same and all(isinstance(value, int | float) and _is_plain(value) for value in same):
        plain = names.constant(frozenset(same))
        code.refuse(f"not {check}({variable}) if type({variable}) is Exact else {variable} not in {plain}")
    else:
        code.refuse(f"not {check}({variable})")


def write_string(
    code: FunctionSource,
    names: Namespace,
    schema: dict[str, Any],
    formats: Mapping[str, FormatCheck],
    variable: str,
) -> None:
    """Length, pattern and format of a value known to be a string."""
    write_size(code, names, schema, "Length", variable)
    if "pattern" in schema:
        _write_remembered(code, names, compile_pattern(schema["pattern"]), variable)
    check = formats.get(schema["format"]) if "format" in schema else None
    if check is None:
        return
    if schema["format"] == DATE_TIME:
        plain = names.constant(parse_fast)
        code.refuse(f"{plain}({variable}) is None and not {names.constant(check)}({variable})")
    else:
        _write_remembered(code, names, check, variable)


def _write_remembered(code: FunctionSource, names: Namespace, check: Any, variable: str) -> None:
    accepted: set[str] = set()
    known, passes = names.constant(accepted), names.constant(remembering(check, accepted))
    code.refuse(f"{variable} not in {known} and not {passes}({variable})")


def write_size(
    code: FunctionSource, names: Namespace, schema: dict[str, Any], what: str, variable: str
) -> None:
    """`minX` and `maxX` of a string, array or object."""
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if least is not None and compare(least, 0) > 0:
        if least == 1 and what != "Length":
            code.refuse(f"not {variable}")
        else:
            code.refuse(f"len({variable}) < {names.constant(_as_count(least))}")
    if most is not None and compare(most, _EXACT) < 0:
        code.refuse(f"len({variable}) > {names.constant(_as_count(most))}")


def _as_count(size: float) -> int:
    """A size keyword's number, `2.0` included; beyond 2^53 nothing is that long."""
    return int(size) if compare(size, _EXACT) < 0 else _EXACT


def write_plain_number(
    code: FunctionSource, names: Namespace, schema: dict[str, Any], variable: str, *, integer: bool
) -> None:
    """Bounds, multiples and wholeness of a value known to be an int or a float."""
    if not all(_is_plain(schema[keyword]) for keyword in _REFUSAL if keyword in schema):
        write_exact_number(code, names, schema, variable, integer=integer)
        return
    if integer:
        code.refuse(f"type({variable}) is float and not {variable}.is_integer()")
    for keyword, mark in _REFUSAL.items():
        if keyword in schema:
            code.refuse(f"{variable} {mark} {names.constant(schema[keyword])}")
    if "multipleOf" in schema:
        _write_multiple(code, names, schema["multipleOf"], variable)


def write_exact_number(
    code: FunctionSource, names: Namespace, schema: dict[str, Any], variable: str, *, integer: bool
) -> None:
    """The same for a number that only its text tells."""
    if integer or "multipleOf" in schema or any(keyword in schema for keyword in _REFUSAL):
        code.refuse(f"not {names.constant(number_check(schema, integer=integer))}({variable})")


def _write_multiple(code: FunctionSource, names: Namespace, divisor: float, variable: str) -> None:
    check = names.constant(multiple_check(divisor))
    if type(divisor) is int and divisor <= _EXACT:
        # Remainders of floats are exact too, and a float within 2^53 that is whole is what was written.
        unit = names.constant(divisor)
        code.refuse(
            f"{variable} % {unit} if -{_EXACT} <= {variable} <= {_EXACT} else not {check}({variable})"
        )
    else:
        code.refuse(f"not {check}({variable})")


def _is_plain(bound: float) -> bool:
    return not isinstance(bound, ExactNumber) and -_EXACT <= bound <= _EXACT
