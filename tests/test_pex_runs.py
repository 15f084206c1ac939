"""The five PEX files, as Glue would run them: each in its own process, under a Python that has only what Glue's image
has, with executors in processes of their own. `make pex` makes the files and that Python; nothing is built here.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pipeline_runs import assert_balanced, contents, run_pipeline

from iot_common.contracts.catalogue import TABLES
from iot_common.io.java import find_java_home
from iot_common.io.session import jar_folder
from iot_simulator.config import SimulationConfig
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import simulate

pytestmark = pytest.mark.pex

ROOT = Path(__file__).resolve().parents[1]
LAUNCHER = ROOT / "infra/launcher/launch_stage.py"
GLUE_PYTHON = ROOT / ".cache/glue-image/bin/python"
STAGES = ("bronze", "silver", "gold", "drift", "metrics")
MASTER = "local-cluster[2,1,1024]"
"""Two executors of one core and 1 GB, each a Java process with Python workers that share nothing with the driver's."""

DRIFT_SETTINGS = {"reference_hours": "4", "reference_min_windows": "12"}
"""So that a landing of half a day trains and scores the model: scikit-learn must come out of the PEX."""

WITHOUT_ROWS = {"silver.quarantine_action", "silver.circuit_breaker"}
"""Tables of what does not happen here: no replay, and no version of which most records fail."""

REFERENCE_VALIDATOR = {
    "jsonschema", "jsonschema_specifications", "referencing", "rpds_py", "attrs", "typing_extensions",
}  # fmt: skip
"""What `iot_common.engine.draft07` hands over to, where a contract names a document of another dialect."""

OWN_DISTRIBUTIONS = {
    "bronze": {"fastavro", "isal", "zstandard"},
    "silver": {
        "fastavro",
        "orjson",
        "zstandard",
        "msgspec",
        "google_re2",
        "idna",
        *REFERENCE_VALIDATOR,
    },
    "gold": set(),
    "drift": {
        "google_re2",
        "idna",
        *REFERENCE_VALIDATOR,
        "orjson",
        "scikit_learn",
        "scipy",
        "joblib",
        "cloudpickle",
        "threadpoolctl",
        "numpy",
    },
    "metrics": set(),
}
"""What each stage brings along. numpy comes with scikit-learn and is never unpacked (see `iot_common.pex`)."""


def built(path: Path) -> Path:
    """A file that `make pex` makes; skips by name where it is absent, and fails in CI."""
    if path.exists():
        return path
    missing = f"{path.relative_to(ROOT)} is absent: `make pex` makes it"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def pex_of(stage: str) -> Path:
    return built(ROOT / f"dist/{stage}.pex")


def run_bare(arguments: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the Glue image's Python with nothing of our environment: no PYTHONPATH, no `.venv`, no home."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),  # PEX files are unpacked here, and Spark's scratch files go here
        "JAVA_HOME": str(find_java_home()),
        "DRIFTLAKE_JARS": str(jar_folder().resolve()),
        "SPARK_HOME": str(spark_home(folder)),
    }
    command = [str(part) for part in (built(GLUE_PYTHON), "-I", *arguments)]
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def spark_home(folder: Path) -> Path:
    """The image's Spark, by links: executors of a local cluster leave copies of every jar under their SPARK_HOME."""
    home = folder / "spark"
    (origin,) = built(GLUE_PYTHON).parents[1].glob("lib/python3.*/site-packages/pyspark")
    home.mkdir(exist_ok=True)
    for part in ("bin", "jars", "python"):
        if not (home / part).exists():
            (home / part).symlink_to(origin / part)
    return home


def as_options(settings: dict[str, str]) -> list[str]:
    return [text for name, value in settings.items() for text in (f"--{name.replace('_', '-')}", value)]


def run_stages(landing: Path, warehouse: Path, folder: Path) -> None:
    """Bronze, silver, gold, drift, metrics: one process after another, meeting only in the warehouse."""
    own = {"bronze": {"landing": str(landing)}, "drift": DRIFT_SETTINGS}
    common = {"warehouse": str(warehouse), "master": MASTER, "driver_memory": "1g"}
    for stage in STAGES:
        options = as_options(common | own.get(stage, {}))
        done = run_bare([LAUNCHER, "--pex", pex_of(stage), "--", *options], folder)
        assert done.returncode == 0, f"{stage}: {done.stdout}{done.stderr}"
        shutil.rmtree(spark_home(folder) / "work")  # it is there: the executors were processes of their own


def test_the_glue_image_has_none_of_the_packages_that_a_pex_brings(tmp_path: Path) -> None:
    modules = ("fastavro", "isal", "orjson", "sklearn", "zstandard", "iot_common")
    code = f"import importlib.util as u; print([name for name in {modules!r} if u.find_spec(name)])"
    assert run_bare(["-c", code], tmp_path).stdout.strip() == "[]"


@pytest.mark.parametrize("stage", STAGES)
def test_tells_its_settings_under_a_python_without_any_package(stage: str, tmp_path: Path) -> None:
    """`-S` takes even the Glue image's packages away: `--help` needs neither Spark nor Java."""
    done = run_bare(["-S", LAUNCHER, "--pex", pex_of(stage), "--", "--help"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"iot_{stage}" in done.stdout
    assert "--warehouse" in done.stdout


@pytest.mark.slow
def test_five_pex_files_give_the_tables_of_the_local_runner(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    simulate(SimulationConfig(events=4000, devices=40, scenario=load_scenario("demo")), landing)
    local = [part for name, value in DRIFT_SETTINGS.items() for part in ("--set", f"drift.{name}={value}")]
    with ThreadPoolExecutor(1) as beside:
        by_runner = beside.submit(run_pipeline, landing, tmp_path / "by_runner", *local)
        run_stages(landing, tmp_path / "by_pex", tmp_path)
        by_runner.result()
    expected, found = contents(tmp_path / "by_runner"), contents(tmp_path / "by_pex")
    differing = [name for name in expected if expected[name] != found[name]]
    assert differing == []
    empty = {name for name, rows in found.items() if not rows}
    assert empty == WITHOUT_ROWS, "a table without rows proves nothing"
    assert found.keys() == {name for name in TABLES if not name.startswith("ops.")}
    assert_balanced(tmp_path / "by_pex")


def modules_in(pex: Path) -> dict[str, str]:
    """Our own modules in a PEX, by dotted name, with their source text."""
    with zipfile.ZipFile(pex) as archive:
        paths = [name for name in archive.namelist() if name.startswith("iot_") and name.endswith(".py")]
        dotted = (path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths)
        return {name: archive.read(path).decode() for name, path in zip(dotted, paths, strict=True)}


def imported_by(source: str) -> set[str]:
    """What a module imports, anywhere in it; `from a import b` may mean the module `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def used_from(entries: set[str], modules: dict[str, str]) -> set[str]:
    """The modules reached from `entries` through imports, with the packages they lie in."""
    reached: set[str] = set()
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name in modules and name not in reached:
            reached.add(name)
            waiting += imported_by(modules[name]) | {name.rpartition(".")[0]}
    return reached


@pytest.mark.parametrize("stage", STAGES)
def test_a_pex_holds_its_own_stage_and_only_what_that_uses(stage: str) -> None:
    modules = modules_in(pex_of(stage))
    assert {name.partition(".")[0] for name in modules} == {f"iot_{stage}", "iot_common"}
    own = {name for name in modules if name.partition(".")[0] == f"iot_{stage}"}
    assert set(modules) - used_from(own | {"iot_common.pex"}, modules) == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_pex_brings_neither_tests_nor_what_the_host_has(stage: str) -> None:
    with zipfile.ZipFile(pex_of(stage)) as archive:
        names = archive.namelist()
        distributions = set(json.loads(archive.read("PEX-INFO"))["distributions"])
    assert {wheel.partition("-")[0] for wheel in distributions} == OWN_DISTRIBUTIONS[stage]
    ours = [name for name in names if not name.startswith((".bootstrap", ".deps"))]
    assert [name for name in ours if "test" in name.lower()] == []
