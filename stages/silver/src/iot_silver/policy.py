"""Silver's policy table: event code and path to what happens to the value and to the row.

The table is `policy.toml` beside this module. Every key of it is checked: a typing error stops the stage before
it reads a row, instead of quietly doing nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import resources
from typing import Any, Final, TypeVar

from iot_common.engine.classify import EQUAL_VALUES
from iot_common.engine.events import BREAKER_CODES, FLEET_CODES, NO_VERDICT, RECORD_CODES, Event, EventCode
from iot_common.errors import SettingsError

ACTIONS: Final = ("quarantine", "rescue", "coerce", "flag", "pass")
SEVERITIES: Final = ("INFO", "WARN", "ERROR", "CRITICAL")
_OTHERWISE: Final = ("rescue", "quarantine")
_RULE_KEYS: Final = frozenset({"action", "invalidates", "severity", "listed", "otherwise"})
_TABLES: Final = frozenset({
    "events", "classes", "same_twice", "no_verdict", "downgrade", "units", "canonical", "evolution", "breaker",
})  # fmt: skip


class PolicyError(SettingsError):
    """The policy table says something that the engine does not know; no row was read."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"silver's policy table, [{where}]: {reason}")
        self.where = where
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Rule:
    """What one event does. Keys as explained at the top of `policy.toml`."""

    action: str
    invalidates: bool
    severity: str
    listed: bool = True
    otherwise: str = "rescue"

    @property
    def may_quarantine(self) -> bool:
        """True if the event can put a row in quarantine."""
        return "quarantine" in (self.action, self.otherwise if self.action == "coerce" else "")


@dataclass(frozen=True, slots=True)
class Conversion:
    """canonical = (raw + add) * multiply / divide."""

    add: float
    multiply: float
    divide: float

    def to_canonical(self, raw: float) -> float:
        """The value in the canonical unit, unrounded; untouched where the unit is the canonical one."""
        return raw if self.is_identity else (raw + self.add) * self.multiply / self.divide

    @property
    def is_identity(self) -> bool:
        """True where the unit is the canonical one."""
        return self.add == 0 and self.multiply == self.divide


@dataclass(frozen=True, slots=True)
class Bounds:
    """Inclusive physical range of a canonical value."""

    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Evolution:
    """When an undeclared path gets a column of its own. Keys as explained in `policy.toml`."""

    devices: int
    batches: int
    column_budget: int


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When the records of a schema version are held back. Keys as explained in `policy.toml`."""

    failing_share: float
    minimum_rows: int
    cool_down_minutes: int
    sample_share: float
    sample_minimum_rows: int


@dataclass(frozen=True)
class Policy:
    """The whole table.

    Attributes:
        units: column -> unit as the device writes it -> conversion.
        canonical: column -> physical range.
    """

    events: Mapping[EventCode, Rule]
    by_path: Mapping[tuple[str, EventCode], Rule]
    same_twice: Rule
    no_verdict: Rule
    downgrade: Rule
    units: Mapping[str, Mapping[str, Conversion]]
    canonical: Mapping[str, Bounds]
    evolution: Evolution
    breaker: BreakerRules

    def rule(self, event: Event) -> Rule:
        """The rule for one event: its path's class first, then the code's own."""
        if event.code is EventCode.KEY_DUPLICATE and event.found == EQUAL_VALUES:
            return self.same_twice
        if event.code is EventCode.CONSTRAINT and event.found == NO_VERDICT:
            return self.no_verdict
        return self.by_path.get((event.path, event.code)) or self.events[event.code]


MAX_DEVICES_ASKED: Final = 50
"""Devices that an observation names, and so the most that evidence can ask for."""

_Table = TypeVar("_Table", Conversion, Bounds)


@lru_cache(maxsize=1)
def packaged_policy() -> Policy:
    """The table that ships with silver, read once per process."""
    return read_policy(resources.files("iot_silver").joinpath("policy.toml").read_text("utf-8"))


def read_policy(text: str) -> Policy:
    """Read a policy table.

    Raises:
        PolicyError: no TOML, an unknown key, action, severity or event code, or a code without a rule.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError("policy.toml", f"not TOML: {error}") from error
    _known(table, _TABLES, "policy.toml")
    events = _rules(table.get("events", {}), "events")
    missing = sorted(RECORD_CODES - events.keys())
    if missing:
        raise PolicyError("events", f"no rule for {', '.join(missing)}")
    for name in ("same_twice", "no_verdict"):
        if name not in table:
            raise PolicyError(name, "missing")
    return Policy(
        events=events,
        by_path=_class_rules(table.get("classes", {})),
        same_twice=_rule(table["same_twice"], "same_twice"),
        no_verdict=_rule(table["no_verdict"], "no_verdict"),
        downgrade=_downgrade(table.get("downgrade")),
        units={
            column: {
                unit: _numbers(rule, Conversion, f"units.{column}.{unit}") for unit, rule in units.items()
            }
            for column, units in table.get("units", {}).items()
        },
        canonical={
            column: _numbers(limits, Bounds, f"canonical.{column}")
            for column, limits in table.get("canonical", {}).items()
        },
        evolution=_evolution(table.get("evolution", {})),
        breaker=_breaker(table.get("breaker", {})),
    )


def _downgrade(entry: Any) -> Rule:
    rule = _rule(entry, "downgrade")
    if rule.action not in ("pass", "flag"):
        raise PolicyError(
            "downgrade", f"a record that came after others is kept: pass or flag, not {rule.action}"
        )
    return rule


def _evolution(entry: Any) -> Evolution:
    least = {"devices": 1, "batches": 1, "column_budget": 0}
    _known(entry, frozenset(least), "evolution")
    _whole_numbers(entry, least, "evolution")
    if entry["devices"] > MAX_DEVICES_ASKED:
        raise PolicyError(
            "evolution", f"devices must be at most {MAX_DEVICES_ASKED}: observations name no more"
        )
    return Evolution(**entry)


def _breaker(entry: Any) -> BreakerRules:
    _known(entry, frozenset(each.name for each in fields(BreakerRules)), "breaker")
    _whole_numbers(entry, {"minimum_rows": 1, "cool_down_minutes": 0, "sample_minimum_rows": 1}, "breaker")
    for key, may_be_one in (("failing_share", False), ("sample_share", True)):
        value = entry.get(key)
        if not _is_number(value) or not (0 < value < 1 or (may_be_one and value == 1)):
            raise PolicyError("breaker", f"{key} must be a number between 0 and 1")
    return BreakerRules(**entry)


def _whole_numbers(entry: Any, least: Mapping[str, int], where: str) -> None:
    for key, minimum in least.items():
        value = entry.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise PolicyError(where, f"{key} must be a whole number of at least {minimum}")


def _class_rules(classes: Mapping[str, Any]) -> dict[tuple[str, EventCode], Rule]:
    rules: dict[tuple[str, EventCode], Rule] = {}
    for name, entry in classes.items():
        _known(entry, frozenset({"paths", "events"}), f"classes.{name}")
        for code, rule in _rules(entry.get("events", {}), f"classes.{name}.events").items():
            for path in entry.get("paths", []):
                if (path, code) in rules:
                    raise PolicyError(f"classes.{name}", f"{path} already has a rule for {code}")
                rules[path, code] = rule
    return rules


def _rules(table: Mapping[str, Any], where: str) -> dict[EventCode, Rule]:
    rules: dict[EventCode, Rule] = {}
    for name, entry in table.items():
        if name not in EventCode.__members__:
            raise PolicyError(where, f"unknown event code {name}")
        if EventCode(name) in BREAKER_CODES:
            raise PolicyError(where, f"{name} is what an open circuit breaker says: its table is [breaker]")
        if EventCode(name) in FLEET_CODES:
            raise PolicyError(where, f"{name} is seen over many records: drift decides on it, not silver")
        rules[EventCode(name)] = _rule(entry, f"{where}.{name}")
    return rules


def _rule(entry: Any, where: str) -> Rule:
    _known(entry, _RULE_KEYS, where)
    absent = [key for key in ("action", "invalidates", "severity") if key not in entry]
    if absent:
        raise PolicyError(where, f"lacks {', '.join(absent)}")
    _one_of(entry["action"], ACTIONS, f"{where}.action")
    _one_of(entry["severity"], SEVERITIES, f"{where}.severity")
    if "otherwise" in entry:
        _one_of(entry["otherwise"], _OTHERWISE, f"{where}.otherwise")
    if (entry["action"] == "coerce") != ("otherwise" in entry):
        raise PolicyError(where, '`otherwise` belongs to action "coerce", and to it alone')
    for key in ("invalidates", "listed"):
        if not isinstance(entry.get(key, True), bool):
            raise PolicyError(where, f"{key} must be true or false")
    return Rule(**entry)


def _known(entry: Any, keys: frozenset[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise PolicyError(where, "must be a table")
    unknown = sorted(entry.keys() - keys)
    if unknown:
        raise PolicyError(where, f"unknown key {', '.join(unknown)}; known are {', '.join(sorted(keys))}")


def _one_of(value: Any, choices: tuple[str, ...], where: str) -> None:
    if value not in choices:
        raise PolicyError(where, f"{value!r} is none of {', '.join(choices)}")


def _numbers(entry: Any, build: type[_Table], where: str) -> _Table:
    names = frozenset(each.name for each in fields(build))
    _known(entry, names, where)
    wrong = [key for key in sorted(names) if not _is_number(entry.get(key))]
    if wrong:
        raise PolicyError(where, f"needs a number for {', '.join(wrong)}")
    return build(**entry)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
