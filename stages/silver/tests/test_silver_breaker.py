"""The circuit breaker of a schema version: when it opens, what it holds, how it closes; on Spark and Iceberg too."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.silver_circuit_breaker import CIRCUIT_BREAKER, CLOSED, HALF_OPEN, OPEN
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_reading import READING
from iot_common.metrics import balance
from iot_common.testing.blocks import land_payloads
from iot_common.testing.readings import a_reading, as_payload
from iot_common.testing.spark import TEST_NOW, Lake
from iot_silver import batches, breakers, job, replay
from iot_silver.breaker import LONGEST_VERSION, Breaker, Count, changes, let_through
from iot_silver.held_rows import is_let_through
from iot_silver.policy import BreakerRules, packaged_policy
from iot_silver.selection import Selection
from iot_silver.settings import SilverSettings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RULES = BreakerRules(
    failing_share=0.5, minimum_rows=10, cool_down_minutes=60, sample_share=0.25, sample_minimum_rows=4
)
OPENED = Breaker("2.0.0", OPEN, 10, 9, NOON)
COOLED = NOON + timedelta(minutes=60)


@pytest.mark.parametrize(
    ("count", "opens"),
    [
        (Count(10, 6), True),
        (Count(10, 5), False),
        (Count(9, 9), False),
        (Count(1000, 0), False),
    ],
    ids=["more than half", "half", "too few records", "none fails"],
)
def test_opens_when_more_than_half_of_enough_records_fail(count: Count, opens: bool) -> None:
    found = changes({}, {"2.0.0": count}, NOON, RULES)
    assert found == ([Breaker("2.0.0", OPEN, count.rows, count.failed, NOON)] if opens else [])


def test_each_version_has_its_own_and_a_long_text_none() -> None:
    counts = {"2.0.0": Count(10, 10), "1.0.0": Count(10, 0), "x" * (LONGEST_VERSION + 1): Count(10, 10)}
    assert [each.schema_version for each in changes({}, counts, NOON, RULES)] == ["2.0.0"]


def test_lets_a_sample_through_once_it_has_cooled_down() -> None:
    breakers = {"2.0.0": OPENED}
    assert let_through(breakers, COOLED - timedelta(seconds=1), RULES) == {"2.0.0": 0.0}
    assert let_through(breakers, COOLED, RULES) == {"2.0.0": 0.25}
    assert changes(breakers, {}, COOLED, RULES) == [], "no record of that version: nothing to decide on"


@pytest.mark.parametrize(
    ("before", "sample", "state", "checked"),
    [
        (OPENED, Count(4, 2), CLOSED, 4),
        (OPENED, Count(4, 3), OPEN, 4),
        (OPENED, Count(3, 3), HALF_OPEN, 3),
        (Breaker("2.0.0", HALF_OPEN, 3, 3, NOON), Count(3, 0), CLOSED, 6),
        (Breaker("2.0.0", HALF_OPEN, 3, 3, NOON), Count(1, 1), OPEN, 4),
    ],
    ids=["passes", "fails", "too small", "adds up and passes", "adds up and fails"],
)
def test_a_sample_closes_it_or_opens_it_again(
    before: Breaker, sample: Count, state: str, checked: int
) -> None:
    (after,) = changes({"2.0.0": before}, {"2.0.0": sample}, COOLED, RULES)
    assert (after.state, after.checked_rows, after.transition_time) == (state, checked, COOLED)


def test_the_sample_is_the_same_rows_at_each_attempt_and_about_its_share() -> None:
    chosen = [n for n in range(4000) if is_let_through(f"row-{n}", 0.25)]
    assert 900 < len(chosen) < 1100
    assert not any(is_let_through(f"row-{n}", 0.0) for n in range(1000))
    assert all(is_let_through(f"row-{n}", 1.0) for n in range(1000))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten records are enough; half of them are let through when half open."""
    rules = replace(RULES, sample_share=0.5)
    policy = replace(packaged_policy(), breaker=rules)
    for module in (batches, breakers):
        monkeypatch.setattr(module, "packaged_policy", lambda: policy)


def land(lake: Lake, hour: int, good: int, bad: int, version: str = "1.0.0") -> None:
    """Readings of a version, some without a device, and one of another version that is always fine."""

    def told(number: int, **other: Any) -> bytes:
        time = f"2026-01-01T{hour:02d}:{number % 60:02d}:{number // 60:02d}Z"
        return as_payload(a_reading(**{"timestamp": time, "schema_version": version, **other}))

    payloads = [told(n, device_id=f"sensor_{n}") for n in range(good)]
    payloads += [told(n, device_id=f"broken {n}") for n in range(bad)]
    payloads += [told(59, device_id="sensor_99", schema_version="1.0.7"), b"junk %d" % hour]
    land_payloads(lake, payloads, arrived=NOON + timedelta(hours=hour - 12, minutes=59))


def run(lake: Lake, minutes: int) -> dict[str, int]:
    (report,) = job.run(lake.context("silver", SilverSettings, TEST_NOW + timedelta(minutes=minutes)))
    assert balance(report.gates) == 0
    found: dict[str, int] = {}
    for gate in report.gates:
        found[gate.disposition] = found.get(gate.disposition, 0) + gate.rows
    return {name: found[name] for name in ("kept", "quarantined")}


def states(lake: Lake) -> list[tuple[int, str, str]]:
    return [tuple(r) for r in lake.rows(CIRCUIT_BREAKER, "sequence", "schema_version", "state")]  # type: ignore[misc]


@pytest.mark.usefixtures("quick")
def test_a_failing_version_is_held_whole_and_released_when_it_is_mended(lake: Lake) -> None:
    land(lake, 12, good=4, bad=8)
    assert run(lake, 0) == {"kept": 5, "quarantined": 9}, "the batch that opens it is treated as ever"
    assert states(lake) == [(1, "1.0.0", OPEN)]
    (notice,) = Path(lake.folder, "ops", "notices").glob("CircuitOpened*")
    assert json.loads(notice.read_text())["facts"] == {"checked_rows": 12, "failed_rows": 8}

    land(lake, 13, good=12, bad=1)
    assert run(lake, 30) == {"kept": 1, "quarantined": 14}, "another version passes"
    held = lake.table(QUARANTINE).where("reason_code = 'CIRCUIT_OPEN'").orderBy("device_id").collect()
    assert len(held) == 13
    assert [reason.code for reason in held[0].reasons] == ["CIRCUIT_OPEN", "PATTERN"], "its own reasons too"
    assert bytes(held[1].payload).startswith(b"{"), "and the bytes"
    assert len(list(Path(lake.folder, "ops", "notices").glob("CircuitOpened*"))) == 1, "told once"

    land(lake, 14, good=40, bad=0)
    let_in = run(lake, 90)["kept"] - 1
    assert 4 <= let_in < 40, "half open: a sample"
    assert states(lake)[-1] == (2, "1.0.0", CLOSED)
    land(lake, 15, good=12, bad=0)
    assert run(lake, 100) == {"kept": 13, "quarantined": 1}

    context = lake.context("silver", SilverSettings, TEST_NOW + timedelta(minutes=110))
    (report,) = replay.replay(context, Selection(codes=("CIRCUIT_OPEN",)))
    assert balance(report.gates) == 0
    assert lake.table(READING).count() == 4 + 12 + 40 + 12 + 4
    assert lake.table(QUARANTINE).count() == 9 + 14 + (40 - let_in) + 1 + 1, (
        "the quarantine keeps what it ever had"
    )


@pytest.mark.usefixtures("quick")
def test_a_repeated_batch_decides_on_the_breakers_before_it(lake: Lake) -> None:
    land(lake, 12, good=1, bad=11)
    context = lake.context("silver", SilverSettings)
    (report,) = job.run(context)
    ((identity, gates),) = report.batches
    assert states(lake) == [(1, "1.0.0", OPEN)]
    assert batches.classify_and_store(context)(lake.table(BLOCK), identity) == gates
    assert states(lake) == [(1, "1.0.0", OPEN)]
    assert lake.table(READING).count() == 2


def test_late_records_say_nothing_of_their_version(lake: Lake) -> None:
    rows = [("1.0.0", "LATE")] * 150 + [("2.0.0", "VERSION_MAJOR")] * 150 + [(None, "MALFORMED_JSON")] * 150
    classified = lake.spark.createDataFrame(
        [(version, "quarantine", [("timestamp", code, "", "")]) for version, code in rows],
        "schema_version string, decision string, "
        "violations array<struct<path:string,code:string,expected:string,found:string>>",
    )
    counts = breakers._counts(classified, packaged_policy().breaker, [])
    assert counts == {"1.0.0": Count(150, 0), "2.0.0": Count(150, 150)}
