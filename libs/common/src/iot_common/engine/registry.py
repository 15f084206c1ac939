"""The registered versions of the raw contract: which one judges a record, and what leads it to the tables' columns.

Versions are files: `raw-iot-data-<version>.schema.json` in `iot_common.contracts` and, given from outside, in a folder
of a team, so that a version is added without a new build; `raw-iot-data-<version>.migration.toml` beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple

from iot_common.engine.contract import Contract, read_contract
from iot_common.engine.draft07.equality import is_equal
from iot_common.engine.errors import ContractError
from iot_common.engine.events import EventCode
from iot_common.engine.migration import Migration
from iot_common.engine.migration_file import read_migration

COLUMN_MAJOR: Final = 1
"""The major whose paths the typed columns of the tables speak; records of others get there by a migration."""

_VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
"""Semantic Versioning 2.0.0, section 2: no leading zeros. Nine digits bound the work, and no one counts further."""

_FILE_NAME: Final = re.compile(r"raw-iot-data-(?P<version>.+)\.(?:(?P<schema>schema\.json)|migration\.toml)")

SemVer = tuple[int, int, int]
ContractFile = tuple[str, str]
"""Name and text: plain values, which any executor can be sent before it has our packages."""


class Resolution(NamedTuple):
    """Which contract judges a record.

    Attributes:
        contract: the judge; None where no registered contract may speak (unknown major, one that no migration leads
            to the columns, or older than all).
        fallback: True when it is not the version the record names.
        code: the event that names the deviation; None when the version is registered, or missing (then the
            contract itself reports the missing field).
        migration: what makes of the record one of `target`; None where the judge itself speaks the columns.
        target: the contract that decides on typing: the judge, or where the migration leads.
    """

    contract: Contract | None
    fallback: bool = False
    code: EventCode | None = None
    migration: Migration | None = None
    target: Contract | None = None


class ContractRegistry:
    """Versions of one contract by SemVer; resolving is memoised, since a fleet speaks few versions."""

    _MEMO_LIMIT: Final = 1_000
    _MEMO_TEXT_LENGTH: Final = 64

    def __init__(
        self,
        contracts: Iterable[Contract],
        migrations: Iterable[Migration] = (),
        column_major: int = COLUMN_MAJOR,
    ) -> None:
        self._by_version = {_semver(contract.version): contract for contract in contracts}
        self._column_major = column_major
        columns = [version for version in self._by_version if version[0] == column_major]
        if not columns:
            raise ContractError("(none)", "", f"no contract of major {column_major} is registered")
        self._latest = max(columns)
        self._migrations = {_semver(each.version): each for each in migrations}
        for version in self._migrations:
            self._check_migration(version)
        self._memo: dict[str, Resolution] = {}

    @property
    def versions(self) -> tuple[str, ...]:
        """Registered versions, lowest first."""
        return tuple(self._by_version[key].version for key in sorted(self._by_version))

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """Registered contracts, lowest version first."""
        return tuple(self._by_version[key] for key in sorted(self._by_version))

    @property
    def resolutions(self) -> tuple[Resolution, ...]:
        """What each registered version resolves to, lowest first, without those that lead to no column."""
        resolved = (self.resolve(version) for version in self.versions)
        return tuple(each for each in resolved if each.contract is not None)

    @property
    def latest(self) -> Contract:
        """The highest version that speaks the columns: the judge of records that name none."""
        return self._by_version[self._latest]

    def resolve(self, schema_version: Any) -> Resolution:
        """The contract for a record's `schema_version` as parsed (None when the key is missing).

        Registered: itself. Unknown minor or patch: the highest registered one not above it in its major, with
        `fallback`. Unknown major, or no migration from it: VERSION_MAJOR. Below all of its major: VERSION_UNKNOWN.
        No version at all or another type: the latest contract, which reports the field itself; no SemVer:
        VERSION_MALFORMED.
        """
        if not isinstance(schema_version, str):
            return Resolution(self.latest, fallback=True, target=self.latest)
        known = self._memo.get(schema_version)
        if known is None:
            known = self._resolve_text(schema_version)
            if len(self._memo) < self._MEMO_LIMIT and len(schema_version) <= self._MEMO_TEXT_LENGTH:
                self._memo[schema_version] = known
        return known

    def _resolve_text(self, text: str) -> Resolution:
        wanted = parse_version(text)
        if wanted is None:
            return Resolution(self.latest, True, EventCode.VERSION_MALFORMED, target=self.latest)
        same_major = [version for version in self._by_version if version[0] == wanted[0]]
        if not same_major:
            return Resolution(None, code=EventCode.VERSION_MAJOR)
        judge = _highest_up_to(wanted, same_major)
        if judge is None:
            return Resolution(None, code=EventCode.VERSION_UNKNOWN)
        contract = self._by_version[judge]
        migration = self._migration_of(judge)
        if migration is None and judge[0] != self._column_major:
            return Resolution(None, code=EventCode.VERSION_MAJOR)
        target = contract if migration is None else self._by_version[_semver(migration.target)]
        fallback = judge != wanted
        code = EventCode.VERSION_MINOR if fallback else None
        return Resolution(contract, fallback, code, migration, target)

    def _migration_of(self, version: SemVer) -> Migration | None:
        """All the way to the columns; of the version, or of the highest one below it in its major."""
        found: Migration | None = None
        source: SemVer | None = version
        while source is not None:
            source = _highest_up_to(source, [each for each in self._migrations if each[0] == source[0]])
            if source is not None:
                step = self._migrations[source]
                found = step if found is None else found.then(step)
                source = _semver(step.target)
        return found

    def _check_migration(self, version: SemVer) -> None:
        """Its ends are registered, and following it ends in a version of the columns.

        Raises:
            ContractError: They are not, or it does not.
        """
        name, seen = self._migrations[version].version, {version}
        if version not in self._by_version:
            raise ContractError(
                name, "", "a migration, but no schema, is registered; add the schema beside it"
            )
        while True:
            target = _semver(self._migrations[version].target)
            if target not in self._by_version:
                text = self._migrations[version].target
                raise ContractError(name, "", f"its migration leads to {text}, which is not registered")
            following = _highest_up_to(target, [each for each in self._migrations if each[0] == target[0]])
            if following is None and target[0] == self._column_major:
                return
            if following is None or following in seen:
                reason = (
                    f"its migration does not lead to major {self._column_major}, that of the tables' columns"
                )
                raise ContractError(name, "", reason)
            seen.add(following)
            version = following


def parse_version(text: str) -> SemVer | None:
    """MAJOR.MINOR.PATCH as numbers, or None."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)


def _semver(text: str) -> SemVer:
    parsed = parse_version(text)
    if parsed is None:
        raise ContractError(text, "", "the version must be MAJOR.MINOR.PATCH")
    return parsed


def _highest_up_to(wanted: SemVer, versions: Iterable[SemVer]) -> SemVer | None:
    return max((version for version in versions if version <= wanted), default=None)


@lru_cache(maxsize=1)
def packaged_registry() -> ContractRegistry:
    """The contracts that ship in `iot_common.contracts`, read once per process; works from a zip file too."""
    return read_registry()


@lru_cache(maxsize=8)
def read_registry(given: tuple[ContractFile, ...] = ()) -> ContractRegistry:
    """The packaged versions and those given, read once per process and set of files.

    Raises:
        ContractError: A file has a wrong name, is no draft-07 schema, or gives a known version another content; or a
            migration lacks its schema or leads nowhere.
        MigrationError: A migration file cannot be read.
    """
    contracts: dict[str, Contract] = {}
    migrations: dict[str, tuple[str, Migration]] = {}
    for name, text in (*_packaged_files(), *given):
        version, is_schema = version_of_file(name)
        if is_schema:
            contract = read_contract(version, text)
            if version in contracts and not is_equal(contract.schema, contracts[version].schema):
                raise _redefined(name, version)
            contracts.setdefault(version, contract)
        elif version in migrations and migrations[version][0] != text:
            raise _redefined(name, version)
        else:
            migrations[version] = (text, read_migration(version, text))
    return ContractRegistry(contracts.values(), [migration for _, migration in migrations.values()])


def version_of_file(name: str) -> tuple[str, bool]:
    """(version, True for a schema or False for a migration) of a file's name.

    Raises:
        ContractError: The name is neither.
    """
    match = _FILE_NAME.fullmatch(name)
    if match is None or parse_version(match["version"]) is None:
        wanted = "raw-iot-data-MAJOR.MINOR.PATCH.schema.json or .migration.toml"
        raise ContractError(name, "", f"contract files are named {wanted}; rename or remove it")
    return match["version"], match["schema"] is not None


def _redefined(name: str, version: str) -> ContractError:
    return ContractError(
        name, "", f"version {version} is registered with another content; a change needs a new version"
    )


def _packaged_files() -> list[ContractFile]:
    entries = resources.files("iot_common.contracts").iterdir()
    names = sorted(entry.name for entry in entries if _FILE_NAME.fullmatch(entry.name))
    folder = resources.files("iot_common.contracts")
    return [(name, folder.joinpath(name).read_text("utf-8")) for name in names]
