"""Where the evaluation data is: third-party files that tests use and no package ships."""

from __future__ import annotations

import os
from pathlib import Path


def evaluation_data(name: str) -> Path | None:
    """The folder or file `name` of the evaluation data, or None where it is absent.

    Looked for under `DRIFTLAKE_DATA`, else under `../shared/data` seen from the repository's root.

    Raises:
        FileNotFoundError: absent in CI, which has the data; a test must not be skipped there.
    """
    folder = os.environ.get("DRIFTLAKE_DATA")
    root = Path(folder) if folder else _repository_root().parent / "shared" / "data"
    found = root / name
    if found.exists():
        return found
    if os.environ.get("CI", "").lower() in ("1", "true"):
        raise FileNotFoundError(f"evaluation data {found} is absent; set DRIFTLAKE_DATA to its folder")
    return None


def _repository_root() -> Path:
    """The nearest folder above the working directory, or above this file, that holds `pants.toml`."""
    for start in (Path.cwd(), Path(__file__).resolve()):
        for folder in (start, *start.parents):
            if (folder / "pants.toml").is_file():
                return folder
    return Path.cwd()
