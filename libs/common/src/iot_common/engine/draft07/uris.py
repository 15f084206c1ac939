"""URI references and JSON pointers, as draft-07's `$id` and `$ref` use them.

`urllib.parse.urljoin` resolves only against the schemes that it knows: a `urn:` base loses its name there.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

_PARTS: Final = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
"""RFC 3986, appendix B, but that a scheme must be one: scheme, authority, path, query, fragment."""

_Parts = tuple[str | None, str | None, str, str | None, str | None]


def resolve_reference(base: str, reference: str) -> str:
    """The target of a reference seen from a base (RFC 3986, section 5.2); an empty base changes nothing."""
    if not base:
        return reference
    scheme, authority, path, query, fragment = _split(reference)
    if scheme is not None:
        return _join((scheme, authority, _without_dots(path), query, fragment))
    base_scheme, base_authority, base_path, base_query, _ = _split(base)
    if authority is not None:
        return _join((base_scheme, authority, _without_dots(path), query, fragment))
    if not path:
        query = base_query if query is None else query
        return _join((base_scheme, base_authority, base_path, query, fragment))
    if not path.startswith("/"):
        path = _merged(base_authority, base_path, path)
    return _join((base_scheme, base_authority, _without_dots(path), query, fragment))


def split_fragment(uri: str) -> tuple[str, str]:
    """The URI without its fragment, and the fragment with percent-encoding undone."""
    absolute, _, fragment = uri.partition("#")
    return absolute, unquote(fragment)


def pointer_tokens(pointer: str) -> list[str]:
    """The keys of a JSON pointer (RFC 6901) that starts with `/`."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def pointer_to(parent: str, *keys: str | int) -> str:
    """The JSON pointer of a place below another."""
    escaped = (str(key).replace("~", "~0").replace("/", "~1") for key in keys)
    return "/".join((parent, *escaped))


def _split(uri: str) -> _Parts:
    match = _PARTS.fullmatch(uri)
    assert match is not None, "every text is a URI reference to this expression"
    scheme, authority, path, query, fragment = match.groups()
    return scheme, authority, path, query, fragment


def _join(parts: _Parts) -> str:
    scheme, authority, path, query, fragment = parts
    text = "" if scheme is None else f"{scheme}:"
    text += "" if authority is None else f"//{authority}"
    text += path
    text += "" if query is None else f"?{query}"
    return text + ("" if fragment is None else f"#{fragment}")


def _merged(base_authority: str | None, base_path: str, path: str) -> str:
    if base_authority is not None and not base_path:
        return "/" + path
    folder, slash, _ = base_path.rpartition("/")
    return folder + slash + path


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4; a path without slashes (`urn:`) has no dot segments worth the name."""
    if "/" not in path:
        return path
    segments = path.split("/")
    kept: list[str] = []
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment in (".", ".."):
            if segment == ".." and len(kept) > (1 if segments[0] == "" else 0):
                kept.pop()
            if last:
                kept.append("")
        else:
            kept.append(segment)
    return "/".join(kept)
