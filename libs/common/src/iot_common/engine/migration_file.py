"""Migration files: `raw-iot-data-<version>.migration.toml`, beside the schema of the version.

A file names the version it leads `to`, the rules in the order they are applied, and examples, which are tried both
ways when it is read. docs/contract-versions.md explains the format.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from iot_common.engine.draft07.equality import is_equal
from iot_common.engine.exact_number import read_decimal, read_integer
from iot_common.engine.migration import Example, Migration
from iot_common.engine.migration_paths import Steps, last_keys, parse_path, within_one_element
from iot_common.engine.migration_rules import TYPES, Cast, Default, Move, Rule
from iot_common.engine.migration_units import Unit, exact_decimal
from iot_common.engine.parse import json_text
from iot_common.errors import DriftlakeError


class MigrationError(DriftlakeError):
    """A migration file says something that the engine does not know, or its examples do not hold."""

    exit_code = 2

    def __init__(self, version: str, where: str, reason: str) -> None:
        super().__init__(f"migration of {version}: {where}: {reason}")
        self.version = version
        self.where = where
        self.reason = reason


def read_migration(version: str, text: str) -> Migration:
    """Read a migration file.

    Raises:
        MigrationError: no TOML, an unknown key or kind, a wrong value, or an example that does not hold.
    """
    try:
        table = tomllib.loads(
            text, parse_float=lambda token: read_decimal(token.replace("_", "").lstrip("+"))
        )
    except tomllib.TOMLDecodeError as error:
        raise MigrationError(version, "the file", f"not TOML: {error}") from error
    reader = _Reader(version)
    reader.known(table, frozenset({"to", "rules", "examples"}), "the file")
    migration = Migration(
        version,
        reader.text(table, "to", "the file"),
        tuple(reader.rule(entry, f"rule {n}") for n, entry in enumerate(reader.tables(table, "rules"), 1)),
        tuple(
            reader.example(entry, f"example {n}")
            for n, entry in enumerate(reader.tables(table, "examples"), 1)
        ),
    )
    for number, example in enumerate(migration.examples, 1):
        _try(migration, example, f"example {number}")
    return migration


def _try(migration: Migration, example: Example, where: str) -> None:
    found = migration.upgrade(example.before)
    if not is_equal(found.value, example.after):
        raise MigrationError(
            migration.version, where, f"the rules give {json_text(found.value)}, not `after`"
        )
    if any(rule.one_way for rule in migration.rules):
        return
    back = migration.downgrade(found.value)
    if not is_equal(back, example.before):
        raise MigrationError(migration.version, where, f"the way back gives {json_text(back)}, not `before`")


class _Reader:
    """Reads the tables of one file; holds its version for the errors."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._kinds: Mapping[str, Callable[[dict[str, Any], str], Rule]] = {
            "rename": self._rename, "move": self._move, "cast": self._cast, "unit": self._unit,
            "default": self._default,
        }  # fmt: skip

    def error(self, where: str, reason: str) -> MigrationError:
        return MigrationError(self._version, where, reason)

    def known(self, entry: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
        unknown = sorted(entry.keys() - keys)
        if unknown:
            raise self.error(where, f"unknown key {', '.join(unknown)}; known are {', '.join(sorted(keys))}")

    def text(self, entry: Mapping[str, Any], key: str, where: str) -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not value:
            raise self.error(where, f"{key} must be a text")
        return value

    def tables(self, table: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        entries = table.get(key, [])
        if (
            not isinstance(entries, list)
            or not entries
            or not all(isinstance(each, dict) for each in entries)
        ):
            raise self.error("the file", f"needs at least one [[{key}]]")
        return entries

    def example(self, entry: dict[str, Any], where: str) -> Example:
        self.known(entry, frozenset({"before", "after"}), where)
        return Example(self._record(entry, "before", where), self._record(entry, "after", where))

    def rule(self, entry: dict[str, Any], where: str) -> Rule:
        read = self._kinds.get(self.text(entry, "kind", where))
        if read is None:
            raise self.error(where, f"kind {entry['kind']!r} is none of {', '.join(self._kinds)}")
        if not isinstance(entry.get("one_way", False), bool):
            raise self.error(where, "one_way must be true or false")
        return read(entry, where)

    def _record(self, entry: dict[str, Any], key: str, where: str) -> Any:
        try:
            value = json.loads(self.text(entry, key, where), parse_int=read_integer, parse_float=read_decimal)
        except ValueError as error:
            raise self.error(where, f"{key} is not JSON ({error})") from error
        if not isinstance(value, dict):
            raise self.error(where, f"{key} must be a JSON object")
        return value

    def _keys(self, entry: dict[str, Any], where: str, *keys: str) -> bool:
        """Refuses other keys; gives `one_way`."""
        self.known(entry, frozenset({"kind", "path", "one_way", *keys}), where)
        return bool(entry.get("one_way", False))

    def _path(self, entry: dict[str, Any], key: str, where: str) -> Steps:
        try:
            steps = parse_path(self.text(entry, key, where))
        except ValueError as error:
            raise self.error(where, f"{key}: {error}") from error
        if not last_keys(steps):
            raise self.error(where, f"{key} must end in a key, not in an array")
        return steps

    def _rename(self, entry: dict[str, Any], where: str) -> Rule:
        move = self._move(entry, where)
        if move.path[:-1] != move.to[:-1]:
            raise self.error(where, 'a rename stays within its object; use kind = "move"')
        return move

    def _move(self, entry: dict[str, Any], where: str) -> Move:
        one_way = self._keys(entry, where, "to")
        move = Move(self._path(entry, "path", where), self._path(entry, "to", where), one_way)
        if move.path == move.to or not within_one_element(move.path, move.to):
            raise self.error(where, "path and to must differ and lie in the same element of the same arrays")
        return move

    def _cast(self, entry: dict[str, Any], where: str) -> Rule:
        one_way = self._keys(entry, where, "from", "to")
        source, to = self.text(entry, "from", where), self.text(entry, "to", where)
        if source not in TYPES or to not in TYPES or (source == "string") == (to == "string"):
            raise self.error(where, f"casts between string and one of {', '.join(TYPES[1:])}")
        return Cast(self._path(entry, "path", where), source, to, one_way)

    def _unit(self, entry: dict[str, Any], where: str) -> Rule:
        one_way = self._keys(entry, where, "unit_path", "from", "to", "add", "multiply", "divide")
        path = self._path(entry, "path", where)
        add = self._decimal(entry, "add", where)
        multiply, divide = self._decimal(entry, "multiply", where), self._decimal(entry, "divide", where)
        if not multiply or not divide:
            raise self.error(where, "multiply and divide must not be 0: there would be no way back")
        if "unit_path" not in entry:
            if {"from", "to"} & entry.keys():
                raise self.error(where, "from and to name units: they need unit_path")
            return Unit(path, add, multiply, divide, one_way=one_way)
        unit_path = self._path(entry, "unit_path", where)
        if not within_one_element(path, unit_path):
            raise self.error(where, "path and unit_path must lie in the same element of the same arrays")
        old, new = self.text(entry, "from", where), self.text(entry, "to", where)
        return Unit(path, add, multiply, divide, unit_path, old, new, one_way)

    def _decimal(self, entry: dict[str, Any], key: str, where: str) -> Decimal:
        value = entry.get(key)
        if value is None or not _is_number(value):
            raise self.error(where, f"{key} must be a number")
        return exact_decimal(value)

    def _default(self, entry: dict[str, Any], where: str) -> Rule:
        one_way = self._keys(entry, where, "value")
        if "value" not in entry or not _is_json(entry["value"]):
            raise self.error(
                where, "value must be a text, a finite number, true, false, or a table or array of these"
            )
        return Default(self._path(entry, "path", where), entry["value"], one_way)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, float) and math.isfinite(value)


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_json, value.values()))
    if isinstance(value, list):
        return all(map(_is_json, value))
    return isinstance(value, str | bool) or _is_number(value)
