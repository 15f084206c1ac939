"""What stopped coming: optional fields and devices, against the usual time between two occurrences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from iot_common.engine.registry import packaged_registry
from iot_drift.deviations import unit_suspect
from iot_drift.findings import Finding
from iot_drift.silences import DevicePresence, FieldPresence, silent_devices, silent_fields

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SIX_HOURS = timedelta(hours=6)
WINDOW = timedelta(minutes=15)

UPTIME = FieldPresence(
    path="uptime_seconds",
    device_cohort="c01",
    contract_version="1.0.0",
    record_count=97,
    first_event_time=NOON - timedelta(hours=24),
    last_event_time=NOON,
    devices=("sensor_1", "sensor_2"),
    cohort_last_event_time=NOON + timedelta(hours=7),
    talking=("sensor_2", "sensor_9"),
)


def fields(*presences: FieldPresence) -> list[Finding]:
    return silent_fields(presences, packaged_registry(), SIX_HOURS, devices_seen=10)


def test_an_optional_field_that_stops_is_told_with_the_devices_that_talk_on():
    (finding,) = fields(UPTIME)
    assert (finding.kind, finding.field, finding.severity) == (
        "FIELD_REMOVED_OPTIONAL",
        "uptime_seconds",
        "WARN",
    )
    assert finding.devices == ("sensor_2",)
    assert finding.device_share == 0.1
    assert finding.onset == NOON
    assert finding.evidence["silent_hours"] == 7.0


@pytest.mark.parametrize(
    "quiet_for_a_reason",
    [
        replace(UPTIME, cohort_last_event_time=NOON + SIX_HOURS),
        replace(UPTIME, talking=("sensor_9",)),
        replace(UPTIME, record_count=19),
        replace(UPTIME, record_count=25, first_event_time=NOON - timedelta(days=24)),
        replace(UPTIME, path="readings.humidity.value"),
        replace(UPTIME, path="status"),
        replace(UPTIME, path="uptime_seconds.boot"),
    ],
    ids=[
        "not long",
        "its devices are silent",
        "seen rarely",
        "comes daily",
        "required",
        "required too",
        "not topmost",
    ],
)
def test_other_silences_are_none_of_a_field(quiet_for_a_reason: FieldPresence):
    assert fields(quiet_for_a_reason) == []


def test_a_cohort_with_a_clock_years_ahead_silences_nobody():
    ahead = replace(
        UPTIME,
        path="readings",
        device_cohort="c02",
        last_event_time=NOON.replace(year=2031),
        cohort_last_event_time=NOON.replace(year=2031),
    )
    present = replace(UPTIME, device_cohort="c03", last_event_time=NOON, cohort_last_event_time=NOON)
    early = replace(UPTIME, device_cohort="c02", cohort_last_event_time=NOON.replace(year=2031))
    assert fields(present, ahead, early) == []


def test_nothing_observed_is_nothing_silent():
    assert fields() == []
    assert silent_devices([], SIX_HOURS, WINDOW) == []


def device(name: str, last: datetime, windows: int = 97) -> DevicePresence:
    return DevicePresence(name, windows, NOON - timedelta(hours=24), last)


def test_a_silent_device_is_told_against_the_newest_window_of_the_fleet():
    fleet = [device("sensor_1", NOON), device("sensor_2", NOON + timedelta(hours=7))]
    (finding,) = silent_devices(fleet, SIX_HOURS, WINDOW)
    assert (finding.kind, finding.devices, finding.key_device) == ("SILENT", ("sensor_1",), "sensor_1")
    assert finding.onset == NOON + WINDOW
    assert finding.evidence["silent_hours"] == 7.0


def test_a_device_that_speaks_rarely_or_is_new_is_not_silent():
    newest = device("sensor_2", NOON + timedelta(hours=7))
    daily = DevicePresence("sensor_1", 30, NOON - timedelta(days=30), NOON)
    assert silent_devices([daily, newest], SIX_HOURS, WINDOW) == []
    assert silent_devices([device("sensor_1", NOON, windows=19), newest], SIX_HOURS, WINDOW) == []
    assert silent_devices([device("sensor_1", NOON)], SIX_HOURS, WINDOW) == [], "alone it is the fleet"


SHIFT = Finding(
    channel="statistical",
    kind="VALUE_SHIFT",
    field="temperature_celsius",
    severity="WARN",
    devices=("sensor_1",),
    device_count=1,
    device_share=0.1,
    onset=NOON,
    last_seen=NOON,
    occurrence_count=9,
    threshold=0.6,
    evidence={
        "hypothesis": {"name": "celsius_to_fahrenheit", "factor": 1.8, "offset": 32.0, "unexplained": 0.01}
    },
    key_device="sensor_1",
)


def test_a_shift_that_a_unit_explains_is_a_suspected_unit_with_its_repair():
    found = unit_suspect(SHIFT)
    assert found is not None
    assert found.kind == "UNIT_SUSPECT"
    assert found.evidence["proposed_repair"] == {"factor": 0.555556, "offset": -17.778}
    assert found.event_id != SHIFT.event_id


@pytest.mark.parametrize(
    "guess", [None, {"name": "offset", "factor": 1.0, "offset": 5.0, "unexplained": 0.0}]
)
def test_an_offset_or_nothing_is_no_unit(guess: dict[str, object] | None):
    assert unit_suspect(replace(SHIFT, evidence={"hypothesis": guess})) is None
    assert unit_suspect(replace(SHIFT, kind="STUCK")) is None
