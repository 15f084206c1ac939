"""Ranges of schema versions, such as `>=1.0.0,<2.0.0`: from the first, up to but not including the second."""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, int, int]

_RANGE = re.compile(r">=(\d+\.\d+\.\d+),<(\d+\.\d+\.\d+)")


def parsed(version: str) -> Version:
    """A version such as `1.2.0` as numbers, which compare as versions do.

    Raises:
        ValueError: If it is none.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ValueError(f"{version!r} is no version such as 1.2.0")
    major, minor, patch = version.split(".")
    return int(major), int(minor), int(patch)


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Schema versions of one table that a release works with: `first` is the lowest, `below` the first too high."""

    first: Version
    below: Version

    @classmethod
    def of(cls, text: str) -> VersionRange:
        """The range that a text such as `>=1.0.0,<2.0.0` says.

        Raises:
            ValueError: If it says none, or an empty one.
        """
        found = _RANGE.fullmatch(text.replace(" ", ""))
        if not found:
            raise ValueError(f"{text!r} is no range such as >=1.0.0,<2.0.0")
        made = cls(parsed(found[1]), parsed(found[2]))
        if made.first >= made.below:
            raise ValueError(f"{text!r} holds no version")
        return made

    @classmethod
    def of_major(cls, version: str) -> VersionRange:
        """All versions of the same major: within one, columns are only added (expand/contract)."""
        major = parsed(version)[0]
        return cls((major, 0, 0), (major + 1, 0, 0))

    def __contains__(self, version: str) -> bool:
        """True if a version lies in it."""
        return self.first <= parsed(version) < self.below

    def overlaps(self, other: VersionRange) -> bool:
        """True if some version lies in both."""
        return max(self.first, other.first) < min(self.below, other.below)

    def __str__(self) -> str:
        """As it is written."""
        return f">={_dotted(self.first)},<{_dotted(self.below)}"


def _dotted(version: Version) -> str:
    return ".".join(str(part) for part in version)
