"""Is there a number that meets all of some constraints? Exact on decimals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor, gcd, lcm
from typing import Final

from iot_common.compatibility.exact import NumberTooLargeError, number_of
from iot_common.compatibility.outcome import EMPTY, UNKNOWN, Outcome, inhabited

_MOST_MULTIPLES: Final = 5_000
"""So many multiples in an interval are tried one by one; that decides. Of more, the first are tried."""

_PLAIN: Final = tuple(Fraction(text) for text in ("0", "1", "-1", "10", "100", "0.5", "1.5", "-0.5"))
_OFFSETS: Final = tuple(Fraction(text) for text in ("0.1", "0.01", "0.001", "0.5", "0.123456789", "0.7"))


@dataclass
class NumberGoal:
    """Constraints on one number. `low_open`: the bound itself is out."""

    low: Fraction | None = None
    low_open: bool = False
    high: Fraction | None = None
    high_open: bool = False
    steps: list[Fraction] = field(default_factory=list)
    no_steps: list[Fraction] = field(default_factory=list)
    excluded: set[Fraction] = field(default_factory=set)

    def at_least(self, bound: Fraction, *, is_open: bool) -> None:
        """Adds a lower bound."""
        if self.low is None or (bound, is_open) > (self.low, self.low_open):
            self.low, self.low_open = bound, is_open

    def at_most(self, bound: Fraction, *, is_open: bool) -> None:
        """Adds an upper bound."""
        if self.high is None or (-bound, is_open) > (-self.high, self.high_open):
            self.high, self.high_open = bound, is_open

    def admits(self, number: Fraction) -> bool:
        """True if the number meets everything."""
        return (
            self._within(number)
            and all((number / step).denominator == 1 for step in self.steps)
            and not any((number / step).denominator == 1 for step in self.no_steps)
            and number not in self.excluded
        )

    def _within(self, number: Fraction) -> bool:
        above = self.low is None or number > self.low or (number == self.low and not self.low_open)
        below = self.high is None or number < self.high or (number == self.high and not self.high_open)
        return above and below


def solve_number(goal: NumberGoal) -> Outcome:
    """Always exact but where an interval without end holds none of the multiples tried."""
    if goal.low is not None and goal.high is not None:
        if goal.low > goal.high or (goal.low == goal.high and (goal.low_open or goal.high_open)):
            return EMPTY
        if goal.low == goal.high:
            return _first(goal, iter([goal.low]), exhaustive=True)
    if not goal.steps:
        # Infinitely many decimals, of which multiples and a finite set are left out: some remain.
        return _first(goal, _spread(goal), exhaustive=False)
    return _on_lattice(goal)


def _on_lattice(goal: NumberGoal) -> Outcome:
    step = goal.steps[0]
    for other in goal.steps[1:]:
        step = Fraction(lcm(step.numerator, other.numerator), gcd(step.denominator, other.denominator))
    if any((step / other).denominator == 1 for other in goal.no_steps):
        return EMPTY
    first = None if goal.low is None else ceil(goal.low / step)
    last = None if goal.high is None else floor(goal.high / step)
    if first is None and last is None:
        return _first(goal, (k * step for k in _around_zero()), exhaustive=False)
    if first is None:
        assert last is not None
        return _first(goal, ((last - k) * step for k in range(_MOST_MULTIPLES)), exhaustive=False)
    if last is None:
        return _first(goal, ((first + k) * step for k in range(_MOST_MULTIPLES)), exhaustive=False)
    exhaustive = last - first < _MOST_MULTIPLES
    end = last + 1 if exhaustive else first + _MOST_MULTIPLES
    return _first(goal, (k * step for k in range(first, end)), exhaustive=exhaustive)


def _around_zero() -> Iterator[int]:
    yield 0
    for size in range(1, _MOST_MULTIPLES // 2):
        yield size
        yield -size


def _spread(goal: NumberGoal) -> Iterator[Fraction]:
    """Plain numbers first, then ones ever closer to the bounds or further out."""
    yield from _PLAIN
    low, high = goal.low, goal.high
    for bound in (low, high):
        if bound is not None:
            yield bound
    if low is not None and high is not None:
        for parts in (2, 4, 5, 8, 10, 1000, 1024, 10**6, 2**20 * 5**20):
            for k in (1, 3, 7):
                yield low + (high - low) * k / parts
        for k in range(1, 400):
            yield low + (high - low) * k / 1000
        return
    base = low if low is not None else high if high is not None else Fraction(0)
    sign = -1 if low is None and high is not None else 1
    for offset in _OFFSETS:
        yield base + sign * offset
    for size in range(1, 400):
        yield base + sign * size
        yield base + sign * (size + Fraction(1, 10**7) * size)


def _first(goal: NumberGoal, candidates: Iterator[Fraction], *, exhaustive: bool) -> Outcome:
    for number in candidates:
        if goal.admits(number):
            try:
                return inhabited(number_of(number))
            except NumberTooLargeError:
                exhaustive = False
    return EMPTY if exhaustive else UNKNOWN
