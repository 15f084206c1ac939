"""Places: the prefixes beside its tables that a stage touches. What a stage's role may do follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Place = Literal["landing", "contracts", "blocks", "oversize", "metric_inbox", "notices"]
"""`landing` and `contracts` are filled by producers and teams, the others by stages, under the warehouse."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one stage. Its checkpoints, and writing its own metric rows, every stage has besides.

    Attributes:
        reads: opened, never changed.
        writes: written, and read back.
        clears: of those, where the stage also deletes.
    """

    reads: tuple[Place, ...] = ()
    writes: tuple[Place, ...] = ()
    clears: tuple[Place, ...] = ()
