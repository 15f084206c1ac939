"""What is known of draft-07's formats beside the validator's verdicts: strings of each, and what all of them have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SAMPLES: Final = (
    "2026-03-06T00:00:31Z", "2026-03-06T00:00:31.997+05:30", "2026-03-06", "00:00:31Z", "a@example.org", "example.org",
    "192.0.2.1", "2001:db8::1", "https://example.org/a?b=c#d", "urn:a:b", "/a/b", "1/a", "http://example.org/{id}",
    "^a+$", "a", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "P1D", "jos\u00e9@ex\u00e4mple.org", "b\u00fccher.example",
    "https://ex\u00e4mple.org/\u00e4", "", " ", "#", "not a format", "(", "%", "-", "2026-13-45", "..", "~", "{", "[",
    "999.1.1.1", ":::", "a b@c", "0", "1.0.0", "yesterday", "a:b", "a_b", "xn--a", "\\", "{a", "a.", "0a",
    "//", "\u00e4",
)  # fmt: skip
"""One or more of each format, and strings that are of none."""

OUTLINES: Final = {
    "date-time": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    "date": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "time": r"^[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    "ipv4": r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$",
    "ipv6": "^[0-9A-Fa-f:.]{2,45}$",
    "email": "^[ -~]{3,320}$",
    "hostname": "^[A-Za-z0-9.-]{1,253}$",
}
"""A pattern that every string of the format matches; many others may match it too. So `format: date` is proven to be
within `maxLength: 10`. A test holds each against the format itself."""

_SUFFIXED: Final = ("https://example.org/", "/", "1/", "a", "", "{", "b\u00fccher/")


def long_samples(least: int) -> Iterator[str]:
    """Strings of some formats, and of none, at least so long."""
    if not 0 < least <= 100_000:
        return
    for start in _SUFFIXED:
        yield start + "a" * max(0, least - len(start))
    yield "2026-03-06T00:00:31." + "9" * max(1, least - 21) + "Z"
    yield "00:00:31." + "9" * max(1, least - 10) + "Z"
    labels = ".".join(["a" * 60] * (least // 61 + 1))
    for length in (60, 64):
        yield "a" * length + "@" + labels[: max(1, least - length - 1)].strip(".") + "a"
    yield labels[:least].strip(".") + "a"
