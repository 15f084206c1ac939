"""The contract registry: which version judges a record, what leads it to the columns, and the files it is read from."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from iot_common.engine.contract import compile_contract
from iot_common.engine.errors import ContractError
from iot_common.engine.events import EventCode
from iot_common.engine.migration_file import MigrationError, read_migration
from iot_common.engine.registry import ContractRegistry, packaged_registry, read_registry
from iot_common.errors import SettingsError
from iot_common.io.contract_folder import contract_files

FIRST = resources.files("iot_common.contracts").joinpath("raw-iot-data-1.0.0.schema.json").read_text("utf-8")


def a_migration(version: str, to: str, key: str = "x") -> Any:
    rule = f'kind = "rename"\npath = "{key}{version}"\nto = "{key}{to}"'.replace(".", "_")
    text = f"[[rules]]\n{rule}\n[[examples]]\nbefore = '{{}}'\nafter = '{{}}'\n"
    return read_migration(version, f'to = "{to}"\n{text}')


def schema_file(version: str, **changes: Any) -> tuple[str, str]:
    schema = json.loads(FIRST)
    schema["properties"] |= changes
    return f"raw-iot-data-{version}.schema.json", json.dumps(schema)


def registry_of(*versions: str) -> ContractRegistry:
    return ContractRegistry(compile_contract(version, {"type": "object"}) for version in versions)


@pytest.mark.parametrize(
    ("reported", "judge", "fallback", "code"),
    [
        ("1.0.0", "1.0.0", False, None),
        ("1.2.0", "1.2.0", False, None),
        ("1.0.7", "1.0.0", True, EventCode.VERSION_MINOR),
        ("1.1.9", "1.0.0", True, EventCode.VERSION_MINOR),
        ("1.10.0", "1.2.0", True, EventCode.VERSION_MINOR),
        ("3.0.0", None, False, EventCode.VERSION_MAJOR),
        ("0.9.0", None, False, EventCode.VERSION_MAJOR),
        ("2.0.0", None, False, EventCode.VERSION_UNKNOWN),
        ("2.1.0", None, False, EventCode.VERSION_MAJOR),
        ("2.2.0", None, False, EventCode.VERSION_MAJOR),
        ("1.0", "1.2.0", True, EventCode.VERSION_MALFORMED),
        ("v1.0.0", "1.2.0", True, EventCode.VERSION_MALFORMED),
        ("1.0.0\n", "1.2.0", True, EventCode.VERSION_MALFORMED),
        ("01.0.0", "1.2.0", True, EventCode.VERSION_MALFORMED),
        ("١.0.0", "1.2.0", True, EventCode.VERSION_MALFORMED),
        ("9" * 5000 + ".0.0", "1.2.0", True, EventCode.VERSION_MALFORMED),
        (None, "1.2.0", True, None),
        (1.0, "1.2.0", True, None),
    ],
)
def test_resolves_the_version_that_judges(reported, judge, fallback, code):
    resolution = registry_of("1.0.0", "1.2.0", "2.1.0").resolve(reported)
    assert (resolution.contract.version if resolution.contract else None) == judge
    assert (resolution.fallback, resolution.code) == (fallback, code)


def test_an_empty_registry_and_a_wrong_version_are_errors():
    with pytest.raises(ContractError, match="no contract"):
        ContractRegistry([])
    with pytest.raises(ContractError, match=r"MAJOR\.MINOR\.PATCH"):
        registry_of("1.0")


def with_migrations(*steps: tuple[str, str]) -> ContractRegistry:
    versions = ("1.0.0", "1.1.0", "2.0.0", "2.1.0", "3.0.0")
    contracts = [compile_contract(version, {"type": "object"}) for version in versions]
    return ContractRegistry(contracts, [a_migration(*step) for step in steps])


def test_a_version_of_another_major_is_judged_by_its_own_contract_and_led_to_the_columns():
    registry = with_migrations(("2.0.0", "1.0.0"))
    judged = registry.resolve("2.0.0")
    assert (judged.contract.version, judged.target.version) == ("2.0.0", "1.0.0")
    assert (judged.code, judged.fallback, judged.migration.version) == (None, False, "2.0.0")
    assert registry.resolve("1.1.0").migration is None
    assert registry.resolve("1.1.0").target.version == "1.1.0"
    assert registry.latest.version == "1.1.0", (
        "records without a version are judged by what the columns speak"
    )
    assert [each.contract.version for each in registry.resolutions] == ["1.0.0", "1.1.0", "2.0.0", "2.1.0"]


def test_a_minor_version_takes_the_migration_of_the_one_below():
    registry = with_migrations(("2.0.0", "1.0.0"))
    assert registry.resolve("2.1.0").migration.version == "2.0.0"
    unregistered = registry.resolve("2.7.0")
    assert (unregistered.contract.version, unregistered.code) == ("2.1.0", EventCode.VERSION_MINOR)
    assert (unregistered.fallback, unregistered.migration.version) == (True, "2.0.0")


def test_migrations_follow_one_another_to_the_columns():
    registry = with_migrations(("3.0.0", "2.0.0"), ("2.0.0", "1.0.0"))
    led = registry.resolve("3.0.0")
    assert (led.contract.version, led.target.version) == ("3.0.0", "1.0.0")
    assert led.migration.upgrade({"x3_0_0": 1}).value == {"x1_0_0": 1}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([("2.0.0", "1.7.0")], "leads to 1.7.0, which is not registered"),
        ([("4.0.0", "1.0.0")], "no schema, is registered"),
        ([("2.0.0", "3.0.0")], "does not lead to major 1"),
        ([("2.0.0", "3.0.0"), ("3.0.0", "2.0.0")], "does not lead to major 1"),
        ([("1.0.0", "1.1.0"), ("2.0.0", "1.0.0")], "does not lead to major 1"),
    ],
)
def test_a_migration_that_leads_nowhere_is_an_error(steps, message):
    with pytest.raises(ContractError, match=message):
        with_migrations(*steps)


def test_a_folder_adds_versions_beside_the_packaged_ones(tmp_path: Path) -> None:
    name, text = schema_file("1.1.0", firmware={"type": "string"})
    (tmp_path / name).write_text(text)
    (tmp_path / "raw-iot-data-1.0.0.schema.json").write_text(FIRST + "\n")
    (tmp_path / "README.md").write_text("why")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "old").mkdir()
    files = contract_files(str(tmp_path))
    assert [each for each, _ in files] == ["raw-iot-data-1.0.0.schema.json", name]
    assert read_registry(files).versions == ("1.0.0", "1.1.0")
    assert contract_files("") == ()
    assert packaged_registry().versions == ("1.0.0",), "nothing leaks into the packaged versions"


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("raw-iot-data-1.1.schema.json", FIRST, ContractError, "are named"),
        ("raw-iot-data-01.1.0.schema.json", FIRST, ContractError, "are named"),
        ("raw-iot-data-1.1.0.json", FIRST, ContractError, "are named"),
        ("notes.txt", "", ContractError, "are named"),
        ("raw-iot-data-1.1.0.schema.json", "{", ContractError, "not JSON"),
        ("raw-iot-data-1.1.0.schema.json", '{"type": "text"}', ContractError, "contract 1.1.0"),
        ("raw-iot-data-1.0.0.schema.json", '{"type": "object"}', ContractError, "another content"),
        ("raw-iot-data-2.0.0.migration.toml", "to = 1", MigrationError, "to must be a text"),
        ("raw-iot-data-1.1.0.schema.json", "\udcff", SettingsError, "not UTF-8"),
    ],
)
def test_a_wrong_file_in_the_folder_is_an_error_of_usage(name, text, error, message, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, errors="surrogateescape")
    if error is MigrationError:
        text = "to = 1\n[[rules]]\n[[examples]]\n"
        (tmp_path / name).write_text(text)
    with pytest.raises(error, match=message) as raised:
        contract_files(str(tmp_path))
    assert raised.value.exit_code == 2


def test_a_folder_that_is_not_there_is_an_error_of_usage(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no folder of contracts"):
        contract_files(str(tmp_path / "missing"))
