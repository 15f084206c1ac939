"""Makes a stage's PEX importable, on the driver and in the executors' Python workers.

A PEX cannot be run where Spark is the host's: its own start-up hides the host's packages, pyspark among them. So the
launcher (`infra/launcher/launch_stage.py`) names it `.zip` and adds it to the path, and Spark ships it with
`addPyFile`. That is enough for our own code. The third-party packages in it have native parts, which no zip can hold:
`activate` unpacks them once per host.

Every function shipped to executors calls `activate()` before its other imports; it does nothing outside a PEX.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib
import os
import shutil
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

ARCHIVE_VARIABLE = "DRIFTLAKE_PEX"
"""Names the PEX (as `.zip`) in the driver's environment; the session ships that file to the executors."""

HOST_DISTRIBUTIONS = frozenset(
    (
        *("pyspark", "py4j", "numpy", "pandas", "pyarrow"),
        *("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python-dateutil", "six"),
    )
)
"""Stay in the PEX where the host has them: Spark's Python worker has imported numpy, pandas and pyarrow before any of
our code runs, and two versions in one process crash; botocore wants the urllib3 it came with."""


def own_archive() -> Path | None:
    """The zip this module was imported from; None if it lies on disk."""
    archive = getattr(globals().get("__loader__"), "archive", None)
    return Path(archive) if archive else None


@functools.cache
def activate() -> Path | None:
    """Put the packages of the PEX this module came from first on `sys.path`, unpacking them if need be.

    Returns:
        The folder with the unpacked PEX; None if this is no PEX, and then nothing was done.
    """
    archive = own_archive()
    return unpack_and_use(archive) if archive else None


def unpack_and_use(archive: Path) -> Path:
    """Unpack a PEX once per host and user, and put it first on `sys.path`."""
    folder = unpacked(archive)
    packages = sorted(str(path) for path in (folder / ".deps").glob("*"))
    sys.path[:0] = [entry for entry in (str(folder), *packages) if entry not in sys.path]
    importlib.invalidate_caches()
    return folder


def unpacked(archive: Path) -> Path:
    """Folder of the unpacked PEX; workers that start at the same time wait for the first of them."""
    home = _private_home()
    with zipfile.ZipFile(archive) as pex:
        # PEX-INFO holds the hashes of the code and of each package, so it names the content without reading it all.
        folder = home / hashlib.sha256(pex.read("PEX-INFO")).hexdigest()[:32]
        if folder.is_dir():
            return folder
        with (home / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _unpack(pex, folder)
    return folder


def _private_home() -> Path:
    """A folder only this user can write: others must not place code where we import from."""
    home = Path(tempfile.gettempdir()) / f"driftlake-pex-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid() or home.stat().st_mode & 0o022:
        return Path(tempfile.mkdtemp(prefix="driftlake-pex-"))
    return home


def _unpack(pex: zipfile.ZipFile, folder: Path) -> None:
    """Unpack beside the folder and rename, so that a killed worker leaves no half of one."""
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    left_out = {wheel for wheel in _wheels(pex) if _host_has(wheel)}
    pex.extractall(partial, [name for name in pex.namelist() if _wheel_of(name) not in left_out])
    partial.replace(folder)


def _wheels(pex: zipfile.ZipFile) -> set[str]:
    return {wheel for name in pex.namelist() if (wheel := _wheel_of(name))}


def _wheel_of(name: str) -> str | None:
    """`x-1.0-py3-none-any.whl` of `.deps/x-1.0-py3-none-any.whl/x/a.py`; None for our own code."""
    parts = name.split("/")
    return parts[1] if parts[0] == ".deps" and len(parts) > 1 and parts[1] else None


def _host_has(wheel: str) -> bool:
    name = wheel.split("-")[0].replace("_", "-").lower()
    if name not in HOST_DISTRIBUTIONS:
        return False
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
