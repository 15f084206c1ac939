"""Versions that arrive late, majors with a migration and devices that go back, on real Spark and Iceberg."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.engine.errors import ContractError
from iot_common.engine.events import DOWNGRADE_EXPECTED
from iot_common.io import iceberg
from iot_common.io.stream import QueryReport
from iot_common.metrics import CONSERVED, balance
from iot_common.testing.blocks import land_payloads
from iot_common.testing.contract_versions import (
    minor_step,
    second_major,
    second_major_migration,
    second_major_record,
    write_contracts,
)
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import TEST_NOW, Lake
from iot_silver import job, replay, revalidation
from iot_silver.selection import Selection
from iot_silver.settings import SilverSettings

ARRIVED = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def land(lake: Lake, *records: dict[str, Any], minutes: int = 0) -> None:
    payloads = [as_payload(record) for record in records]
    land_payloads(lake, payloads, arrived=ARRIVED + timedelta(minutes=minutes))


def run(lake: Lake, contracts: str = "", minutes: int = 0) -> dict[str, dict[str, int]]:
    """Rows by query and disposition; queries without a batch are left out."""
    context = lake.context(
        "silver", SilverSettings, TEST_NOW + timedelta(minutes=minutes), contracts=contracts
    )
    return summed(job.run(context))


def summed(reports: list[QueryReport]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for report in reports:
        for _, gates in report.batches:
            assert balance(gates) == 0
            counts = found.setdefault(report.query, {})
            for gate in gates:
                if gate.disposition in ("in", "replaced", *CONSERVED) and gate.rows:
                    counts[gate.disposition] = counts.get(gate.disposition, 0) + gate.rows
    return found


def verdicts(lake: Lake) -> dict[str, tuple[Any, ...]]:
    rows = lake.rows(
        READING, "schema_version", "contract_version", "version_fallback", "conforms", "_rescued"
    )
    return {row.schema_version: tuple(row)[1:] for row in rows}


def test_readings_that_waited_for_a_version_are_judged_again_when_it_arrives(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firmware = '{"firmware":"7"}'
    land(
        lake,
        a_reading(),
        a_reading(device_id="sensor_2", schema_version="1.1.0", firmware="7"),
        a_reading(device_id="sensor_3", schema_version="1.2.0", firmware="7"),
    )
    assert run(lake)["blocks"]["kept"] == 3
    waiting = ("1.0.0", True, False, firmware)
    assert verdicts(lake) == {"1.0.0": ("1.0.0", False, True, None), "1.1.0": waiting, "1.2.0": waiting}
    times = lake.rows(READING, "device_id", "event_time", "idempotency_key", "row_id")

    contracts = write_contracts(tmp_path / "contracts", minor_step("1.1.0"))
    append = iceberg.append_once

    def killed(frame: Any, contract: Any, *others: Any) -> Any:
        if contract is TOUCHED_WINDOW:
            raise OSError("killed")
        return append(frame, contract, *others)

    with monkeypatch.context() as patched, pytest.raises(Exception, match="killed"):
        patched.setattr(iceberg, "append_once", killed)
        run(lake, contracts)
    land(lake, a_reading(device_id="sensor_4", schema_version="1.1.0", firmware="7"), minutes=1)
    done = run(lake, contracts, minutes=1)
    assert done["revalidate"] == {"in": 2, "kept": 2, "replaced": 2}
    assert done["blocks"] == {"in": 1, "kept": 1}
    judged = ("1.1.0", False, True, firmware)
    assert verdicts(lake) == {
        "1.0.0": ("1.0.0", False, True, None), "1.1.0": judged, "1.2.0": ("1.1.0", True, True, firmware),
    }  # fmt: skip
    kept = lake.rows(READING, "device_id", "event_time", "idempotency_key", "row_id")
    assert [row for row in kept if row.device_id != "sensor_4"] == times
    touched = lake.table(TOUCHED_WINDOW).where("batch like 'revalidate/%'").collect()
    assert sorted(row.device_id for row in touched) == ["sensor_2", "sensor_3"]

    monkeypatch.setattr(revalidation, "waiting", lambda *_: pytest.fail("there is nothing to look for"))
    assert "revalidate" not in run(lake, contracts, minutes=2)
    monkeypatch.undo()
    assert "revalidate" not in run(lake, "", minutes=3), "a version that goes away takes nothing with it"
    assert verdicts(lake)["1.1.0"] == judged


def test_another_major_waits_in_quarantine_for_its_migration_and_a_device_may_go_back(
    lake: Lake, tmp_path: Path
) -> None:
    contracts = write_contracts(tmp_path / "contracts", minor_step("1.1.0"), second_major())
    land(lake, second_major_record(), a_reading(device_id="sensor_2", schema_version="1.1.0"))
    assert run(lake, contracts)["blocks"] == {"in": 2, "kept": 1, "quarantined": 1}
    (refused,) = lake.rows(QUARANTINE, "reason_code", "schema_version", "payload")
    assert (refused.reason_code, refused.schema_version) == ("VERSION_MAJOR", "2.0.0")
    assert bytes(refused.payload) == as_payload(second_major_record())

    write_contracts(tmp_path / "contracts", second_major_migration())
    context = lake.context("silver", SilverSettings, TEST_NOW + timedelta(minutes=1), contracts=contracts)
    assert summed(replay.replay(context, Selection(codes=("VERSION_MAJOR",)))) == {
        "replay": {"in": 1, "kept": 1}
    }
    went_back = a_reading(device_id="sensor_2", timestamp="2026-01-01T12:05:00Z")
    land(lake, second_major_record(timestamp="2026-01-01T12:05:00Z"), went_back, minutes=1)
    assert run(lake, contracts, minutes=2)["blocks"] == {"in": 2, "kept": 2}

    rows = lake.rows(
        READING, "device_id", "event_time", "contract_version", "temperature_celsius", "is_valid"
    )
    assert [(r.device_id, r.contract_version, r.temperature_celsius, r.is_valid) for r in rows] == [
        ("sensor_1", "2.0.0", 21.5, True),
        ("sensor_1", "2.0.0", 21.5, True),
        ("sensor_2", "1.1.0", 21.5, True),
        ("sensor_2", "1.0.0", 21.5, True),
    ]
    told = {row.schema_version: [tuple(each) for each in row.violations] for row in lake.rows(READING)}
    downgrade = ("schema_version", "VERSION_MINOR", DOWNGRADE_EXPECTED, "1.0.0 after 1.1.0")
    assert told == {"2.0.0": [], "1.1.0": [], "1.0.0": [downgrade]}
    observed = lake.table(SCHEMA_OBSERVATION).where("code is not null and schema_version = '1.0.0'").collect()
    assert [(row.code, row.expected, row.device_examples) for row in observed] == [
        ("VERSION_MINOR", DOWNGRADE_EXPECTED, ["sensor_2"])
    ]


def test_a_wrong_contract_folder_stops_the_run_before_anything_is_read(lake: Lake, tmp_path: Path) -> None:
    contracts = write_contracts(tmp_path / "contracts", ("raw-iot-data-1.0.0.schema.json", "{}"))
    land(lake, a_reading())
    with pytest.raises(ContractError, match="another content") as raised:
        run(lake, contracts)
    assert raised.value.exit_code == 2
    assert lake.table(READING).count() == 0
