"""Makes `.venv` and `.jars`, from the lock and the jar list and nothing else; `make setup` runs it.

With `--glue-image` it also makes what Glue's image has, under which the PEX files are tested: `.cache/glue-image`, a
Python with only its packages, and `.jars-aws`, the jars that reach S3 and the Glue catalog.

Needs Python 3.11 with `venv`, and the package index and Maven Central on the first run. Running it again checks the
stamps and ends within a second. Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "3rdparty/python/default.lock"
PEX_PIN = ROOT / "3rdparty/python/pex.txt"
JAR_LIST = ROOT / "3rdparty/jars/jars.txt"
VENV = ROOT / ".venv"
JARS = ROOT / ".jars"
AWS_JAR_LIST = ROOT / "3rdparty/jars/aws-jars.txt"
AWS_JARS = ROOT / ".jars-aws"
CACHE = ROOT / ".cache"

PIP_VERSION = "23.1.2"
"""As in pants.toml: one resolver for the PEX files and for `.venv`."""

GLUE_IMAGE = ("pyspark", "numpy", "pandas", "pyarrow", "boto3")
"""What the image of Glue 5.1 brings of what we use."""

SOURCE_ROOTS = ("libs/*/src", "stages/*/src", "sources/*/src", "functions/src", "runner/src")
MAVEN = os.environ.get("DRIFTLAKE_MAVEN_URL", "https://repo1.maven.org/maven2").rstrip("/")
"""Where jars come from; a mirror must hold the same bytes."""


class SetUpError(Exception):
    """The set-up cannot go on; the message says what to do."""


def say(text: str) -> None:
    """One line of progress."""
    print(f"setup: {text}", flush=True)


def digest_of(*parts: bytes) -> str:
    """SHA-256 over parts, each told from the next."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def quiet_environment() -> dict[str, str]:
    """The environment without what would make one machine resolve otherwise than another."""
    left_out = ("PIP_FIND_LINKS", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    # Built wheels, kept between clones: the second set-up takes a fifth of the first.
    return {"PEX_ROOT": str(caches / "driftlake/pex")} | kept


def run_logged(command: Sequence[str | Path], what: str) -> None:
    """Run a command with its output in a log, showing that time passes.

    Raises:
        SetUpError: If it fails; carries the end of the log.
    """
    CACHE.mkdir(exist_ok=True)
    log_path = CACHE / "setup.log"
    started = time.monotonic()
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=subprocess.STDOUT, env=quiet_environment()
        )
        while process.poll() is None:
            time.sleep(0.2)
            if sys.stdout.isatty():
                print(f"\rsetup: {what} ... {time.monotonic() - started:.0f} s ", end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    if process.returncode:
        tail = "\n".join(log_path.read_text(errors="replace").splitlines()[-20:])
        raise SetUpError(
            f"{what} failed. The end of {log_path}:\n{tail}\nRun `make setup` again once it is mended."
        )
    say(f"{what}: done in {time.monotonic() - started:.0f} s")


def pex_tool() -> Path:
    """Python of the small environment that holds pex and nothing else, made if need be."""
    home = CACHE / f"pex-{digest_of(PEX_PIN.read_bytes(), sys.version.encode())[:16]}"
    python = home / "bin/python"
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        run_logged([sys.executable, "-m", "venv", home], "making an environment for pex")
        pip_install = [python, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", PEX_PIN]
        run_logged(pip_install, "installing pex")
        (home / "ready").touch()
    return python


def lock_without_header() -> Path:
    """The lock as pex itself reads it: Pants heads it with `//` lines, which are not JSON."""
    lines = LOCK.read_text().splitlines(keepends=True)
    plain = CACHE / "default.lock.json"
    plain.write_text("".join(line for line in lines if not line.startswith("//")))
    return plain


def make_environment(folder: Path, packages: Sequence[str] = ()) -> None:
    """An environment with packages of the lock (all, if none is named) and what they need, unless it is there."""
    wanted = digest_of(
        LOCK.read_bytes(),
        PEX_PIN.read_bytes(),
        sys.version.encode(),
        str(folder).encode(),
        " ".join(packages).encode(),
    )
    stamp = folder / ".made-from"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    python = pex_tool()
    shutil.rmtree(folder, ignore_errors=True)
    create: list[str | Path] = [python, "-m", "pex.cli", "venv", "create", "--lock", lock_without_header()]
    create += [
        "--dir",
        folder,
        "--python",
        sys.executable,
        "--pip-version",
        PIP_VERSION,
        "--prompt",
        "driftlake",
    ]
    run_logged(
        [*create, *packages], f"installing {len(packages) or 'all'} packages of the lock into {folder.name}"
    )
    stamp.write_text(wanted)


def link_sources() -> None:
    """Put the first-party source roots on the path of `.venv`, and `driftlake` among its commands."""
    roots = sorted(str(folder) for pattern in SOURCE_ROOTS for folder in ROOT.glob(pattern))
    site_packages = VENV / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (site_packages / "driftlake.pth").write_text("\n".join(roots) + "\n")
    script = VENV / "bin/driftlake"
    script.write_text(
        f"#!{VENV}/bin/python\nimport sys\n\nfrom driftlake.cli import main\n\nsys.exit(main())\n"
    )
    script.chmod(0o755)


def listed_jars(jar_list: Path) -> Iterator[tuple[str, str]]:
    """SHA-256 and repository path of each jar in a list."""
    for line in jar_list.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            sha256, path = line.split()
            yield sha256, path


def fetch_jar(sha256: str, path: str, folder: Path) -> None:
    """Fetch one jar into a folder and check it before it gets its name.

    Raises:
        SetUpError: If it cannot be had, or its bytes are not those of the list.
    """
    target = folder / Path(path).name
    part = target.with_suffix(".part")
    say(f"fetching {target.name}")
    try:
        with urllib.request.urlopen(f"{MAVEN}/{path}", timeout=120) as answer, part.open("wb") as sink:
            shutil.copyfileobj(answer, sink)
    except (urllib.error.URLError, OSError) as error:
        raise SetUpError(
            f"cannot fetch {MAVEN}/{path}: {error}. Check the network, or name a mirror of Maven Central "
            "in DRIFTLAKE_MAVEN_URL."
        ) from error
    found = hashlib.sha256(part.read_bytes()).hexdigest()
    if found != sha256:
        part.unlink()
        raise SetUpError(
            f"{MAVEN}/{path} has SHA-256 {found}, not {sha256} as {JAR_LIST.parent.name} says. It was not kept."
        )
    part.replace(target)


def fetch_jars(jar_list: Path, folder: Path) -> None:
    """A folder with exactly the jars of a list: a session loads all that lie there."""
    folder.mkdir(exist_ok=True)
    wanted = {Path(path).name: (sha256, path) for sha256, path in listed_jars(jar_list)}
    for stale in (jar for jar in folder.iterdir() if jar.name not in wanted):
        stale.unlink()
    for name, (sha256, path) in wanted.items():
        jar = folder / name
        if not jar.is_file() or hashlib.sha256(jar.read_bytes()).hexdigest() != sha256:
            fetch_jar(sha256, path, folder)


def main(arguments: Sequence[str]) -> int:
    """Set up; the exit code is 1 with a message if that cannot be done."""
    if sys.version_info[:2] != (3, 11):
        say(
            f"this is Python {sys.version.split()[0]}; Glue runs 3.11, and so must we. Use `make PYTHON=python3.11`."
        )
        return 1
    try:
        make_environment(VENV)
        link_sources()
        fetch_jars(JAR_LIST, JARS)
        if "--glue-image" in arguments:
            make_environment(CACHE / "glue-image", GLUE_IMAGE)
            fetch_jars(AWS_JAR_LIST, AWS_JARS)
    except SetUpError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
