"""What a built PEX says about itself: the files it was made of, the contracts and tables of the code in it.

Read from the artifact, not from the source tree, so that a manifest tells of what will run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from driftlake.release.errors import ManifestError
from driftlake.release.manifest import Access, TableUse
from driftlake.release.versions import VersionRange

_SCHEMA = re.compile(r"iot_common/contracts/(?P<name>.+)-(?P<version>\d+\.\d+\.\d+)\.schema\.json")
_NOT_OURS = (".bootstrap/", ".deps/", "__pex__/", "PEX-INFO", "__main__.py")

_SAY_TABLES = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
contract = importlib.import_module(sys.argv[2])
assert contract.__file__.startswith(sys.argv[1]), contract.__file__
print(json.dumps({
    "reads": {table.name: table.version for table in contract.READS},
    "writes": {table.name: table.version for table in contract.WRITES},
    "works_with": dict(getattr(contract, "WORKS_WITH", {})),
}))
"""


def contracts_in(pex: Path) -> dict[str, list[str]]:
    """Contract -> the versions of it that are packaged, oldest first."""
    with zipfile.ZipFile(pex) as archive:
        matches = [found for name in archive.namelist() if (found := _SCHEMA.fullmatch(name))]
    versions: dict[str, list[str]] = {}
    for found in matches:
        versions.setdefault(found["name"], []).append(found["version"])
    return {
        name: sorted(each, key=lambda v: [int(n) for n in v.split(".")]) for name, each in versions.items()
    }


def sources_in(pex: Path, root: Path) -> set[str]:
    """Files of the repository that are in a PEX, by their path from its root."""
    with zipfile.ZipFile(pex) as archive:
        names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith(_NOT_OURS)]
    roots = source_roots(root)
    found = (next((place / name for place in roots if (place / name).is_file()), None) for name in names)
    return {path.relative_to(root).as_posix() for path in found if path is not None}


def source_roots(root: Path) -> list[Path]:
    """The folders from which modules are imported, as pants.toml names them; the repository's own folder is none."""
    patterns = tomllib.loads((root / "pants.toml").read_text("utf-8"))["source"]["root_patterns"]
    named = [pattern.strip("/") for pattern in patterns if pattern.strip("/")]
    return [place for pattern in named for place in sorted(root.glob(pattern)) if place.is_dir()]


def tables_in(pex: Path, contract: str) -> dict[str, TableUse]:
    """The tables that the code in a PEX reads and writes, with the schema versions it works with.

    A stage works with every version of the major it was written for, unless `WORKS_WITH` of its contract.py says more
    or less, as a mapping of table to `>=1.0.0,<3.0.0`.

    Raises:
        ManifestError: If the code cannot be asked, or says what cannot be.
    """
    # Isolated: neither this process' path nor the working folder can answer in place of the artifact.
    command = [sys.executable, "-I", "-B", "-c", _SAY_TABLES, str(pex.resolve()), contract]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        raise ManifestError(str(pex), f"{contract} cannot be imported from it ({reason})")
    said = json.loads(ended.stdout)
    try:
        return _uses(said)
    except ValueError as error:
        raise ManifestError(str(pex), f"{contract}: {error}") from error


def _uses(said: dict[str, Any]) -> dict[str, TableUse]:
    """A table that is both read and written counts as written."""
    uses: dict[str, TableUse] = {}
    order: tuple[Access, ...] = ("reads", "writes")
    for access in order:
        for table, version in said[access].items():
            declared = said["works_with"].get(table)
            works_with = VersionRange.of(declared) if declared else VersionRange.of_major(version)
            if version not in works_with:
                raise ValueError(f"{table} {version} lies outside of the range {works_with} it declares")
            uses[table] = TableUse(access, version, works_with)
    unused = sorted(set(said["works_with"]) - set(uses))
    if unused:
        raise ValueError(f"WORKS_WITH names {unused[0]}, which it neither reads nor writes")
    return uses
