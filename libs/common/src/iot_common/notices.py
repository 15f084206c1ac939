"""Notices: what people must hear of once, while the data flows on. Pure; `iot_common.io.notices` writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

MISSING_SCHEMA = "NotifyMissingSchema"
"""Records claim a contract version that nobody registered."""

COLUMN_BUDGET = "ColumnBudgetReached"
"""Undeclared fields earned a column, but the table has all it may have."""

CIRCUIT_OPENED = "CircuitOpened"
"""Most records of a schema version fail: silver holds them back."""


@dataclass(frozen=True)
class Notice:
    """One notice. Kind and subject are its identity: the same again says nothing new.

    Attributes:
        kind: What it is about, e.g. MISSING_SCHEMA.
        subject: About which one: a contract version, a table.
        stage: Who says so.
        text: What happened and what to do, in a sentence or two.
        raised_time: When it was first said.
        facts: Numbers and examples, as JSON can say them.
    """

    kind: str
    subject: str
    stage: str
    text: str
    raised_time: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of its object: readable, safe in any store, and the same for the same kind and subject."""
        digest = blake2b(f"{self.kind}\n{self.subject}".encode(), digest_size=6).hexdigest()
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", self.subject)[:60].strip("-.")
        return "-".join(part for part in (self.kind, readable, digest) if part) + ".json"
