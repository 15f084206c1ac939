"""The documents that a schema may refer to, found by `$id`, by JSON pointer, and by nothing else: no network.

A *base* is the URI around a schema. A schema's own `$id` changes it for what is within: every function here takes
and gives the base around a schema, and `base_of` gives the one within.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from iot_common.engine.draft07 import keywords
from iot_common.engine.draft07.uris import pointer_tokens, resolve_reference, split_fragment
from iot_common.engine.errors import ContractError
from iot_common.engine.exact_number import read_decimal, read_integer

META_SCHEMA_URI: Final = "http://json-schema.org/draft-07/schema"
_DRAFT_07_NAMES: Final = frozenset({META_SCHEMA_URI, META_SCHEMA_URI.replace("http:", "https:")})

Placed = tuple[Any, str]
"""A schema and the base around it."""


class UnresolvableError(Exception):
    """A reference that leads to no schema; the message says why."""


def read_schema(text: str | bytes, *, name: str) -> Any:
    """The schema that a text spells, its numbers exact.

    Raises:
        ContractError: the text is no JSON.
    """
    try:
        return json.loads(
            text, parse_int=read_integer, parse_float=read_decimal, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ContractError(name, "", f"the schema is not JSON ({reason})") from error


def _refuse_constant(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")


@lru_cache(maxsize=1)
def meta_schema() -> Any:
    """Draft-07's own schema, as published."""
    file = resources.files("iot_common.engine.draft07").joinpath("draft-07.schema.json")
    return json.loads(file.read_bytes())


def dialect_of(schema: Any) -> str | None:
    """The other dialect that a schema names in `$schema`; None for draft-07 or where it names none."""
    named = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(named, str) or named.removesuffix("#") in _DRAFT_07_NAMES:
        return None
    return named


class Documents:
    """A root schema with the documents given beside it.

    The root answers to the base "" and to its `$id`; a document to its key and to its `$id`. Where two claim one URI
    the root wins, then the key. Ids within documents of other dialects are not read: their rules differ.
    """

    def __init__(self, root: Any, given: Mapping[str, Any]) -> None:
        self._resources: dict[str, Placed] = {"": (root, "")}
        self._anchors: dict[str, Placed] = {}
        self._index(root, "")
        keyed = {uri.removesuffix("#"): document for uri, document in given.items()}
        known = {META_SCHEMA_URI: meta_schema(), **keyed}
        for uri, document in known.items():
            self._resources.setdefault(uri, (document, uri))
        for uri, document in known.items():
            if dialect_of(document) is None:
                self._index(document, uri)

    def resolve(self, reference: str, base: str) -> Placed:
        """The schema that a reference names, seen from within a base.

        Raises:
            UnresolvableError: there is no such document, place or schema.
        """
        target = resolve_reference(base, reference)
        uri, fragment = split_fragment(target)
        if fragment and not fragment.startswith("/"):
            placed = self._anchors.get(f"{uri}#{fragment}")
        else:
            placed = self._resources.get(uri)
        if placed is None:
            where = f"{reference!r}" if target == reference else f"{reference!r} ({target})"
            raise UnresolvableError(
                f"$ref {where} is neither in this schema nor among the given documents; nothing is fetched"
            )
        if fragment.startswith("/"):
            placed = _at_pointer(placed, fragment, reference)
        if not isinstance(placed[0], dict | bool):
            raise UnresolvableError(f"$ref {reference!r} leads to something that is no schema")
        return placed

    def _index(self, document: Any, base: str) -> None:
        pending: list[Placed] = [(document, base)]
        while pending:
            schema, around = pending.pop()
            within = base_of(schema, around)
            if within != around:
                self._resources.setdefault(within, (schema, around))
            anchor = _anchor_of(schema)
            if anchor:
                self._anchors.setdefault(f"{within}#{anchor}", (schema, around))
            pending.extend((child.schema, within) for child in keywords.children(schema))


def base_of(schema: Any, base: str) -> str:
    """The base within a schema: changed by an `$id`, unless that is a mere anchor or stands beside a `$ref`."""
    own = _id_of(schema)
    if own is None or own.startswith("#"):
        return base
    return split_fragment(resolve_reference(base, own))[0]


def _id_of(schema: Any) -> str | None:
    if not isinstance(schema, dict) or keywords.reference_of(schema) is not None:
        return None
    own = schema.get("$id")
    return own if isinstance(own, str) else None


def _anchor_of(schema: Any) -> str:
    """The location-independent name in an `$id`: draft-07 core, section 8.2.3."""
    fragment = split_fragment(_id_of(schema) or "")[1]
    return "" if fragment.startswith("/") else fragment


def _at_pointer(placed: Placed, pointer: str, reference: str) -> Placed:
    """Follows a pointer; an `$id` on the way counts only where a schema is due, not in an unknown keyword."""
    found, base = placed
    tokens = pointer_tokens(pointer)
    schema_due, keyword_of_map = True, ""
    for token in tokens:
        if schema_due:
            base = base_of(found, base)
        found = _member(found, token, reference)
        if keyword_of_map:
            schema_due, keyword_of_map = True, ""
        elif not schema_due:
            continue
        elif token in keywords.SCHEMA_MAP or (token in keywords.SCHEMA_LIST and isinstance(found, list)):
            schema_due, keyword_of_map = False, token
        else:
            schema_due = token in keywords.SCHEMA
    return found, base


def _member(container: Any, token: str, reference: str) -> Any:
    if isinstance(container, dict) and token in container:
        return container[token]
    is_index = token.isascii() and token.isdigit() and (token == "0" or not token.startswith("0"))
    if isinstance(container, list) and is_index and len(token) < 10 and int(token) < len(container):
        return container[int(token)]
    raise UnresolvableError(f"$ref {reference!r} leads nowhere: there is no {token!r}")
