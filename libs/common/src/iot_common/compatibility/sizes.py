"""Sizes of strings, arrays and objects."""

from __future__ import annotations


def size_range(keyword: str, size: int, holds: bool) -> tuple[int, int | None]:
    """The sizes, from and up to, that a `min...` or `max...` keyword leaves, or leaves where it is broken."""
    if keyword.startswith("min"):
        return (size, None) if holds else (0, size - 1)
    return (0, size) if holds else (size + 1, None)
