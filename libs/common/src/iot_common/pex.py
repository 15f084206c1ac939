"""Makes a PEX importable in the processes of a Spark job."""

from __future__ import annotations


def activate() -> None:
    """Nothing to do unless the process runs from a PEX."""
