"""URIs (RFC 3986), IRIs (RFC 3987) and URI templates (RFC 6570), by their grammars."""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from iot_common.engine.hosts import is_ipv6

_PARTS: Final = re.compile(
    r"(?:([^:/?#]*+):)?(?://([^/?#]*+))?([^?#]*+)(?:\?([^#]*+))?(?:#(.*+))?", re.DOTALL
)
"""RFC 3986, appendix B: any text at all has these parts; what each may hold is asked afterwards."""
_SCHEME: Final = re.compile("[A-Za-z][A-Za-z0-9+.-]*+")
_PORT: Final = re.compile("[0-9]*+")
_IP_FUTURE: Final = re.compile(r"[vV][0-9A-Fa-f]++\.[A-Za-z0-9._~!$&'()*+,;=:-]++")
_PERCENT: Final = "%[0-9A-Fa-f]{2}"
_PLAIN: Final = r"A-Za-z0-9._~!$&'()*+,;=\-"
"""Unreserved characters and sub-delimiters (RFC 3986, sections 2.2 and 2.3), for a class."""
_UCSCHAR: Final = (
    "\\u00a0-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\uffef"
    + "".join(f"\\U{plane:04x}0000-\\U{plane:04x}fffd" for plane in range(1, 14))
    + "\\U000e1000-\\U000efffd"
)
"""RFC 3987, section 2.2."""
_IPRIVATE: Final = "\\ue000-\\uf8ff\\U000f0000-\\U000ffffd\\U00100000-\\U0010fffd"


class _Grammar(NamedTuple):
    """What each part may hold: the same in URI and IRI but for the characters beyond ASCII."""

    userinfo: re.Pattern[str]
    registered_name: re.Pattern[str]
    path: re.Pattern[str]
    query: re.Pattern[str]
    fragment: re.Pattern[str]


def _characters(allowed: str) -> re.Pattern[str]:
    return re.compile(f"(?:[{allowed}]++|{_PERCENT})*+")


@cache
def _grammar(*, international: bool) -> _Grammar:
    """Compiled when first asked for: the international one takes milliseconds."""
    plain = _PLAIN + (_UCSCHAR if international else "")
    return _Grammar(
        userinfo=_characters(plain + ":"),
        registered_name=_characters(plain),
        path=_characters(plain + ":@/"),
        query=_characters(plain + ":@/?" + (_IPRIVATE if international else "")),
        fragment=_characters(plain + ":@/?"),
    )


def is_uri(text: str) -> bool:
    """RFC 3986, section 3: with a scheme."""
    return _conforms(text, _grammar(international=False), relative=False)


def is_uri_reference(text: str) -> bool:
    """RFC 3986, section 4.1: a URI or a relative reference."""
    return _conforms(text, _grammar(international=False), relative=True)


def is_iri(text: str) -> bool:
    """RFC 3987, section 2.2: with a scheme."""
    return _conforms(text, _grammar(international=True), relative=False)


def is_iri_reference(text: str) -> bool:
    """RFC 3987, section 2.2: an IRI or a relative reference."""
    return _conforms(text, _grammar(international=True), relative=True)


def _conforms(text: str, grammar: _Grammar, *, relative: bool) -> bool:
    match = _PARTS.fullmatch(text)
    assert match is not None, "every text has parts, if empty ones"
    scheme, authority, path, query, fragment = match.groups()
    # A relative path whose first segment has a colon would read as a scheme (path-noscheme): it is refused here too.
    if _SCHEME.fullmatch(scheme) is None if scheme is not None else not relative:
        return False
    if authority is not None and not _is_authority(authority, grammar):
        return False
    return (
        grammar.path.fullmatch(path) is not None
        and (query is None or grammar.query.fullmatch(query) is not None)
        and (fragment is None or grammar.fragment.fullmatch(fragment) is not None)
    )


def _is_authority(authority: str, grammar: _Grammar) -> bool:
    """RFC 3986, section 3.2: userinfo, host and port."""
    userinfo, at, address = authority.rpartition("@")
    if at and grammar.userinfo.fullmatch(userinfo) is None:
        return False
    if address.startswith("["):
        literal, closed, port = address[1:].partition("]")
        if not closed or not (is_ipv6(literal) or _IP_FUTURE.fullmatch(literal)):
            return False
        return not port or (port.startswith(":") and _PORT.fullmatch(port, 1) is not None)
    host, _, port = address.partition(":")
    return grammar.registered_name.fullmatch(host) is not None and _PORT.fullmatch(port) is not None


_LITERALS: Final = rf"[!#$&'(-;=?-\[\]_a-z~{_UCSCHAR}{_IPRIVATE}]++"
_VARIABLE_CHAR: Final = rf"(?:[A-Za-z0-9_]|{_PERCENT})"
_VARIABLE: Final = rf"{_VARIABLE_CHAR}++(?:\.{_VARIABLE_CHAR}++)*+(?::[1-9][0-9]{{0,3}}|\*)?"
_EXPRESSION: Final = rf"\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*+\}}"
_URI_TEMPLATE: Final = rf"(?:{_LITERALS}|{_PERCENT}|{_EXPRESSION})*+"


def is_uri_template(text: str) -> bool:
    """RFC 6570, section 2 (with erratum 6937: an apostrophe is a literal): literals and expressions."""
    return re.fullmatch(_URI_TEMPLATE, text) is not None
