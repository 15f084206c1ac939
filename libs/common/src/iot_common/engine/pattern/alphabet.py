"""Characters by class: two characters that no set of a pattern tells apart are one symbol to its matcher."""

from __future__ import annotations

from bisect import bisect_right

from iot_common.engine.pattern.code_points import Ranges, contains


class Alphabet(dict[str, int]):
    """The class of each character, filled as characters are met.

    Attributes:
        containing: for each set the classes in it, as bits.
        end: the class that stands for no character, before the first and behind the last.
        width: number of classes, `end` included.
    """

    def __init__(self, sets: list[Ranges]) -> None:
        super().__init__()
        self._starts = sorted(
            {0, *(edge for ranges in sets for low, high in ranges for edge in (low, high + 1))}
        )
        numbers: dict[tuple[bool, ...], int] = {}
        self._classes: list[int] = []
        for start in self._starts:
            signature = tuple(contains(ranges, start) for ranges in sets)
            self._classes.append(numbers.setdefault(signature, len(numbers)))
        self.containing = [
            sum(1 << number for signature, number in numbers.items() if signature[index])
            for index in range(len(sets))
        ]
        self.end = len(numbers)
        self.width = self.end + 1

    def __missing__(self, char: str) -> int:
        number = self._classes[bisect_right(self._starts, ord(char)) - 1]
        self[char] = number
        return number
