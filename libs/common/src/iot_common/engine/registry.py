"""The registered versions of the raw contract, and which of them speaks for a record."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from typing import Any, Final, NamedTuple

from iot_common.engine.contract import Contract, read_contract
from iot_common.engine.errors import ContractError
from iot_common.engine.events import EventCode

_FILE_NAME: Final = re.compile(r"raw-iot-data-(?P<version>[0-9]+\.[0-9]+\.[0-9]+)\.schema\.json")
_VERSION: Final = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
"""Semantic Versioning 2.0.0, section 2: no leading zeros. Nine digits bound the work, and no one counts further."""

SemVer = tuple[int, int, int]


class Resolution(NamedTuple):
    """Which contract judges a record.

    Attributes:
        contract: the judge; None where no registered contract may speak (unknown major or older than all).
        fallback: True when it is not the version the record names.
        code: the event that names the deviation; None when the version is registered, or missing (then the
            contract itself reports the missing field).
    """

    contract: Contract | None
    fallback: bool = False
    code: EventCode | None = None


class ContractRegistry:
    """Versions of one contract by SemVer; resolving is memoised, since a fleet speaks few versions."""

    _MEMO_LIMIT: Final = 1_000
    _MEMO_TEXT_LENGTH: Final = 64

    def __init__(self, contracts: Iterable[Contract]) -> None:
        self._by_version: dict[SemVer, Contract] = {}
        for contract in contracts:
            parsed = parse_version(contract.version)
            if parsed is None:
                raise ContractError(contract.version, "", "the version must be MAJOR.MINOR.PATCH")
            self._by_version[parsed] = contract
        if not self._by_version:
            raise ContractError("(none)", "", "no contract is registered")
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
    def latest(self) -> Contract:
        """The highest version: the judge of records that name none."""
        return self._by_version[max(self._by_version)]

    def resolve(self, schema_version: Any) -> Resolution:
        """The contract for a record's `schema_version` as parsed (None when the key is missing).

        Registered: itself. Unknown minor or patch: the highest registered one not above it in its major, with
        `fallback`. Unknown major: VERSION_MAJOR. Below all of its major: VERSION_UNKNOWN. No version at all or
        another type: the latest contract, which reports the field itself; no SemVer: VERSION_MALFORMED.
        """
        if not isinstance(schema_version, str):
            return Resolution(self.latest, fallback=True)
        known = self._memo.get(schema_version)
        if known is None:
            known = self._resolve_text(schema_version)
            if len(self._memo) < self._MEMO_LIMIT and len(schema_version) <= self._MEMO_TEXT_LENGTH:
                self._memo[schema_version] = known
        return known

    def _resolve_text(self, text: str) -> Resolution:
        wanted = parse_version(text)
        if wanted is None:
            return Resolution(self.latest, fallback=True, code=EventCode.VERSION_MALFORMED)
        if wanted in self._by_version:
            return Resolution(self._by_version[wanted])
        same_major = [version for version in self._by_version if version[0] == wanted[0]]
        if not same_major:
            return Resolution(None, code=EventCode.VERSION_MAJOR)
        not_above = [version for version in same_major if version <= wanted]
        if not not_above:
            return Resolution(None, code=EventCode.VERSION_UNKNOWN)
        return Resolution(self._by_version[max(not_above)], fallback=True, code=EventCode.VERSION_MINOR)


def parse_version(text: str) -> SemVer | None:
    """MAJOR.MINOR.PATCH as numbers, or None."""
    match = _VERSION.fullmatch(text)
    if match is None:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)


@lru_cache(maxsize=1)
def packaged_registry() -> ContractRegistry:
    """The contracts that ship in `iot_common.contracts`, read once per process; works from a zip file too."""
    contracts = []
    for entry in resources.files("iot_common.contracts").iterdir():
        match = _FILE_NAME.fullmatch(entry.name)
        if match is not None:
            contracts.append(read_contract(match["version"], entry.read_bytes()))
    return ContractRegistry(contracts)
