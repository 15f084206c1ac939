"""The answer to "is there a value that meets all of these?": a value, a proof that there is none, or neither."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, NamedTuple


class State(StrEnum):
    """EMPTY is proven; UNKNOWN claims nothing."""

    INHABITED = "inhabited"
    EMPTY = "empty"
    UNKNOWN = "unknown"


class Outcome(NamedTuple):
    """`witness` is the value, where the state is INHABITED."""

    state: State
    witness: Any = None


EMPTY: Final = Outcome(State.EMPTY)
UNKNOWN: Final = Outcome(State.UNKNOWN)


def inhabited(witness: Any) -> Outcome:
    """A value was found."""
    return Outcome(State.INHABITED, witness)
