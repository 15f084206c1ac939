"""Observed against declared: kinds, severities, renames, units."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iot_common.engine.events import DOWNGRADE_EXPECTED
from iot_common.engine.registry import packaged_registry
from iot_drift.declared import parent_of
from iot_drift.findings import Finding
from iot_drift.renames import rename_suspects
from iot_drift.structural import Fleet, Observed, structural_findings
from iot_drift.units import unit_findings

START = datetime(2025, 6, 1, tzinfo=UTC)
FLEET = Fleet(10_000, 100, START, START + timedelta(days=4))
LATER = START + timedelta(days=2)
DEVICES = tuple(f"sensor_{number}" for number in range(10, 20))


def seen(path: str, json_type: str | None = None, **columns: Any) -> Observed:
    usual: dict[str, Any] = {
        "contract_version": "1.0.0", "path": path, "json_type": json_type, "record_count": 500, "device_count": 10,
        "devices": DEVICES, "first_event_time": LATER, "last_event_time": START + timedelta(days=4),
    }  # fmt: skip
    return Observed(**(usual | columns))


def findings(*observed: Observed) -> list[Finding]:
    return structural_findings(observed, FLEET, packaged_registry())


def kinds(*observed: Observed) -> list[tuple[str, str, str]]:
    return [(each.kind, each.field, each.severity) for each in findings(*observed)]


def test_declared_paths_types_and_values_are_no_finding() -> None:
    assert kinds(
        seen("$", "object"),
        seen("readings.temperature.value", "number"),
        seen("readings.temperature.value", "integer"),
        seen("status", "string", enum_value="operational"),
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (seen("firmware", "string"), ("FIELD_ADDED", "firmware", "INFO")),
        (seen("readings.pressure", "object"), ("FIELD_ADDED_NESTED", "readings.pressure", "INFO")),
        (seen("readings.humidity.value", "string"), ("TYPE_CHANGED", "readings.humidity.value", "WARN")),
        (seen("readings.humidity.value", "null"), ("NULL_VALUE", "readings.humidity.value", "WARN")),
        (seen("readings.humidity.value", "array"), ("ARRAY_SCALAR", "readings.humidity.value", "WARN")),
        (seen("status", "string", enum_value="degraded"), ("ENUM_ADDED", "status", "WARN")),
        (seen("timestamp", code="CLOCK_FUTURE"), ("CLOCK_SKEW", "timestamp", "WARN")),
        (seen("schema_version", code="VERSION_MAJOR"), ("VERSION_MAJOR", "schema_version", "ERROR")),
    ],
)  # fmt: skip
def test_each_difference_has_its_kind(observed: Observed, expected: tuple[str, str, str]) -> None:
    assert kinds(observed) == [expected]


def test_what_lies_below_a_new_field_belongs_to_it() -> None:
    observed = (seen("readings.pressure", "object"), seen("readings.pressure.value", "number"))
    assert kinds(*observed) == [("FIELD_ADDED_NESTED", "readings.pressure", "INFO")]


def test_another_spelling_of_a_declared_key_is_no_new_field() -> None:
    assert kinds(seen("readings.Humidity", "object")) == []


def test_path_and_event_of_one_difference_are_one_finding() -> None:
    event = seen("readings.humidity.value", code="TYPE_CHANGED", expected="number", found=('string "21.5"',))
    (one,) = findings(seen("readings.humidity.value", "string"), event)
    assert (one.occurrence_count, one.evidence["expected"], one.evidence["found"]) == (
        500, "number", ['string "21.5"'],
    )  # fmt: skip


def test_text_that_spells_nan_is_told_once_as_what_it_is() -> None:
    observed = (seen("readings.humidity.value", "string"), seen("readings.humidity.value", code="NONFINITE"))
    assert [each.kind for each in findings(*observed)] == ["NONFINITE"]


def test_what_happens_now_and_then_is_info() -> None:
    damaged = seen(
        "$", code="MALFORMED_JSON", contract_version=None, devices=(), device_count=0, record_count=3
    )
    (one,) = findings(damaged)
    assert (one.severity, one.device_share, one.evidence["sporadic"]) == ("INFO", None, True)


def test_severity_rises_when_most_devices_are_concerned() -> None:
    lost = seen("readings.humidity", code="FIELD_REMOVED_REQUIRED", record_count=5000)
    few, most = findings(lost)[0], findings(seen(
        "readings.humidity", code="FIELD_REMOVED_REQUIRED", record_count=5000, device_count=80,
        devices=tuple(f"sensor_{number}" for number in range(50)),
    ))[0]  # fmt: skip
    assert (few.severity, most.severity) == ("ERROR", "CRITICAL")
    assert (few.device_count, most.device_count, most.device_share) == (10, 80, 0.8)


def test_finding_keeps_its_id_and_has_another_per_version() -> None:
    one, again = (
        findings(seen("firmware", "string"))[0],
        findings(seen("firmware", "string", record_count=9))[0],
    )
    other = findings(seen("firmware", "string", contract_version=None))[0]
    assert one.event_id == again.event_id != other.event_id


def renames(*observed: Observed) -> list[Finding]:
    return rename_suspects(findings(*observed), observed, FLEET, packaged_registry())


def test_vanished_and_new_field_on_the_same_devices_are_a_rename_suspect() -> None:
    gone = seen("readings.humidity", code="FIELD_REMOVED_REQUIRED")
    (suspect,) = renames(gone, seen("readings.relative_humidity", "object"))
    assert (suspect.field, suspect.evidence["new_field"], suspect.score) == (
        "readings.humidity", "readings.relative_humidity", 1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "new",
    [
        seen("readings.moisture", "object", devices=("sensor_90",), device_count=1),
        seen("readings.moisture", "string"),
        seen("readings.moisture", "object", first_event_time=LATER + timedelta(hours=6)),
        seen("readings.moisture", "object", record_count=50),
        seen("moisture", "object"),
    ],
    ids=["other devices", "other type", "other time", "other count", "other place"],
)
def test_what_does_not_fit_is_no_rename(new: Observed) -> None:
    assert renames(seen("readings.humidity", code="FIELD_REMOVED_REQUIRED"), new) == []


def a_change(device: str, **columns: Any) -> dict[str, Any]:
    return {
        "device_id": device, "unit_before": "Celsius", "unit": "Fahrenheit", "contract_version": "1.0.0",
        "onset": LATER, "last_seen": LATER + timedelta(hours=1), "reading_count": 12,
    } | columns  # fmt: skip


def test_unit_changes_add_to_what_was_found_before() -> None:
    (first,) = unit_findings([a_change("sensor_1")], {}, 100)
    stored = {"1.0.0": {"evidence": first.evidence, "onset": first.onset, "last_seen": first.last_seen}}
    (both,) = unit_findings([a_change("sensor_2", onset=LATER + timedelta(days=1))], stored, 100)
    assert (both.devices, both.onset, both.event_id) == (("sensor_1", "sensor_2"), LATER, first.event_id)


@pytest.mark.parametrize(
    ("path", "parent"),
    [("a", ""), ("a.b", "a"), ("a[]", "a"), ('a["b.c"]', "a"), ('["b.c"]', ""), ('a["b.c"].d', 'a["b.c"]')],
)
def test_parent_of_a_path(path: str, parent: str) -> None:
    assert parent_of(path) == parent


def test_a_device_that_goes_back_is_no_unregistered_version() -> None:
    back = Observed(
        contract_version="1.0.0",
        path="schema_version",
        code="VERSION_MINOR",
        expected=DOWNGRADE_EXPECTED,
        record_count=1,
        device_count=1,
        devices=("sensor_1",),
    )
    unregistered = replace(back, expected="one of 1.0.0", devices=("sensor_2",))
    fleet = Fleet(100_000, 10, None, None)
    found = structural_findings([back, unregistered], fleet, packaged_registry())
    assert {(each.kind, each.severity, each.devices) for each in found} == {
        ("VERSION_DOWNGRADE", "WARN", ("sensor_1",)),
        ("VERSION_MINOR", "INFO", ("sensor_2",)),
    }
