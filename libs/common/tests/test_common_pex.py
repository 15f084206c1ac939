"""Unpacking a PEX: once, whole, and without what the host has."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from iot_common import pex


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpack under the test's folder, and give `sys.path` back."""
    monkeypatch.setattr(pex.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))


def a_pex(folder: Path, **packages: str) -> Path:
    """A zip laid out as Pants lays out a PEX; each package is `<distribution>=<module>`."""
    archive = folder / "stage.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("PEX-INFO", '{"entry_point": "iot_stage.job:main"}')
        written.writestr("iot_stage/__init__.py", '"""A stage."""\n')
        for distribution, module in packages.items():
            written.writestr(
                f".deps/{distribution}-1.0-py3-none-any.whl/{module}/__init__.py", "ORIGIN = 'pex'\n"
            )
    return archive


def test_does_nothing_outside_a_pex() -> None:
    path_before = list(sys.path)
    assert pex.activate() is None
    assert sys.path == path_before


def test_packages_of_the_pex_come_first_on_the_path(tmp_path: Path) -> None:
    archive = a_pex(tmp_path, only_in_pex="only_in_pex", fastavro="fastavro")
    folder = pex.unpack_and_use(archive)
    assert sys.path[0] == str(folder)
    code = "import sys; sys.path[:0] = sys.argv[1:]; import fastavro, only_in_pex; print(fastavro.ORIGIN)"
    done = subprocess.run(
        [sys.executable, "-c", code, *sys.path[:3]], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "pex"


def test_leaves_out_what_the_host_has(tmp_path: Path) -> None:
    """numpy is on this host; a package of Glue's image that is not comes from the PEX."""
    archive = a_pex(tmp_path, numpy="numpy", orjson="orjson")
    kept = {path.name.split("-")[0] for path in (pex.unpacked(archive) / ".deps").iterdir()}
    assert kept == {"orjson"}


def test_unpacks_once_for_all_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = a_pex(tmp_path, orjson="orjson")
    times: list[Path] = []
    unpack = pex._unpack
    monkeypatch.setattr(pex, "_unpack", lambda opened, folder: (times.append(folder), unpack(opened, folder)))
    with ThreadPoolExecutor(4) as workers:
        folders = set(workers.map(pex.unpacked, [archive] * 8))
    assert len(folders) == len(times) == 1


def test_a_half_unpacked_pex_is_unpacked_again(tmp_path: Path) -> None:
    archive = a_pex(tmp_path, orjson="orjson")
    folder = pex.unpacked(archive)
    folder.rename(folder.with_suffix(".partial"))
    (folder.with_suffix(".partial") / "stale.py").touch()
    again = pex.unpacked(archive)
    assert (again / "iot_stage/__init__.py").is_file()
    assert not (again / "stale.py").exists()


def test_does_not_import_from_a_folder_others_can_write(tmp_path: Path) -> None:
    folder = pex.unpacked(a_pex(tmp_path))
    folder.parent.chmod(0o777)
    assert pex.unpacked(a_pex(tmp_path)).parent != folder.parent
