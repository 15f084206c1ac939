"""Migrations: how a record of one contract version becomes one of another, and back. Read from `migration_file`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from iot_common.engine.events import MISSING
from iot_common.engine.migration_paths import Steps, last_keys, parse_path, path_text, value_at
from iot_common.engine.migration_rules import Default, Rule, copied


@dataclass
class Upgraded:
    """A record after a migration.

    Attributes:
        value: the record in the target version's shape.
        changed: paths (as in `value`) whose value was converted or added.
        as_sent: path in the record as sent -> value, for what was converted; elements of an array as the whole array.
        aside: path -> value that stood where a rule had to put another one.
    """

    value: dict[str, Any]
    changed: list[str] = field(default_factory=list)
    as_sent: dict[str, Any] = field(default_factory=dict)
    aside: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A record of the version, and what it must become."""

    before: Any
    after: Any


@dataclass(frozen=True)
class Migration:
    """Rules from one version to another.

    `downgrade` undoes `upgrade` exactly for every record of the version: one that has nothing yet at the paths that
    rules move to, no empty object there, no value of the type or unit that a rule gives, none equal to a default.
    """

    version: str
    target: str
    rules: tuple[Rule, ...]
    examples: tuple[Example, ...] = ()

    def upgrade(self, sent: dict[str, Any]) -> Upgraded:
        """The record in the target's shape; `sent` stays as it is."""
        upgraded = Upgraded(copied(sent))
        for rule, after, before in zip(self.rules, self._ends, self._origins, strict=True):
            if not rule.upgrade(upgraded.value, upgraded.aside):
                continue
            upgraded.changed.append(after)
            original = value_at(sent, last_keys(before)) if before else MISSING
            if original is not MISSING:
                upgraded.as_sent[path_text(before)] = original
        return upgraded

    def downgrade(self, record: dict[str, Any]) -> dict[str, Any]:
        """The record in the shape of `version`: the inverse rules in reverse order, one-way rules left out."""
        value: dict[str, Any] = copied(record)
        for rule in reversed(self.rules):
            if not rule.one_way:
                rule.downgrade(value, {})
        return value

    def target_path(self, path: str) -> str:
        """Where a value of the version is in the target; unchanged for what no rule moves."""
        known = self._target_paths.get(path)
        if known is None:
            known = self._find_target_path(path)
            if len(self._target_paths) < 1_000:
                self._target_paths[path] = known
        return known

    def then(self, following: Migration) -> Migration:
        """Both in one."""
        return Migration(self.version, following.target, self.rules + following.rules)

    def _find_target_path(self, path: str) -> str:
        try:
            steps = parse_path(path)
        except ValueError:
            return path
        for rule in self.rules:
            steps = rule.moved(steps)
        return path_text(steps)

    @cached_property
    def _target_paths(self) -> dict[str, str]:
        return {}

    @cached_property
    def _ends(self) -> tuple[str, ...]:
        """Per rule: the path of its value after all rules."""
        ends = []
        for number, rule in enumerate(self.rules, start=1):
            steps = rule.target
            for later in self.rules[number:]:
                steps = later.moved(steps)
            ends.append(path_text(steps))
        return tuple(ends)

    @cached_property
    def _origins(self) -> tuple[Steps, ...]:
        """Per rule: where its value is in the record as sent, up to the first array; empty for an added value."""
        origins = []
        for number, rule in enumerate(self.rules):
            steps = () if isinstance(rule, Default) else rule.target
            for earlier in reversed(self.rules[:number]):
                steps = earlier.origin(steps)
            origins.append(steps[: steps.index(None)] if None in steps else steps)
        return tuple(origins)
