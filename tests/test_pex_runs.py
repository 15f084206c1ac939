"""The five PEX files, as Glue runs them: each in its own process under the job's launcher, under a Python that has only
what Glue's image has, with executors in processes of their own, tables in the Glue catalog and everything else in S3.
`make pex` makes the files and that Python; nothing is built here. S3 and Glue are moto's server: simulated.
"""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from bare_python import GLUE_PYTHON, LAUNCHER, STAGES, pex_of, run_bare, spark_defaults, spark_home
from pipeline_runs import contents, contents_of, run_pipeline
from simulated_aws import WAREHOUSE, SimulatedAws, glue_tables, simulated_aws, upload

from iot_common.contracts.catalogue import TABLES
from iot_simulator.config import SimulationConfig
from iot_simulator.scenario import load_scenario
from iot_simulator.simulation import simulate

pytestmark = pytest.mark.pex

CLUSTER = {
    # Two executors of one core and 1 GB, each a Java process with Python workers that share nothing with the driver's.
    "spark.master": "local-cluster[2,1,1024]",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
}
"""What Glue gives its jobs, and no setting of ours names."""

OWN_SETTINGS = {
    # What has just arrived is promoted too: the road from blocks to `bronze.raw_reading` must be walked.
    "bronze": {"promote-minutes": "0"},
    # A landing of half a day trains and scores the model: scikit-learn must come out of the PEX.
    "drift": {"reference-hours": "4", "reference-min-windows": "12"},
}

WITHOUT_ROWS = {"silver.quarantine_action", "silver.circuit_breaker", "drift.event_action"}
"""Tables of what does not happen here: no replay, no version of which most records fail, nobody who answers."""

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


def job_arguments(stage: str, settings: Mapping[str, str]) -> list[str]:
    """Arguments of a Glue job: the pinned PEX, the stage's settings, and Glue's own, in Glue's odd shapes."""
    pex = pex_of(stage)
    sha256 = hashlib.sha256(pex.read_bytes()).hexdigest()
    uri = upload(pex, "artifacts", f"{stage}/{sha256}.pex")
    given = [text for name, value in settings.items() for text in (f"--setting-{name}", value)]
    ours = ["--pex", uri, "--pex-sha256", sha256, *given]
    return ["true", "--JOB_ID", "j_1", "true", *ours, "--JOB_RUN_ID", "jr_1", "--datalake-formats", "iceberg"]


def run_jobs(aws: SimulatedAws, folder: Path) -> None:
    """Bronze, silver, gold, drift, metrics: one process after another, meeting only in S3 and Glue."""
    common = {"warehouse": WAREHOUSE, "catalog": "glue"}
    landing = {"bronze": {"landing": "s3://landing"}}
    environment = aws.environment | {
        "SPARK_CONF_DIR": str(spark_defaults(folder / "conf", aws.spark_options | CLUSTER)),
        "PYSPARK_PYTHON": str(GLUE_PYTHON),
    }
    for stage in STAGES:
        done = run_bare(
            [LAUNCHER, *job_arguments(stage, common | landing.get(stage, {}) | OWN_SETTINGS.get(stage, {}))],
            folder,
            **environment,
        )
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
def test_five_jobs_on_s3_and_glue_give_the_tables_of_the_local_runner(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    simulate(SimulationConfig(events=4000, devices=40, scenario=load_scenario("demo")), landing)
    with simulated_aws() as aws:
        for file in (file for file in landing.rglob("*") if file.is_file()):
            upload(file, "landing", str(file.relative_to(landing)))
        run_jobs(aws, tmp_path)
        with glue_tables(aws) as tables:
            found = contents_of(tables)
            batches = tables.execute("select distinct stage, balanced from ops.conservation").fetchall()
    overrides = [
        f"{stage}.{name.replace('-', '_')}={value}"
        for stage, settings in OWN_SETTINGS.items()
        for name, value in settings.items()
    ]
    run_pipeline(landing, tmp_path / "by_runner", *[part for each in overrides for part in ("--set", each)])
    expected = contents(tmp_path / "by_runner")
    differing = [name for name in expected if expected[name] != found[name]]
    assert differing == []
    empty = {name for name, rows in found.items() if not rows}
    assert empty == WITHOUT_ROWS, "a table without rows proves nothing"
    assert found.keys() == {name for name in TABLES if not name.startswith("ops.")}
    assert {stage for stage, _ in batches} >= {"bronze", "silver", "gold", "drift"}
    assert all(balanced for _, balanced in batches)


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
