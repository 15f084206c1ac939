"""The string formats of draft-07 (validation, section 7.3): each a verdict on one text.

A name that is not here says nothing about a value, and a value that is no string conforms to every format; both are
the caller's to know. Every verdict takes time in proportion to its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from iot_common.engine.ecma_pattern import is_pattern
from iot_common.engine.hosts import is_email, is_hostname, is_idn_email, is_idn_hostname, is_ipv4, is_ipv6
from iot_common.engine.resource_identifiers import (
    is_iri,
    is_iri_reference,
    is_uri,
    is_uri_reference,
    is_uri_template,
)
from iot_common.engine.timestamps import parse_timestamp

_LEAP_SECOND_DAYS: Final = ("1998-12-31", "1999-01-01")
"""A leap second by UTC on the first; the local clock may already show the second."""
_BAD_TILDE: Final = re.compile(r"~(?![01])")
_RELATIVE_PREFIX: Final = re.compile(r"(?:0|[1-9][0-9]*+)(?:#\Z|(?=/|\Z))")


def is_date_time(text: str) -> bool:
    """RFC 3339, section 5.6: date-time."""
    return parse_timestamp(text).valid


def is_date(text: str) -> bool:
    """RFC 3339, section 5.6: full-date."""
    return len(text) == len("2026-01-01") and parse_timestamp(text + "T00:00:00Z").valid


def is_time(text: str) -> bool:
    """RFC 3339, section 5.6: full-time. Second 60 needs the minute before midnight in UTC."""
    return any(parse_timestamp(f"{day}T{text}").valid for day in _LEAP_SECOND_DAYS)


def is_json_pointer(text: str) -> bool:
    """RFC 6901, section 3."""
    return (not text or text.startswith("/")) and _BAD_TILDE.search(text) is None


def is_relative_json_pointer(text: str) -> bool:
    """draft-handrews-relative-json-pointer-01, section 3."""
    prefix = _RELATIVE_PREFIX.match(text)
    return prefix is not None and is_json_pointer(text[prefix.end() :])


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "date-time": is_date_time,
        "date": is_date,
        "time": is_time,
        "email": is_email,
        "idn-email": is_idn_email,
        "hostname": is_hostname,
        "idn-hostname": is_idn_hostname,
        "ipv4": is_ipv4,
        "ipv6": is_ipv6,
        "uri": is_uri,
        "uri-reference": is_uri_reference,
        "iri": is_iri,
        "iri-reference": is_iri_reference,
        "uri-template": is_uri_template,
        "json-pointer": is_json_pointer,
        "relative-json-pointer": is_relative_json_pointer,
        "regex": is_pattern,
    }
)
