"""`driftlake run --contracts`: a folder that is wrong is told before anything is read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftlake.cli import main


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (None, "no folder of contracts"),
        ("raw-iot-data-1.0.0.schema.json", "registered with another content"),
        ("raw-iot-data-1.1.schema.json", "contract files are named"),
    ],
)
def test_a_wrong_contract_folder_is_exit_code_2_and_writes_nothing(
    tmp_path: Path, name: str | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    landing, contracts, warehouse = (tmp_path / each for each in ("landing", "contracts", "warehouse"))
    landing.mkdir()
    if name is not None:
        contracts.mkdir()
        (contracts / name).write_text("{}")
    folders = ["-l", str(landing), "-w", str(warehouse), "--contracts", str(contracts)]
    assert main(["run", *folders]) == 2
    assert told in capsys.readouterr().err
    assert not warehouse.exists()
