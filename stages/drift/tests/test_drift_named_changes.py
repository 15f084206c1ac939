"""Every named structural change is in `drift.event` and `drift.drift_log` after the batch that first shows it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest

from iot_common.engine.events import DOWNGRADE_EXPECTED
from iot_common.engine.registry import ContractRegistry, packaged_registry, read_registry
from iot_drift.findings import Finding, event_row
from iot_drift.log_entries import entries_of, settled
from iot_drift.renames import rename_suspects
from iot_drift.silences import FieldPresence, silent_fields
from iot_drift.structural import Fleet, Observed, structural_findings
from iot_drift.units import unit_findings

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=1)
FLEET = Fleet(1000, 10, START, LATER)
DEVICES = ("sensor_1", "sensor_2")


def with_a_count() -> ContractRegistry:
    """The packaged versions, and 1.1.0 with an integer: the packaged ones have none to widen."""
    packaged = resources.files("iot_common.contracts").joinpath("raw-iot-data-1.0.0.schema.json")
    schema = json.loads(packaged.read_text("utf-8"))
    schema["properties"]["charge_cycles"] = {"type": "integer"}
    return read_registry((("raw-iot-data-1.1.0.schema.json", json.dumps(schema)),))


def seen(path: str, json_type: str | None = None, **columns: Any) -> Observed:
    usual: dict[str, Any] = {
        "contract_version": "1.0.0", "record_count": 100, "device_count": 2, "devices": DEVICES, "named": DEVICES,
        "cohorts": ("c03", "c11"), "first_event_time": LATER - timedelta(hours=2), "last_event_time": LATER,
    }  # fmt: skip
    return Observed(path=path, json_type=json_type, **(usual | columns))


def renamed() -> list[Finding]:
    observed = [seen("readings.humidity", code="FIELD_REMOVED_REQUIRED"), seen("readings.moisture", "object")]
    found = structural_findings(observed, FLEET, packaged_registry())
    return rename_suspects(found, observed, FLEET, packaged_registry())


def silent() -> list[Finding]:
    presence = FieldPresence(
        path="readings.uptime", device_cohort="c03", contract_version="1.0.0", record_count=100, first_event_time=START,
        last_event_time=START + timedelta(hours=4), devices=DEVICES, cohort_last_event_time=LATER, talking=DEVICES,
    )  # fmt: skip
    return silent_fields([presence], packaged_registry(), timedelta(hours=6), 10)


def another_unit() -> list[Finding]:
    change = {
        "device_id": "sensor_1", "contract_version": "1.0.0", "unit_before": "Celsius", "unit": "Fahrenheit",
        "onset": START, "last_seen": LATER, "reading_count": 9,
    }  # fmt: skip
    return unit_findings([change], {}, 10)


def missing() -> list[Finding]:
    return observed_as(seen("readings.humidity", code="FIELD_REMOVED_REQUIRED"))


def observed_as(*observed: Observed) -> list[Finding]:
    return structural_findings(observed, FLEET, with_a_count())


NAMED = [
    ("FIELD_ADDED", "firmware", observed_as(seen("firmware", "string"))),
    ("FIELD_ADDED_NESTED", "readings.pressure", observed_as(seen("readings.pressure", "object"))),
    ("FIELD_REMOVED_REQUIRED", "readings.humidity", missing()),
    ("FIELD_REMOVED_OPTIONAL", "readings.uptime", silent()),
    ("TYPE_CHANGED", "readings.humidity.value", observed_as(seen("readings.humidity.value", "string"))),
    ("TYPE_WIDENED", "charge_cycles", observed_as(seen("charge_cycles", "number", contract_version="1.1.0"))),
    ("RENAME_SUSPECT", "readings.humidity", renamed()),
    ("ENUM_ADDED", "status", observed_as(seen("status", "string", enum_value="degraded"))),
    ("UNIT_CHANGED", "readings.temperature.unit", another_unit()),
    ("NULL_VALUE", "readings.humidity.value", observed_as(seen("readings.humidity.value", "null"))),
    ("KEY_CASE", "readings.Humidity", observed_as(seen("readings.Humidity", code="KEY_CASE"))),
    ("VERSION_MINOR", "schema_version", observed_as(seen("schema_version", code="VERSION_MINOR", found=("1.2.0",)))),
    ("VERSION_MAJOR", "schema_version", observed_as(seen("schema_version", code="VERSION_MAJOR", found=("2.0.0",)))),
    (
        "VERSION_DOWNGRADE",
        "schema_version",
        observed_as(seen("schema_version", code="VERSION_MINOR", expected=DOWNGRADE_EXPECTED)),
    ),
    ("ARRAY_SCALAR", "readings.humidity.value", observed_as(seen("readings.humidity.value", "array"))),
]  # fmt: skip
CLAIMED = {"VERSION_MINOR": {"1.2.0": {}}, "VERSION_MAJOR": {"2.0.0": {}}}


@pytest.mark.parametrize(("kind", "path", "findings"), NAMED, ids=[kind for kind, *_ in NAMED])
def test_change_is_an_event_that_explains_itself_and_an_entry_of_the_log(
    kind: str, path: str, findings: list[Finding]
) -> None:
    (found,) = findings
    assert (found.kind, found.field, found.channel) == (kind, path, "structural")
    assert found.contract_version is not None
    assert found.devices
    (feature,) = json.loads(event_row(found, batch="q/0", now=LATER, version="1")[14])["features"]
    assert feature.keys() == {"feature", "usual", "observed", "unit", "size", "limit"}
    (entry,) = settled(entries_of([found], CLAIMED, packaged_registry()), [], packaged_registry())
    assert (entry.path, entry.kind, entry.occurrences) == (path, kind, 1)
    assert entry.status in ("PENDING", "NOTED")


def test_missing_and_null_are_two_changes_with_rates_of_their_own() -> None:
    both = observed_as(
        seen("readings.humidity.value", "null", record_count=30),
        seen("readings.humidity.value", code="FIELD_REMOVED_REQUIRED", record_count=10),
    )
    rates = {each.kind: each.evidence["share_of_records"] for each in both}
    assert rates == {"NULL_VALUE": 0.03, "FIELD_REMOVED_REQUIRED": 0.01}


def test_the_same_change_under_two_contract_versions_is_two_findings_each_with_its_cohorts() -> None:
    one, other = observed_as(seen("firmware", "string"), seen("firmware", "string", contract_version="1.1.0"))
    assert (one.contract_version, other.contract_version) == ("1.0.0", "1.1.0")
    assert one.evidence["cohorts"] == ["c03", "c11"]
