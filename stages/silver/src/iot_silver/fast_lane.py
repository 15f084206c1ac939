"""The short way for the many: records whose declared part is flawless, with or without undeclared fields.

The lane decides nothing of its own. Whatever is not plain (a policy that stops the row, a clock ahead, a value
out of its physical range) goes the general way, and a property test holds both ways equal.
"""

from __future__ import annotations

import math
from typing import Any, Final

from iot_common.engine.classify import added_field
from iot_common.engine.contract import Contract, Node
from iot_common.engine.events import Source
from iot_common.engine.fast_check import Extra, compile_fast_check
from iot_common.engine.parse import Record, json_text
from iot_common.engine.shape import Shape, extended_shape, shape_of
from iot_silver.keys import idempotency_key
from iot_silver.policy import Policy
from iot_silver.row_columns import LISTED_VIOLATIONS_LIMIT, READING, Violation, as_violation
from iot_silver.typing_rules import BATTERY, HUMIDITY, LEAVES, TEMPERATURE

_NONE: Final[list[Any]] = []
_SHAPE_MEMO_LIMIT: Final = 10_000
_FAR_PAST: Final = -(2**63)


class FastLane:
    """The lane of one registered contract version."""

    def __init__(
        self, contract: Contract, policy: Policy, tolerance_micros: int, late_before: int | None
    ) -> None:
        self._contract = contract
        self._policy = policy
        self._check = compile_fast_check(contract, LEAVES)
        self._tolerance_micros = tolerance_micros
        self._late_before = _FAR_PAST if late_before is None else late_before
        self._temperature_units = policy.units.get(TEMPERATURE.column, {})
        self._humidity_units = _canonical_units(policy, HUMIDITY.column)
        self._battery_units = _canonical_units(policy, BATTERY.column)
        self._temperature_bounds = _bounds(policy, TEMPERATURE.column)
        self._humidity_bounds = _bounds(policy, HUMIDITY.column)
        self._battery_bounds = _bounds(policy, BATTERY.column)
        self._shapes: dict[Any, Shape] = {}

    def row(self, record: Record, ingest_micros: int) -> tuple[tuple[Any, ...], Shape] | None:
        """The fields of `FoundRow` up to `rescued`, with the record's shape; None sends it the general way."""
        value, canonical, duplicates = record
        leaves = self._check(value) if self._check is not None and not duplicates else None
        if leaves is None:
            return None
        (version, device_id, time, latitude, longitude, raw, unit, humidity, humidity_unit, battery, battery_unit,
         status, shape_key, extras) = leaves  # fmt: skip
        conversion = self._temperature_units.get(unit)
        if (
            conversion is None
            or humidity_unit not in self._humidity_units
            or battery_unit not in self._battery_units
        ):
            return None
        celsius = conversion.to_canonical(raw)
        low, high = self._temperature_bounds
        if not (
            low <= celsius <= high and self._late_before <= time <= ingest_micros + self._tolerance_micros
        ):
            return None
        if not (self._humidity_bounds[0] <= humidity <= self._humidity_bounds[1]):
            return None
        if not (self._battery_bounds[0] <= battery <= self._battery_bounds[1]):
            return None
        shape = self._shapes.get(shape_key) or self._remember_shape(shape_key, record, extras)
        conforms, is_valid, violations, rescued = True, True, _NONE, None
        if extras is not None:
            judged = self._judge_extras(extras)
            extended = extended_shape(shape, [(extra.path, extra.value) for extra in extras])
            if judged is None or extended is None:
                return None
            conforms, is_valid, violations, rescued = judged
            shape = extended
        key = idempotency_key(device_id, time, canonical)
        # A product with 1.0 is the float of either kind of number, the sign of a zero included.
        return (
            None, READING, key, device_id, time, version, self._contract.version, False, status,
            latitude * 1.0, longitude * 1.0, celsius * 1.0, raw * 1.0, unit, humidity * 1.0, battery * 1.0,
            False, conforms, is_valid, _NONE, violations, rescued,
        ), shape  # fmt: skip

    def _remember_shape(self, shape_key: Any, record: Record, extras: list[Extra] | None) -> Shape:
        """The shape of the declared part, which the key stands for."""
        if len(self._shapes) >= _SHAPE_MEMO_LIMIT:
            self._shapes.clear()
        declared = (
            record if extras is None else Record(_declared_part(record.value, self._contract.root), b"")
        )
        shape = self._shapes[shape_key] = shape_of(declared, self._contract)
        return shape

    def _judge_extras(self, extras: list[Extra]) -> tuple[bool, bool, list[Violation], str] | None:
        """(conforms, is_valid, violations, rescued) as the policy says; None where a field stops the row."""
        conforms, is_valid, violations = True, True, []
        if len(extras) > LISTED_VIOLATIONS_LIMIT:
            return None
        for path, value, closed, nested in extras:
            source = Source.CONTRACT if closed else Source.ENGINE
            event = added_field(path, value, source, nested=nested)
            rule = self._policy.rule(event)
            if rule.action in ("quarantine", "coerce"):
                return None
            conforms &= not closed
            is_valid &= not rule.invalidates
            if rule.listed:
                violations.append(as_violation(event))
        return conforms, is_valid, violations, json_text({extra.path: extra.value for extra in extras})


def _declared_part(value: dict[str, Any], node: Node) -> dict[str, Any]:
    return {
        key: _declared_part(value[key], child) if isinstance(value[key], dict) else value[key]
        for key, child in node.properties.items()
    }


def _canonical_units(policy: Policy, column: str) -> frozenset[str]:
    units = policy.units.get(column, {})
    return frozenset(unit for unit, conversion in units.items() if conversion.is_identity)


def _bounds(policy: Policy, column: str) -> tuple[float, float]:
    bounds = policy.canonical.get(column)
    return (-math.inf, math.inf) if bounds is None else (bounds.minimum, bounds.maximum)
