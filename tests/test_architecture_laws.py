"""The laws of the architecture, checked over the syntax tree of every module.

`./pants` refuses what breaks law 1 as well (`__dependencies_rules__`); this is the check that a plain `make test` runs,
and the only one for the other laws.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from iot_common.contracts.catalogue import TABLES
from iot_common.contracts.table import TableContract

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("bronze", "silver", "gold", "drift", "metrics")
STAGE_PACKAGES = {f"iot_{stage}" for stage in STAGES}
FIRST_PARTY = STAGE_PACKAGES | {"iot_common", "iot_simulator", "iot_functions", "driftlake"}

SHAPE = ("README.md", "BUILD", "src/BUILD", "tests/BUILD")
SHAPE_OF_PACKAGE = ("__init__.py", "job.py", "settings.py", "contract.py", "tables.py", "transform.py")

PURE_MODULES = ("transform", "tables", "contract", "settings")
"""Modules of a stage that do no input or output and reach none; the others are reached only from `job`."""

EFFECTS = {"iot_common.io", "iot_common.stage", "iot_common.testing"}
"""First-party modules with effects. `iot_common.pex` is not among them: it makes other imports possible."""

EFFECT_LIBRARIES = {
    *("boto3", "botocore", "pyiceberg", "duckdb", "sqlite3", "pyarrow.fs", "py4j"),
    *("os", "pathlib", "shutil", "glob", "tempfile", "subprocess", "socket", "urllib", "http", "requests"),
}
"""Imports through which a module reaches the world."""

IMPURE_LIBRARIES = EFFECT_LIBRARIES | {"time", "random", "secrets", "uuid", "sys", "logging", "threading"}
"""What `transform` may not even import: clock, randomness and environment are passed in."""

IMPURE_CALLS = {
    *("open", "print", "input"),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("F.current_timestamp", "F.now", "F.current_date", "F.rand", "F.randn", "F.uuid", "F.unix_timestamp"),
}
SESSION_ATTRIBUTES = {"builder", "getActiveSession", "getOrCreate", "readStream", "writeStream", "writeTo"}
WRITING_CALLS = {"ensure_table", "add_text_columns", "append_once", "overwrite_once", "merge_once"}
WRITING_VERBS = (
    "MERGE INTO",
    "INSERT INTO",
    "DELETE FROM",
    "UPDATE ",
    "ALTER TABLE",
    "CREATE TABLE",
    "DROP TABLE",
)


def source_folder(package: str) -> Path:
    """Where a package lies."""
    stage = package.removeprefix("iot_")
    places = {
        "iot_common": "libs/common",
        "iot_simulator": "sources/simulator",
        "iot_functions": "functions",
        "driftlake": "runner",
    }
    return ROOT / places.get(package, f"stages/{stage}") / "src" / package


def modules_of(package: str) -> dict[str, Path]:
    """Every module of a package, by dotted name."""
    folder = source_folder(package)
    return {
        ".".join((package, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in sorted(folder.rglob("*.py"))
    }


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`, which never run."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _run_time_nodes(child)


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Dotted names a module imports, at its top or inside functions; `from a import b` gives both `a` and `a.b`."""
    found: set[str] = set()
    for node in _run_time_nodes(tree_of(path)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def calls_in(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))


def within(name: str, packages: set[str]) -> bool:
    """True if a dotted name is one of the packages or lies in one."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def reached_from(module: str, modules: dict[str, Path]) -> set[str]:
    """The module and all others of its package that it imports, and those they import."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in modules and name not in reached:
            reached.add(name)
            waiting.extend(imports_of(modules[name]))
    return reached


def contract_of(stage: str, name: str) -> tuple[TableContract, ...]:
    """`READS` or `WRITES` of a stage's contract."""
    tables: tuple[TableContract, ...] = getattr(importlib.import_module(f"iot_{stage}.contract"), name)
    return tables


@pytest.mark.parametrize("stage", STAGES)
def test_stage_has_the_common_shape(stage: str) -> None:
    folder = ROOT / "stages" / stage
    wanted = [*SHAPE, *(f"src/iot_{stage}/{name}" for name in SHAPE_OF_PACKAGE)]
    assert [name for name in wanted if not (folder / name).is_file()] == []
    assert list((folder / "tests").glob(f"test_{stage}_*.py"))


@pytest.mark.parametrize("stage", STAGES)
def test_stage_imports_no_other_stage(stage: str) -> None:
    """Law 1."""
    foreign = FIRST_PARTY - {f"iot_{stage}", "iot_common"}
    broken = {
        (module, name)
        for module, path in modules_of(f"iot_{stage}").items()
        for name in imports_of(path)
        if within(name, foreign)
    }
    assert broken == set()


@pytest.mark.parametrize("package", ["iot_common", "iot_simulator", "iot_functions"])
def test_library_and_sources_import_no_stage(package: str) -> None:
    """Law 1."""
    foreign = FIRST_PARTY - {package, "iot_common"}
    broken = {
        (m, name)
        for m, path in modules_of(package).items()
        for name in imports_of(path)
        if within(name, foreign)
    }
    assert broken == set()


def test_every_table_has_one_writing_stage() -> None:
    """Law 3: the owner in a contract, and that stage's `WRITES`, say the same."""
    writers = {table.name: [] for table in TABLES.values()}
    for stage in STAGES:
        for table in contract_of(stage, "WRITES"):
            writers[table.name].append(stage)
    assert writers == {table.name: [table.owner] for table in TABLES.values()}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_writes_only_its_own_tables(stage: str) -> None:
    """Law 3: no call and no statement that writes names a contract of another stage."""
    foreign = {
        f"{module}.{name}"
        for module in modules_of("iot_common")
        if module.startswith("iot_common.contracts.")
        for name, value in vars(importlib.import_module(module)).items()
        if isinstance(value, TableContract) and value.owner != stage
    }
    for module, path in modules_of(f"iot_{stage}").items():
        names = {name.rpartition(".")[2] for name in imports_of(path) & foreign}
        assert not written_names(path) & names, module


def written_names(path: Path) -> set[str]:
    """Names given to writing calls, and the names in an f-string that begins with a writing verb."""
    found: set[str] = set()
    for call in calls_in(path):
        if ast.unparse(call.func).rpartition(".")[2] in WRITING_CALLS:
            found |= _names_in(*call.args, *(keyword.value for keyword in call.keywords))
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.JoinedStr) and _literal_start(node).upper().startswith(WRITING_VERBS):
            # `MERGE INTO {catalog}.{table} ...`: what comes after the target is read.
            targets = [part for part in node.values if isinstance(part, ast.FormattedValue)][:2]
            found |= _names_in(*targets)
    return found


def _literal_start(node: ast.JoinedStr) -> str:
    first = node.values[0] if node.values else None
    return str(first.value).lstrip() if isinstance(first, ast.Constant) else ""


def _names_in(*nodes: ast.AST) -> set[str]:
    return {name.id for node in nodes for name in ast.walk(node) if isinstance(name, ast.Name)}


@pytest.mark.parametrize("stage", STAGES)
def test_stage_writes_only_through_the_common_library(stage: str) -> None:
    """Laws 3 and 4: `iot_common.io` gives each commit its batch, so nothing is written past it."""
    forbidden = {"writeTo", "saveAsTable", "insertInto", "writeStream", "getOrCreate"}
    broken = {
        (module, node.attr)
        for module, path in modules_of(f"iot_{stage}").items()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in forbidden
    }
    assert broken == set()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("module", PURE_MODULES)
def test_only_job_reaches_input_and_output(stage: str, module: str) -> None:
    """Law 4: no module with effects can be reached from the pure ones."""
    modules = modules_of(f"iot_{stage}")
    broken = {
        (name, imported)
        for name in reached_from(f"iot_{stage}.{module}", modules)
        for imported in imports_of(modules[name])
        if within(imported, EFFECTS | EFFECT_LIBRARIES)
    }
    assert broken == set()


@pytest.mark.parametrize("stage", STAGES)
def test_stage_reaches_the_world_only_through_the_common_library(stage: str) -> None:
    """Law 4: modules named for it, so that one place knows how a place is opened."""
    broken = {
        (module, name)
        for module, path in modules_of(f"iot_{stage}").items()
        for name in imports_of(path)
        if within(name, EFFECT_LIBRARIES)
    }
    assert broken == set()


@pytest.mark.parametrize("stage", STAGES)
def test_transform_is_pure(stage: str) -> None:
    """Law 4: no session, clock, environment or randomness that is not passed in."""
    path = modules_of(f"iot_{stage}")[f"iot_{stage}.transform"]
    assert {name for name in imports_of(path) if within(name, IMPURE_LIBRARIES)} == set()
    assert {text for call in calls_in(path) if (text := ast.unparse(call.func)) in IMPURE_CALLS} == set()
    attributes = {node.attr for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute)}
    assert attributes & SESSION_ATTRIBUTES == set()
