"""Where commands write: a terminal, or a file or pipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def open_console(*, stderr: bool = False) -> Console:
    """A console as wide as its terminal; imports rich only when one is asked for."""
    from rich.console import Console

    console = Console(stderr=stderr)
    # Without a terminal rich assumes 80 columns, too few for our tables; a file has no edge.
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(stderr=stderr, width=160)
