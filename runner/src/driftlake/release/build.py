"""`driftlake release build`: PEX and manifest under `dist/releases/<name>/<sha256>/`, the same for the same source."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from driftlake.release.checkout import Checkout
from driftlake.release.deployables import Deployable
from driftlake.release.errors import BuildFailedError, HashMismatchError, NotBuiltError
from driftlake.release.manifest import Manifest, read_manifest, sha256_of
from driftlake.release.pex_contents import contracts_in, sources_in, tables_in
from driftlake.release.pins import replace_text

MANIFEST = "manifest.json"
NEWEST = "newest"
"""File beside the builds of a name: the hash of the last one."""


class Packager(Protocol):
    """What makes artifacts of targets, and puts them into dist/."""

    def package(self, root: Path, targets: Sequence[str]) -> None:
        """Make them; BuildFailedError if it cannot."""


class Pants:
    """The build."""

    def package(self, root: Path, targets: Sequence[str]) -> None:
        """Run `./pants package`; what it says goes to standard error as it comes."""
        ended = subprocess.run(["./pants", "package", *targets], cwd=root, stdout=subprocess.PIPE, text=True)
        if ended.returncode:
            raise BuildFailedError(
                " ".join(targets), f"it ended with {ended.returncode}; see its messages above"
            )


@dataclass(frozen=True)
class Built:
    """A release in a folder of this machine; `parts` is part -> file."""

    deployable: Deployable
    manifest: Manifest
    parts: dict[str, Path]


def build(
    checkout: Checkout, wanted: Sequence[Deployable], packager: Packager, on_built: Callable[[Built], None]
) -> list[Built]:
    """Build releases of what is committed.

    Raises:
        BuildFailedError: If Pants fails; no release was written then.
        CheckoutError: If a source is not committed.
        ManifestError: If an artifact does not say which tables it uses.
    """
    packager.package(checkout.root, [each.target for each in wanted])
    made = []
    for deployable in wanted:
        made.append(_release(checkout, deployable))
        on_built(made[-1])
    return made


def _release(checkout: Checkout, deployable: Deployable) -> Built:
    artifact = checkout.root / "dist" / deployable.artifact
    if not artifact.is_file():
        raise BuildFailedError(deployable.target, f"it made no {artifact}")
    manifest = _manifest(checkout, deployable, artifact)
    folder = releases_of(checkout.root, deployable) / manifest.artifact_sha256
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(artifact, folder / f".{deployable.artifact}.part")
    (folder / f".{deployable.artifact}.part").replace(folder / deployable.artifact)
    if deployable.launcher:
        launcher = checkout.root / deployable.launcher
        replace_text(folder / launcher.name, launcher.read_text("utf-8"))
    replace_text(folder / MANIFEST, manifest.as_bytes().decode())
    replace_text(folder.parent / NEWEST, f"{manifest.artifact_sha256}\n")
    return read_built(checkout.root, deployable)


def _manifest(checkout: Checkout, deployable: Deployable, artifact: Path) -> Manifest:
    sources = sources_in(artifact, checkout.root) | {
        path for path in deployable.inputs if (checkout.root / path).is_file()
    }
    checkout.refuse_uncommitted(sources)
    launcher = checkout.root / deployable.launcher if deployable.launcher else None
    return Manifest(
        name=deployable.name,
        artifact_sha256=sha256_of(artifact.read_bytes()),
        launcher_sha256=sha256_of(launcher.read_bytes()) if launcher else None,
        commit=checkout.newest_commit(sources),
        contracts=contracts_in(artifact),
        tables=tables_in(artifact, deployable.contract) if deployable.contract else {},
        sources=tuple(sorted(sources)),
    )


def releases_of(root: Path, deployable: Deployable) -> Path:
    """Folder of the builds of a name."""
    return root / "dist/releases" / deployable.name


def read_built(root: Path, deployable: Deployable) -> Built:
    """The newest build of a name on this machine, its files compared with their hashes.

    Raises:
        NotBuiltError: If there is none.
        HashMismatchError: If a file was changed since.
    """
    releases = releases_of(root, deployable)
    newest = releases / NEWEST
    folder = releases / newest.read_text("utf-8").strip() if newest.is_file() else releases
    path = folder / MANIFEST
    if not path.is_file():
        raise NotBuiltError(deployable.name, str(releases))
    manifest = read_manifest(path.read_bytes(), str(path))
    parts = {"artifact": folder / deployable.artifact, "manifest": path}
    if deployable.launcher:
        parts["launcher"] = folder / Path(deployable.launcher).name
    for part, file in parts.items():
        found = sha256_of(file.read_bytes()) if file.is_file() else "none: the file is missing"
        if found != manifest.hashes[part]:
            remedy = f"`driftlake release build {deployable.name}` makes it anew."
            raise HashMismatchError(str(file), manifest.hashes[part], found, remedy)
    return Built(deployable, manifest, parts)
