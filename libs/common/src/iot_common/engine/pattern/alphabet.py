"""Characters by class: two characters that no set of a pattern tells apart are one symbol to its matcher."""

from __future__ import annotations

from bisect import bisect_right

from iot_common.engine.pattern.code_points import Ranges


class Alphabet(dict[str, int]):
    """The class of each character, filled as characters are met.

    Attributes:
        sets_of: for each class the sets it is in, as bits.
        end: the class that stands for no character, before the first and behind the last; it is in no set.
        width: number of classes, `end` included.
    """

    def __init__(self, sets: list[Ranges]) -> None:
        super().__init__()
        toggled: dict[int, int] = {0: 0}
        for number, ranges in enumerate(sets):
            for low, high in ranges:
                toggled[low] = toggled.get(low, 0) ^ 1 << number
                toggled[high + 1] = toggled.get(high + 1, 0) ^ 1 << number
        self._starts = sorted(toggled)
        numbers: dict[int, int] = {}
        self._classes: list[int] = []
        inside = 0
        for start in self._starts:
            inside ^= toggled[start]
            self._classes.append(numbers.setdefault(inside, len(numbers)))
        self.sets_of = [*numbers, 0]
        self.end = len(numbers)
        self.width = self.end + 1

    def __missing__(self, char: str) -> int:
        number = self._classes[bisect_right(self._starts, ord(char)) - 1]
        self[char] = number
        return number
