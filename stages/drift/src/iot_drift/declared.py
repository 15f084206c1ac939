"""How an observed path, type or value relates to what a contract declares."""

from __future__ import annotations

from iot_common.engine.added_path import added_code, parent_of
from iot_common.engine.contract import Contract
from iot_common.engine.events import EventCode

__all__ = ["added_code", "expected_text", "is_new_value", "parent_of", "type_code"]


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
