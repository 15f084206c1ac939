"""`driftlake contract diff` as a person or a CI job calls it."""

from __future__ import annotations

import copy
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from driftlake.cli import main

GIVEN: dict[str, Any] = json.loads(
    resources.files("iot_common.contracts").joinpath("raw-iot-data-1.0.0.schema.json").read_bytes()
)


@pytest.fixture
def contract_file(tmp_path: Path) -> Any:
    def write(version: str, change: Any) -> str:
        schema = copy.deepcopy(GIVEN)
        change(schema)
        path = tmp_path / f"raw-iot-data-{version}.schema.json"
        path.write_text(json.dumps(schema))
        return str(path)

    return write


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["contract", "diff", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def reading(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return schema["properties"]["readings"]["properties"][name]["properties"]


def without_humidity(schema: dict[str, Any]) -> None:
    del schema["properties"]["readings"]["properties"]["humidity"]
    schema["properties"]["readings"]["required"].remove("humidity")


def test_a_version_equals_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = diff(capsys, "1.0.0", "1.0.0")
    assert (code, told["changes"], told["required_bump"]) == (0, [], "NONE")
    assert (told["backward"], told["forward"], told["full"]) == (True, True, True)


def test_removed_field_names_its_readers_and_refuses_a_minor_step(
    capsys: pytest.CaptureFixture[str], contract_file: Any
) -> None:
    code, told = diff(capsys, "1.0.0", contract_file("1.1.0", without_humidity))
    removed = next(change for change in told["changes"] if change["code"] == "PROPERTY_REMOVED")
    assert removed["path"] == "readings.humidity"
    assert {
        "silver.reading.humidity_percent",
        "gold.daily_summary.avg_value",
        "drift.window_score.features",
    } <= set(removed["read_by"])
    assert told["forward"] is False
    assert "humidity" not in told["counter_examples"]["forward"]["record"]["readings"]
    assert (code, told["decision"]["refused"]) == (1, True), told["required_bump"]


def test_new_optional_field_is_a_minor_step(capsys: pytest.CaptureFixture[str], contract_file: Any) -> None:
    new = contract_file("1.1.0", lambda schema: schema["properties"].update(firmware={"type": "string"}))
    code, told = diff(capsys, "1.0.0", new)
    assert (code, told["backward"], told["forward"], told["required_bump"]) == (0, True, False, "MINOR")
    assert "firmware" in told["counter_examples"]["forward"]["record"]
    assert main(["contract", "diff", "1.0.0", new, "--declared-bump", "patch"]) == 1
    assert main(["contract", "diff", "1.0.0", new, "--require", "backward"]) == 0
    assert main(["contract", "diff", "1.0.0", new, "--require", "full"]) == 1


def test_new_nested_field_is_a_minor_step_though_an_old_record_may_have_held_it(
    capsys: pytest.CaptureFixture[str], contract_file: Any
) -> None:
    new = contract_file(
        "1.1.0", lambda schema: reading(schema, "humidity").update(accuracy={"type": "number"})
    )
    code, told = diff(capsys, "1.0.0", new)
    assert (code, told["backward"], told["required_bump"]) == (0, False, "MINOR")
    assert "accuracy" in told["counter_examples"]["backward"]["record"]["readings"]["humidity"]


def test_tightened_range_and_unit_are_a_major_step(
    capsys: pytest.CaptureFixture[str], contract_file: Any
) -> None:
    def tighten(schema: dict[str, Any]) -> None:
        reading(schema, "temperature")["value"]["maximum"] = 60
        reading(schema, "temperature")["unit"]["enum"] = ["Celsius", "Kelvin"]

    code, told = diff(capsys, "1.0.0", contract_file("2.0.0", tighten))
    assert (code, told["required_bump"], told["full"]) == (0, "MAJOR", False)
    codes = {(change["path"], change["code"]) for change in told["changes"]}
    assert codes == {
        ("readings.temperature.value", "BOUND_TIGHTENED"),
        ("readings.temperature.unit", "ENUM_VALUE_ADDED"),
        ("readings.temperature.unit", "ENUM_VALUE_REMOVED"),
        ("readings.temperature.unit", "UNIT_CHANGED"),
    }


def test_descriptions_are_a_patch(capsys: pytest.CaptureFixture[str], contract_file: Any) -> None:
    code, told = diff(
        capsys, "1.0.0", contract_file("1.0.1", lambda schema: schema.update(description="said"))
    )
    assert (code, told["full"], told["required_bump"]) == (0, True, "PATCH")
    assert [change["code"] for change in told["changes"]] == ["ANNOTATION_CHANGED"]


def test_a_version_that_goes_back_is_refused(capsys: pytest.CaptureFixture[str], contract_file: Any) -> None:
    code, told = diff(
        capsys, "1.0.0", contract_file("0.9.0", lambda schema: schema.update(description="said"))
    )
    assert (code, told["decision"]["reason"]) == (1, "0.9.0 does not come after 1.0.0")


def test_the_table_says_what_changed_and_who_reads_it(
    capsys: pytest.CaptureFixture[str], contract_file: Any
) -> None:
    assert main(["contract", "diff", "1.0.0", contract_file("2.0.0", without_humidity)]) == 0
    shown = capsys.readouterr().out
    assert "PROPERTY_REMOVED" in shown
    assert "readings.humidity is read by silver.reading (humidity_percent" in shown
    assert "counter-example:" in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["1.0.0", "9.9.9"], "not registered"),
        (["1.0.0", "no-such-file.json"], "cannot read no-such-file.json"),
        (["1.0.0", "{bad}"], "no valid draft-07"),
        (["1.0.0", "{far}"], "nothing is fetched"),
        (["1.0.0", "1.0.0", "--formats", "maybe"], ""),
        (["1.0.0"], ""),
    ],
)
def test_wrong_usage_ends_with_2_and_one_line(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad").write_text('{"type": "strin"}')
    (tmp_path / "far").write_text('{"$ref": "https://example.org/other.json"}')
    given = [each.format(bad=tmp_path / "bad", far=tmp_path / "far") for each in arguments]
    assert main(["contract", "diff", *given]) == 2
    assert told in capsys.readouterr().err


def test_documents_are_given_never_fetched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, other = tmp_path / "old.json", tmp_path / "new.json", tmp_path / "other.json"
    old.write_text('{"$ref": "https://example.org/other.json"}')
    new.write_text('{"type": ["string", "null"]}')
    other.write_text('{"type": "string"}')
    code, told = diff(capsys, str(old), str(new), "--document", f"https://example.org/other.json={other}")
    assert (code, told["backward"], told["forward"]) == (0, True, False)


def test_a_document_without_a_uri_answers_to_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, other = tmp_path / "old.json", tmp_path / "new.json", tmp_path / "other.json"
    old.write_text('{"$ref": "other.json"}')
    new.write_text('{"type": "string"}')
    other.write_text('{"type": "string"}')
    code, told = diff(capsys, str(old), str(new), "--document", str(other))
    assert (code, told["full"]) == (0, True)
