"""Idempotency keys: the same for every delivery of the same reading."""

from __future__ import annotations

from hashlib import blake2b

_DIGEST_BYTES = 16
"""128 bits: by the birthday bound, 10^12 readings collide with a chance of about 10^-15."""


def idempotency_key(device_id: str, event_micros: int, canonical: bytes) -> str:
    """The key of a record with an identity, however its text was spaced and its keys ordered.

    Args:
        device_id: as the record says it.
        event_micros: raw event time, microseconds since the epoch.
        canonical: the record's text with sorted keys and exact numbers.
    """
    content = b"%b\x1f%d\x1f%b" % (device_id.encode(), event_micros, canonical)
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()


def key_of_bytes(content: bytes) -> str:
    """The key of what has no identity: its exact bytes."""
    return blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()
