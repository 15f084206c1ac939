"""The manifest of a release: what it is made of, and which versions of which tables it works with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from driftlake.release.errors import ManifestError
from driftlake.release.versions import VersionRange

FORMAT = 1
"""Of the manifest itself; another number is another shape, which this program does not know."""

Access = Literal["reads", "writes"]


@dataclass(frozen=True, slots=True)
class TableUse:
    """How a release uses one table.

    Attributes:
        version: Schema version its code was written for; a writer brings the table to it.
        works_with: Schema versions of the table it works with, older and newer.
    """

    access: Access
    version: str
    works_with: VersionRange


@dataclass(frozen=True, slots=True)
class Manifest:
    """One release. Equal source gives equal bytes: no time, no machine, no path of one.

    Attributes:
        name: What is released.
        artifact_sha256: SHA-256 of the PEX.
        launcher_sha256: SHA-256 of the job's script; None for what has none.
        commit: The newest commit that changed what it is made of.
        contracts: Contract -> the versions of it that are packaged.
        tables: Table -> how it is used.
        sources: Files of the repository it is made of.
    """

    name: str
    artifact_sha256: str
    launcher_sha256: str | None
    commit: str
    contracts: dict[str, list[str]]
    tables: dict[str, TableUse]
    sources: tuple[str, ...]

    def as_bytes(self) -> bytes:
        """The file, the same for equal manifests."""
        said = {
            "format": FORMAT,
            "name": self.name,
            "artifact_sha256": self.artifact_sha256,
            "launcher_sha256": self.launcher_sha256,
            "commit": self.commit,
            "contracts": self.contracts,
            "tables": {
                name: {"access": use.access, "version": use.version, "works_with": str(use.works_with)}
                for name, use in self.tables.items()
            },
            "sources": sorted(self.sources),
        }
        return (json.dumps(said, indent=2, sort_keys=True) + "\n").encode()

    @property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return sha256_of(self.as_bytes())

    @property
    def hashes(self) -> dict[str, str]:
        """Part -> SHA-256: the pin of this release."""
        found = {"artifact": self.artifact_sha256, "manifest": self.sha256}
        return found if self.launcher_sha256 is None else found | {"launcher": self.launcher_sha256}

    def differs_from(self, other: Manifest) -> list[str]:
        """What is not the same in two releases of one name; a commit alone is no difference."""
        compared = ("artifact_sha256", "launcher_sha256", "contracts", "tables")
        words = {"artifact_sha256": "program", "launcher_sha256": "launcher"}
        return [words.get(each, each) for each in compared if getattr(self, each) != getattr(other, each)]


def read_manifest(content: bytes, where: str) -> Manifest:
    """The manifest in a file.

    Raises:
        ManifestError: If it is none, or of a format this program does not know.
    """
    try:
        said = json.loads(content)
        if said["format"] != FORMAT:
            raise ManifestError(
                where, f"the manifest has format {said['format']}; this program knows {FORMAT}"
            )
        return _made(said)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestError(where, f"this is no manifest ({type(error).__name__}: {error})") from error


def _made(said: dict[str, Any]) -> Manifest:
    return Manifest(
        name=said["name"],
        artifact_sha256=said["artifact_sha256"],
        launcher_sha256=said["launcher_sha256"],
        commit=said["commit"],
        contracts={name: list(versions) for name, versions in said["contracts"].items()},
        tables={
            name: TableUse(use["access"], use["version"], VersionRange.of(use["works_with"]))
            for name, use in said["tables"].items()
        },
        sources=tuple(said["sources"]),
    )


def sha256_of(content: bytes) -> str:
    """Of bytes in memory; an artifact has 70 MB at most."""
    return hashlib.sha256(content).hexdigest()
