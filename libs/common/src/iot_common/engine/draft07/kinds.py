"""JSON types as Python's: which a schema allows, and code that tells them apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from iot_common.engine.draft07.scalars import kind_of, listed_values
from iot_common.engine.draft07.source import FunctionSource

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": ("str",),
    "number": ("float", "int"),
    "exact": ("Exact",),
    "object": ("dict",),
    "array": ("list",),
    "boolean": ("bool",),
    "null": ("NoneType",),
}
"""Python types per kind, likely ones first; `exact` numbers are those that only their text tells."""


def allowed_kinds(schema: dict[str, Any]) -> tuple[list[str], bool]:
    """The kinds of values that `type`, `enum` and `const` leave, and whether numbers must be whole."""
    types = schema.get("type", ["number", *KINDS])
    named = {types} if isinstance(types, str) else set(types)
    integer = "integer" in named and "number" not in named
    kinds = {"number" if each == "integer" else each for each in named}
    for values in listed_values(schema):
        kinds &= {kind_of(value) for value in values}
    if "number" in kinds:
        kinds.add("exact")
    else:
        kinds.discard("exact")
    return [kind for kind in KINDS if kind in kinds], integer


def only_python_type(types: Any) -> str | None:
    """The one Python type that a `type` stands for, where there is one: a whole float is an integer too."""
    named = [types] if isinstance(types, str) else types
    if len(named) != 1 or named[0] in ("number", "integer"):
        return None
    return KINDS[named[0]][0]


def write_kind_test(code: FunctionSource, kind: str, variable: str) -> None:
    """The value is of one kind, or refused."""
    code.refuse(f"{variable} is not None" if kind == "null" else f"type({variable}) is not {KINDS[kind][0]}")


def write_branches(code: FunctionSource, bodies: Mapping[str, list[str]], variable: str) -> None:
    """One branch per kind that has checks; other allowed kinds pass, the rest is refused."""
    checked = {kind: lines for kind, lines in bodies.items() if lines}
    unchecked = [name for kind in bodies if kind not in checked for name in KINDS[kind]]
    if not checked and len(bodies) == len(KINDS):
        return
    code.line(f"t = type({variable})")
    word = "if"
    for kind, lines in checked.items():
        code.line(f"{word} {' or '.join(f't is {name}' for name in KINDS[kind])}:")
        code.lines.extend(lines)
        word = "elif"
    if len(bodies) == len(KINDS):
        return
    refusal = " and ".join(f"t is not {name}" for name in unchecked)
    code.line(f"{word} {refusal}: return False" if refusal else "else: return False")
