"""Who a micro-batch is: the identity that makes a repeated batch harmless."""

from __future__ import annotations

from dataclasses import dataclass

BATCH_KEY = "driftlake.batch"
"""Snapshot summary key of the batch that made a snapshot."""


@dataclass(frozen=True, slots=True)
class BatchIdentity:
    """One micro-batch of one checkpoint.

    The number alone is no identity: a new checkpoint starts at 0 again, under a new query id.
    """

    query_id: str
    batch_id: int

    @property
    def key(self) -> str:
        """The text stored in snapshot summaries and `batch` columns."""
        return f"{self.query_id}/{self.batch_id}"
