"""A contract as generated types: records that are exactly what it declares, decoded at a fifth of the general cost.

The proof is the record itself. A payload that is byte for byte what writing the decoded record gives (but for one
blank after a comma or colon) hides nothing from the decoder: no undeclared or repeated key, no digit that a float64
loses, no escape, no byte that is not UTF-8. All other payloads, another order of keys included, are for the general
way, which a property test holds equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec

from iot_common.engine.contract import Contract, Node
from iot_common.engine.fast_check import compile_fast_check

_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_]*")
_CONSTRAINTS: Final = {"minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt"}

REFUSED: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What `TypedRecord.decode` raises for a payload that is not of the type."""


class TypedRecord(NamedTuple):
    """The type of a contract's records.

    A payload is taken where `encode(decode(payload))` is the payload, or `is_spaced` says that it is, and every pattern
    matches its leaf; formats are not looked at. Leaves are attributes by their path.

    Attributes:
        decode: payload -> record; raises `REFUSED`.
        encode: record -> its text in the order of the schema.
        canonical: record -> its text with sorted keys, the same as `parse.canonical_bytes`.
        patterns: path -> search, for the leaves that have a pattern.
        objects: how many objects a record consists of.
    """

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    canonical: Callable[[Any], bytes]
    patterns: dict[str, Callable[[str], object]]
    objects: int


def is_spaced(payload: bytes, text: bytes) -> bool:
    """True where the payload is the text with one blank after some commas and colons, as Python's `json` writes.

    A comma or colon with a blank within a string makes it False: no wrong answer.
    """
    return payload.replace(b": ", b":").replace(b", ", b",") == text


def compile_typed_record(contract: Contract, paths: Sequence[str]) -> TypedRecord | None:
    """Generate the type of records whose every leaf, those of `paths`, is present.

    Returns:
        None where the contract is not plain enough: see `compile_fast_check`; or where a key is no plain name.
    """
    nodes = [contract.root, *contract.nodes.values()]
    names = {key for node in nodes for key in node.properties}
    if compile_fast_check(contract, paths) is None or not all(map(_ATTRIBUTE.fullmatch, names)):
        return None
    if not all(_has_two_whole_bounds(node) for node in nodes if node.types == ("number",)):
        return None
    return TypedRecord(
        decode=msgspec.json.Decoder(_type_of(contract.root)).decode,
        encode=msgspec.json.Encoder().encode,
        canonical=msgspec.json.Encoder(order="sorted").encode,
        patterns={
            node.path: node.pattern.search for node in contract.nodes.values() if node.pattern is not None
        },
        objects=sum(node.is_object for node in nodes),
    )


def _has_two_whole_bounds(node: Node) -> bool:
    """What msgspec can check of an integer and of a float alike."""
    return len(node.bounds) == 2 and all(type(bound) is int for bound in node.bounds.values())


def _type_of(node: Node) -> Any:
    if node.is_object:
        members = [(key, _type_of(child)) for key, child in node.properties.items()]
        # Records hold no circles: the collector need not look at them.
        return msgspec.defstruct("Record", members, gc=False)
    if node.types == ("number",):
        bounds: dict[str, Any] = {_CONSTRAINTS[key]: bound for key, bound in node.bounds.items()}
        limits = msgspec.Meta(**bounds)
        # Both, so that `21` stays an integer: the type as written belongs to the record's shape.
        return Annotated[int, limits] | Annotated[float, limits]
    return str if node.enum is None else Literal[tuple(node.enum)]
