"""A contract as generated Python: one straight-line function for records whose declared part is flawless.

It answers only what it is sure of. A record with every declared field present and valid comes back as its leaves,
with the undeclared fields beside them; for everything else it returns None and the general walk of `classify`
speaks. A property test holds both equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from iot_common.engine import timestamps
from iot_common.engine.contract import Contract, Node
from iot_common.engine.draft07.checks import remembering
from iot_common.engine.exact_number import ExactNumber
from iot_common.engine.parse import child_path


class Extra(NamedTuple):
    """An undeclared field; `closed` where the contract forbids it, `nested` below the top level."""

    path: str
    value: Any
    closed: bool
    nested: bool


FastCheck = Callable[[dict[str, Any]], tuple[Any, ...] | None]
"""Record -> (leaf, ..., shape key, extras or None), or None. A `date-time` leaf is microseconds since the epoch."""

MEMO_LIMIT: Final = 100_000
"""Texts that passed a pattern and are remembered: a fleet repeats its device ids, and a set is 5 x a search."""

_EXACT_INTEGER: Final = 2**53
_COMPARISONS: Final = {
    "minimum": "<",
    "exclusiveMinimum": "<=",
    "maximum": ">",
    "exclusiveMaximum": ">=",
}


def compile_fast_check(contract: Contract, paths: Sequence[str]) -> FastCheck | None:
    """Generate the check, with the leaves in the order of `paths`.

    The shape key is equal for records whose declared parts have equal shapes.

    Returns:
        None where the contract is not plain enough (arrays, constraints beyond those of the given contract) or
        where its leaves are not exactly `paths`: then only the general walk may judge.
    """
    if sorted(paths) != sorted(contract.leaf_paths):
        return None
    writer = _Writer()
    if not writer.object(contract.root, "record"):
        return None
    results = [*(writer.leaves[path] for path in paths), writer.shape_key(), "extras"]
    source = "\n".join(
        [
            "def check(record):",
            "  extras = None",
            "  try:",
            *writer.lines,
            "  except KeyError:",
            "    return None",
            f"  return ({', '.join(results)})",
        ]
    )
    namespace = dict(writer.constants)
    exec(compile(source, f"<contract {contract.version}>", "exec"), namespace)
    check: FastCheck = namespace["check"]
    return check


class _Writer:
    """Collects the lines of one function and the constants that they name. No text of a schema becomes code."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self.leaves: dict[str, str] = {}
        self._shape_parts: list[str] = []
        self._variables = 0

    def object(self, node: Node, variable: str) -> bool:
        """Every declared key is found; where there are more, the rest is collected."""
        if (
            not node.plain
            or node.types != ("object",)
            or not node.properties
            or node.sizes
            or node.enum is not None
            or node.const
        ):
            return False
        if isinstance(node.additional, Node) or set(node.required) - node.properties.keys():
            return False
        self._require(f"type({variable}) is not dict")
        if not all(self._member(child, key, variable) for key, child in node.properties.items()):
            return False
        collect = self._constant(_collector(node))
        self._line(f"if len({variable}) != {len(node.properties)}: extras = {collect}({variable}, extras)")
        return True

    def shape_key(self) -> str:
        """Types that may vary within a conforming record, and the values of enums."""
        return f"({''.join(f'{part}, ' for part in self._shape_parts)})"

    def _member(self, node: Node, key: str, parent: str) -> bool:
        variable = f"v{self._variables}"
        self._variables += 1
        self._line(f"{variable} = {parent}[{self._constant(key)}]")
        if node.types == ("object",):
            return self.object(node, variable)
        if (
            not node.plain
            or node.never
            or node.items is not None
            or node.properties
            or node.const
            or node.sizes
        ):
            return False
        self.leaves[node.path] = variable
        if node.types == ("number",):
            return self._number(node, variable)
        return node.types == ("string",) and self._string(node, variable)

    def _number(self, node: Node, variable: str) -> bool:
        if node.enum is not None or not _keeps_integers_exact(node):
            return False
        self._require(f"type({variable}) is not float and type({variable}) is not int")
        for keyword, bound in node.bounds.items():
            self._require(f"{variable} {_COMPARISONS[keyword]} {self._constant(bound)}")
        self._shape_parts.append(f"type({variable})")
        return True

    def _string(self, node: Node, variable: str) -> bool:
        self._require(f"type({variable}) is not str")
        if node.enum is not None:
            if any(not isinstance(each, str) for each in node.enum):
                return False
            self._require(f"{variable} not in {self._constant(frozenset(node.enum))}")
            self._shape_parts.append(variable)
        if node.pattern is not None:
            accepted: set[str] = set()
            memo, search = (
                self._constant(accepted),
                self._constant(remembering(node.pattern.search, accepted, MEMO_LIMIT)),
            )
            self._require(f"{variable} not in {memo} and not {search}({variable})")
        if node.format == "date-time":
            self._line(f"{variable} = {self._constant(timestamps.parse_fast)}({variable})")
            self._require(f"{variable} is None")
        return node.format in (None, "date-time")

    def _constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def _line(self, text: str) -> None:
        self.lines.append(f"    {text}")

    def _require(self, refusal: str) -> None:
        self._line(f"if {refusal}: return None")


def _keeps_integers_exact(node: Node) -> bool:
    """Bounded on both sides within what a float64 counts exactly, so that any integer leaf may become one."""
    bounds = node.bounds
    if any(isinstance(bound, ExactNumber) or abs(bound) > _EXACT_INTEGER for bound in bounds.values()):
        return False
    return bool(
        bounds.keys() & {"minimum", "exclusiveMinimum"} and bounds.keys() & {"maximum", "exclusiveMaximum"}
    )


def _collector(node: Node) -> Callable[[dict[str, Any], list[Extra] | None], list[Extra]]:
    """Gathers undeclared members; a spelling that folds to a declared key raises KeyError: not for this lane."""
    declared, folded = frozenset(node.properties), node.folded
    closed, nested = node.additional is False, bool(node.path)

    def collect(members: dict[str, Any], extras: list[Extra] | None) -> list[Extra]:
        found = [] if extras is None else extras
        for key, value in members.items():
            if key not in declared:
                if key.lower() in folded:
                    raise KeyError(key)
                found.append(Extra(child_path(node.path, key), value, closed, nested))
        return found

    return collect
