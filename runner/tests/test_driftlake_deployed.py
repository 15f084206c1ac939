"""A deployed warehouse: the commands that read take its s3:// prefix. S3 and Glue are moto's server: simulated."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from driftlake.cli import main
from driftlake.errors import BlockReadError
from driftlake.query_engine import run_query
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.io.notices import emit_once
from iot_common.io.objects import delete_prefix
from iot_common.notices import CIRCUIT_OPENED, Notice

WAREHOUSE = "s3://lake/warehouse"


def test_query_reads_tables_and_unpromoted_blocks(deployed: Any) -> None:
    deployed.bronze_block(1, [b"one", b"two"])
    deployed.bronze_block(2, [b"three"])
    deployed.promoted(1, [b"one", b"two"])
    sql = "select block_sequence, payload from bronze.raw_reading_all order by row_id"
    assert list(run_query(sql, WAREHOUSE).rows) == [(1, b"one"), (1, b"two"), (2, b"three")]


def test_a_block_that_is_gone_is_named(deployed: Any) -> None:
    deployed.bronze_block(1, [b"one"])
    deployed.append(RAW_READING, [])
    delete_prefix(f"{WAREHOUSE}/blocks")
    with pytest.raises(BlockReadError, match=r"blocks/1\.avro"):
        run_query("select count(*) from bronze.raw_reading_all", WAREHOUSE)


def test_tables_of_another_warehouse_are_not_seen(deployed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.append(BLOCK, [])
    code = main(["query", "select 1", "--warehouse", "s3://lake/other"])
    assert (code, "no warehouse at s3://lake/other" in capsys.readouterr().err) == (2, True)


def test_status_shows_tables_and_notices(deployed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.promoted(1, [b"one", b"two"])
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    emit_once(f"{WAREHOUSE}/ops/notices", Notice(CIRCUIT_OPENED, "1.1.0", "silver", "Held back.", noon))
    assert main(["status", "--warehouse", WAREHOUSE, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [(table["table"], table["rows"], table["files"]) for table in said["tables"]] == [
        ("bronze.raw_reading", 2, 1)
    ]
    assert "Held back." in json.dumps(said)


@pytest.mark.parametrize(
    "command", [["run", "--landing", "{landing}"], ["quarantine", "replay", "--yes"], ["backfill", "--yes"]]
)
def test_commands_that_write_refuse_it(
    command: list[str], deployed: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.append(QUARANTINE, [])
    filled = [part.format(landing=tmp_path) for part in command]
    code = main([*filled, "--warehouse", WAREHOUSE])
    assert (code, capsys.readouterr().err.count("\n")) == (2, 1)
    assert not (tmp_path / "s3:").exists()
    assert not Path("s3:").exists()


def test_missing_credentials_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    code = main(["query", "select 1", "--warehouse", WAREHOUSE])
    assert code == 1
    assert (
        "cannot list the tables of the Glue catalog: Unable to locate credentials" in capsys.readouterr().err
    )
