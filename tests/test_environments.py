"""`--env NAME` names the warehouse that Terragrunt deploys."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftlake.cli import main
from driftlake.environments import ACCOUNT_VARIABLE, warehouse_of, with_warehouse
from iot_common.errors import SettingsError

LIVE = Path(__file__).resolve().parents[1] / "infra/live"
ACCOUNT = "123456789012"


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ACCOUNT_VARIABLE, ACCOUNT)


def test_the_names_are_those_of_the_deployment() -> None:
    root = (LIVE / "root.hcl").read_text()
    assert 'name_prefix = "driftlake-${local.environment}-${local.account_id}"' in root
    assert 'warehouse_uri   = "s3://${local.name_prefix}-lake/warehouse"' in root
    assert f'get_env("{ACCOUNT_VARIABLE}"' in next(LIVE.glob("*/account.hcl")).read_text()
    assert warehouse_of("dev", ACCOUNT) == f"s3://driftlake-dev-{ACCOUNT}-lake/warehouse"


@pytest.mark.parametrize("given", [["--env", "prod"], ["--env=prod"]])
def test_an_environment_becomes_its_warehouse(given: list[str]) -> None:
    expected = ["status", "--warehouse", warehouse_of("prod", ACCOUNT), "--json"]
    assert with_warehouse(["status", *given, "--json"]) == expected


def test_other_arguments_stay_as_they_are() -> None:
    given = ["query", "select '--env'", "-w", "here", "--environment", "x"]
    assert with_warehouse(given) == given


@pytest.mark.parametrize(
    "given",
    [
        ["--env"],
        ["--env", ""],
        ["--env", "DEV"],
        ["--env", "a/b"],
        ["--env", "dev", "-w", "here"],
        ["--env", "dev", "--warehouse=here"],
        ["--env", "dev", "--env", "prod"],
    ],
)
def test_what_names_no_environment_is_refused(given: list[str]) -> None:
    with pytest.raises(SettingsError, match="--env"):
        with_warehouse(["status", *given])


@pytest.mark.parametrize("account", ["", "12345", "ACCOUNT_ID"])
def test_a_missing_or_placeholder_account_number_is_told(
    account: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ACCOUNT_VARIABLE, account)
    assert main(["status", "--env", "dev"]) == 2
    assert ACCOUNT_VARIABLE in capsys.readouterr().err
