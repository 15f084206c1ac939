"""Who drifted, on findings: one rule for devices that changed alike, and an honest word where none is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from iot_drift.explanation import explained, needs_facts, together
from iot_drift.findings import Finding
from iot_drift.who import DeviceFacts

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def shift(number: int, hours: float = 0.0, **changes: object) -> Finding:
    device = f"sensor_{number}"
    usual = Finding(
        channel="statistical", kind="VALUE_SHIFT", field="temperature_celsius", severity="WARN", devices=(device,),
        device_count=1, device_share=0.05, onset=NOON + timedelta(hours=hours), last_seen=NOON, occurrence_count=9,
        threshold=0.6, evidence={"windows": 9}, key_device=device,
    )  # fmt: skip
    return replace(usual, **changes)  # type: ignore[arg-type]


def structural(*numbers: int, kind: str = "TYPE_CHANGED", count: int | None = None) -> Finding:
    devices = tuple(f"sensor_{number}" for number in numbers)
    return replace(
        shift(0), channel="structural", kind=kind, devices=devices[:2], named=devices, key_device=None,
        device_count=len(devices) if count is None else count,
    )  # fmt: skip


FACTS = [
    DeviceFacts(f"sensor_{number}", "1.1.0" if number in range(5, 10) else "1.0.0") for number in range(40)
]


def test_devices_that_shifted_together_share_a_rule_and_their_onsets() -> None:
    found = [shift(number, number / 10) for number in range(5, 10)]
    told = [each.evidence for each in explained(found, FACTS)]
    assert {evidence["who"]["rule"] for evidence in told} == {"devices of contract version 1.1.0"}
    assert told[0]["who"] | {"rule": ""} == {
        "rule": "", "attribute": "version", "op": "=", "value": "1.1.0", "precision": 1.0, "recall": 1.0,
        "devices": 5, "first_onset": "2026-01-01T12:30:00+00:00", "last_onset": "2026-01-01T12:54:00+00:00",
    }  # fmt: skip
    assert told[0]["windows"] == 9, "what was known stays"


def test_findings_of_another_day_field_or_cause_are_another_change() -> None:
    late = shift(6, 24.0)
    humid = shift(7, field="humidity_percent")
    flipped = shift(8, evidence={"hypothesis": {"name": "celsius_to_fahrenheit"}})
    groups = together([shift(5), shift(9, 5.0), late, humid, flipped])
    assert [[each.devices[0] for each in group] for group in groups] == [
        ["sensor_5", "sensor_9"], ["sensor_6"], ["sensor_7"], ["sensor_8"],
    ]  # fmt: skip


def test_one_device_is_told_as_itself_without_asking_for_facts() -> None:
    assert not needs_facts([shift(5), shift(6, 24.0)])
    (alone,) = explained([shift(5)], FACTS)
    assert alone.evidence["who"]["rule"] == "only sensor_5"


def test_one_device_whose_cause_is_not_told_is_one_of_those_beside_it() -> None:
    offset = {"hypothesis": {"name": "offset"}}
    found = [shift(5), *(shift(number, evidence=offset) for number in range(6, 10))]
    alone, *others = explained(found, FACTS)
    assert alone.evidence["who"]["rule"] == "devices of contract version 1.1.0"
    assert alone.evidence["who"]["devices"] == 5
    assert "who_not_told" in others[0].evidence, "four of the five of that version"
    assert needs_facts(found[:2])


def test_structural_finding_uses_all_devices_known_by_name() -> None:
    (found,) = explained([structural(*range(5, 10))], FACTS)
    assert found.evidence["who"]["rule"] == "devices of contract version 1.1.0"
    assert needs_facts([found])


def test_version_found_by_its_version_needs_another_rule() -> None:
    (found,) = explained([structural(*range(5, 10), kind="VERSION_MINOR")], FACTS)
    assert found.evidence["who"]["rule"] == "devices sensor_5 to sensor_9"


def test_no_rule_is_said_as_such_and_so_are_devices_without_names() -> None:
    (scattered,) = explained([structural(1, 9, 20, 33)], FACTS)
    assert scattered.evidence["who_not_told"] == "no rule separates these 4 devices from the 36 others"
    (many,) = explained([structural(*range(5, 10), count=900)], FACTS)
    assert many.evidence["who_not_told"] == "only 5 of about 900 devices are known by name"
    (nobody,) = explained([structural(count=0)], FACTS)
    assert nobody.evidence.keys() == {"windows"}
