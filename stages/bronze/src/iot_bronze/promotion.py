"""When blocks go to Iceberg: the rule, with its numbers. Pure.

Blocks are many small files, which Avro bears and Iceberg does not: each commit adds metadata for ever, and 96 small
files a day make every scan slow. So blocks are promoted, oldest first and all that are there, when together they
reach the target file size, or when their oldest row has waited so long that ad-hoc readers should have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Block:
    """A committed Avro block, as the rule sees it."""

    sequence: int
    path: str
    rows: int
    bytes: int
    oldest_ingest_time: datetime | None


def promotion_due(blocks: Sequence[Block], now: datetime, promote_bytes: int, promote_minutes: int) -> bool:
    """True if the unpromoted blocks reach the size, or their oldest row the age."""
    if not blocks:
        return False
    if sum(block.bytes for block in blocks) >= promote_bytes:
        return True
    arrivals = [block.oldest_ingest_time for block in blocks if block.oldest_ingest_time is not None]
    return bool(arrivals) and now - min(arrivals) >= timedelta(minutes=promote_minutes)
