"""The migration rule that changes the unit of a value, and changes it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any, Final

from iot_common.engine.events import MISSING
from iot_common.engine.exact_number import ExactNumber, compare, normal_form, read_number
from iot_common.engine.migration_paths import Steps, objects_at, place, split_at_array, take, value_at
from iot_common.engine.migration_rules import Rule, set_aside
from iot_common.engine.parse import json_type

_Conversion = Callable[[float], float]


def _context(digits: int) -> Context:
    """No traps: what overflows is infinite and refused. Bounded work whatever the exponents of a hostile number."""
    return Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])


_EXACT: Final = _context(50)
"""Wide enough that a quotient that does not end still leads back to any number of 30 digits."""
_DIGITS: Final = tuple(_context(digits) for digits in (*range(1, 18), 34))
"""17 digits tell any two floats apart (IEEE 754); the last one is for what was written with more."""
_EXACT_INTEGER: Final = 2**53
_EXPONENT_LIMIT: Final = 10**15
_PLACES: Final = tuple(Decimal(1).scaleb(-places) for places in range(18))


@dataclass(frozen=True)
class Unit(Rule):
    """new = (old + add) * multiply / divide, in decimals; silver's policy table writes its conversions so, too.

    With `unit_path` the rule holds for values whose unit is `source` there, and writes `to` in its place. What is no
    number is set aside: in the new place it would be read in the new unit. The way back is exact for numbers of up to
    34 digits that are not lost beside `add` (1e-60 K in degrees Celsius).
    """

    path: Steps
    add: Decimal
    multiply: Decimal
    divide: Decimal
    unit_path: Steps | None = None
    source: str = ""
    to: str = ""
    one_way: bool = False

    @property
    def target(self) -> Steps:
        """It stays where it is."""
        return self.path

    def upgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> bool:
        """Old unit to new."""
        return self._apply(record, aside, self.source, self.to, self.forward)

    def downgrade(self, record: dict[str, Any], aside: dict[str, Any]) -> None:
        """New unit to old."""
        self._apply(record, aside, self.to, self.source, self.backward)

    def _apply(
        self, record: dict[str, Any], aside: dict[str, Any], old: str, new: str, convert: _Conversion
    ) -> bool:
        scope, keys = split_at_array(self.path)
        changed = False
        for within in objects_at(record, scope):
            value = value_at(within, keys)
            if value is MISSING or value is None or not self._has_unit(within, old):
                continue
            if json_type(value) not in ("integer", "number"):
                set_aside(aside, self.path, take(within, keys))
                continue
            place(within, keys, convert(value))
            if self.unit_path is not None:
                place(within, split_at_array(self.unit_path)[1], new)
            changed = True
        return changed

    def _has_unit(self, within: dict[str, Any], unit: str) -> bool:
        return self.unit_path is None or value_at(within, split_at_array(self.unit_path)[1]) == unit

    def forward(self, old: float) -> float:
        """The value in the new unit: the nearest float where that leads back, else with all digits that are needed."""
        exact = self._new(exact_decimal(old))
        nearest = float(exact)
        if nearest - nearest != 0 or compare(self.backward(nearest), old) != 0:
            return ExactNumber(str(exact.normalize(_EXACT)))
        whole = json_type(old) == "integer" and nearest.is_integer() and abs(nearest) <= _EXACT_INTEGER
        return int(nearest) if whole else nearest

    def backward(self, new: float) -> float:
        """The value in the old unit: the shortest one that leads here, else one of 34 digits."""
        exact = self._old(exact_decimal(new))
        found = next(
            (each for each in _shortest_first(exact) if self._leads_to(each, new)), _DIGITS[-1].plus(exact)
        )
        text = str(found.normalize(_EXACT))
        return read_number(text) or ExactNumber(text)

    def _leads_to(self, old: Decimal, new: float) -> bool:
        exact = self._new(old)
        return exact == exact_decimal(new) if isinstance(new, ExactNumber) else float(exact) == new

    def _new(self, old: Decimal) -> Decimal:
        return _EXACT.divide(_EXACT.multiply(_EXACT.add(old, self.add), self.multiply), self.divide)

    def _old(self, new: Decimal) -> Decimal:
        return _EXACT.subtract(_EXACT.divide(_EXACT.multiply(new, self.divide), self.multiply), self.add)


def _shortest_first(exact: Decimal) -> Iterator[Decimal]:
    """Roundings of a number: by decimal places, so that -4E-15 is found to be 0, then by digits."""
    if exact.adjusted() < len(_PLACES):
        yield from (exact.quantize(places, context=_EXACT) for places in _PLACES)
    yield from (rounded.plus(exact) for rounded in _DIGITS)


def exact_decimal(number: float) -> Decimal:
    """The number as it was written; exponents that no Decimal has stand for infinity and for zero."""
    form = normal_form(number)
    exponent = max(min(form.exponent, _EXPONENT_LIMIT), -_EXPONENT_LIMIT)
    return Decimal(f"{'-' if form.negative else ''}{form.digits}E{exponent}")
