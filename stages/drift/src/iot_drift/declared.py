"""How an observed path, type or value relates to what a contract declares."""

from __future__ import annotations

import re

from iot_common.engine.contract import Contract
from iot_common.engine.events import EventCode

_LAST_QUOTED = re.compile(r'^(.*)\["(?:[^"\\]|\\.)*"\]$', re.DOTALL)


def parent_of(path: str) -> str:
    """The path above: `readings` for `readings.pressure`, empty at the top level."""
    if path.endswith("[]"):
        return path[:-2]
    quoted = _LAST_QUOTED.match(path)
    return quoted.group(1) if quoted else path.rpartition(".")[0]


def added_code(path: str, contract: Contract) -> EventCode | None:
    """FIELD_ADDED or FIELD_ADDED_NESTED for the topmost path that is not declared; None for all others.

    What lies below an undeclared path belongs to it, what lies below a scalar is a change of type, and another
    spelling of a declared key is KEY_CASE.
    """
    if path in contract.nodes or path in ("$", ""):
        return None
    above = parent_of(path)
    node = contract.root if not above else contract.nodes.get(above)
    if node is None or not node.is_object:
        return None
    key = path.removeprefix(above).lstrip(".")
    if key.isascii() and node.folded.get(key.lower()) is not None:
        return None
    return EventCode.FIELD_ADDED_NESTED if above else EventCode.FIELD_ADDED


def type_code(path: str, json_type: str | None, contract: Contract) -> EventCode | None:
    """How an observed JSON type differs from the declared ones; None if it does not."""
    node = contract.nodes.get(path)
    if node is None or json_type is None or not node.types or json_type in node.types:
        return None
    if json_type == "integer" and "number" in node.types:
        return None
    if json_type == "null":
        return EventCode.NULL_VALUE
    if json_type == "number" and "integer" in node.types:
        return EventCode.TYPE_WIDENED
    if {json_type, *node.types} & {"array", "object"}:
        return EventCode.ARRAY_SCALAR
    return EventCode.TYPE_CHANGED


def is_new_value(path: str, enum_value: str | None, contract: Contract) -> bool:
    """True for a value outside the declared enumeration."""
    node = contract.nodes.get(path)
    if node is None or node.enum is None or enum_value is None:
        return False
    return enum_value not in {str(value) for value in node.enum}


def expected_text(path: str, contract: Contract) -> str:
    """What the contract asks for at a path, in words."""
    node = contract.nodes.get(path)
    if node is None:
        return "not declared"
    if node.enum is not None:
        return "one of " + ", ".join(str(value) for value in node.enum)
    return " or ".join(node.types) or "anything"
