"""Which observed paths a contract does not declare."""

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
