"""Settings from a command line: kinds, defaults, refusals."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from iot_common.errors import SettingsError
from iot_common.settings import StageSettings, as_uri, parse_settings, setting


@dataclass(frozen=True, kw_only=True)
class ExampleSettings(StageSettings):
    """An example."""

    share: float = setting("a share", 0.5)


def test_arguments_become_typed_fields() -> None:
    settings = parse_settings(
        ExampleSettings, ["--warehouse", "w", "--share", "0.25", "--trigger-seconds", "5"], "x"
    )
    assert (settings.warehouse, settings.share, settings.trigger_seconds) == ("w", 0.25, 5)


def test_defaults_hold_where_nothing_is_said() -> None:
    assert parse_settings(ExampleSettings, ["--warehouse", "w"], "x").share == 0.5


@pytest.mark.parametrize(
    "arguments", [[], ["--warehouse", "w", "--share", "half"], ["--warehouse", "w", "--typo", "1"]]
)
def test_wrong_usage_ends_with_code_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_settings(ExampleSettings, arguments, "x")
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"catalog": "hive"},
        {"trigger_seconds": -1},
        {"shuffle_partitions": 0},
        {"java": "slow"},
        {"catalog": "glue"},
        {"catalog": "glue", "warehouse": "hdfs://lake"},
        {"catalog": "jdbc", "warehouse": "s3://lake/warehouse"},
    ],
)
def test_impossible_values_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        ExampleSettings(**{"warehouse": "w"} | wrong)


def test_a_path_becomes_an_absolute_uri_spelled_as_it_is(tmp_path: Path) -> None:
    assert as_uri(str(tmp_path / "a b%20c")) == f"file://{tmp_path}/a b%20c"
    assert as_uri("s3://bucket/prefix/") == "s3://bucket/prefix"
