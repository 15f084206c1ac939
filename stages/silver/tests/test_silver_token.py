"""The token a run of silver leaves for the flow, on real tables."""

import json
from datetime import timedelta
from pathlib import Path

from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.io.iceberg import current_commit
from iot_common.io.run_tokens import leaving_token
from iot_common.testing.blocks import land_payloads
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import TEST_NOW, Lake
from iot_silver import job
from iot_silver.settings import SilverSettings


def token(lake: Lake, minutes: int = 0) -> dict[str, object]:
    context = lake.context("silver", SilverSettings, TEST_NOW + timedelta(minutes=minutes))
    leaving_token(job.run, BLOCK.name, TOUCHED_WINDOW.name)(context)
    path = Path(lake.folder, "ops/run_tokens/silver", f"{context.run.run_id}.json")
    told: dict[str, object] = json.loads(path.read_text())
    return told


def newest(lake: Lake, table: str) -> str:
    commit = current_commit(lake.spark, table)
    assert commit is not None
    return str(commit.snapshot_id)


def test_the_token_says_what_was_read_written_and_could_not_be_judged(lake: Lake) -> None:
    payloads = [
        as_payload(a_reading()),
        as_payload(a_reading(device_id="sensor_2", schema_version="1.9.0")),
        as_payload(a_reading(device_id="sensor_3", schema_version="2.0.0")),
        as_payload(a_reading(device_id="sensor_4", schema_version="3.0.0")),
        as_payload(a_reading(device_id="sensor_5", without=["schema_version"])),
        b'{"broken":',
    ]
    land_payloads(lake, payloads, arrived=TEST_NOW)
    first = token(lake)
    names = ("records_written", "records_without_contract", "unregistered_versions")
    # 1.9.0 is judged by 1.0.0; without a version, the latest judges.
    assert [first[name] for name in names] == [2, 2, ["2.0.0", "3.0.0"]]
    assert first["taken_snapshot_id"] == newest(lake, BLOCK.name)
    assert first["given_snapshot_id"] == newest(lake, TOUCHED_WINDOW.name)

    again = token(lake, minutes=15)
    assert [again[name] for name in names] == [0, 0, []]
    assert again["given_snapshot_id"] == first["given_snapshot_id"]
