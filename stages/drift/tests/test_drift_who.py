"""Who drifted: rules that separate, and none where nothing does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from iot_drift.who import BY_CHANCE, SEPARATES, DeviceFacts, hypergeometric_tail, who_drifted

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def fleet(count: int = 60, **changes: dict[int, object]) -> list[DeviceFacts]:
    """`sensor_1`..; `changes` give an attribute other values for some numbers."""

    def fact(number: int) -> DeviceFacts:
        told = {name: by_number[number] for name, by_number in changes.items() if number in by_number}
        # Places that have nothing to do with the order of the ids.
        usual = {
            "latitude": 40.0 + number * 37 % 60 / 3,
            "longitude": float(number * 23 % 60),
            "version": "1.0.0",
        }
        return DeviceFacts(f"sensor_{number}", **(usual | told))  # type: ignore[arg-type]

    return [fact(number) for number in range(1, count + 1)]


def ids(numbers: range | list[int]) -> set[str]:
    return {f"sensor_{number}" for number in numbers}


def test_a_firmware_is_named_by_its_version_and_not_by_its_ids() -> None:
    rule = who_drifted(ids(range(20, 30)), fleet(version=dict.fromkeys(range(20, 30), "1.1.0")))
    assert rule is not None
    assert (rule.attribute, rule.op, rule.value) == ("version", "=", "1.1.0")
    assert (rule.precision, rule.recall, rule.rule) == (1.0, 1.0, "devices of contract version 1.1.0")


def test_a_version_of_the_finding_itself_says_nothing() -> None:
    told = who_drifted(
        ids([3, 17, 41, 52]), fleet(version=dict.fromkeys([3, 17, 41, 52], "2.0.0")), ["version"]
    )
    assert told is None


def test_a_range_of_ids_is_told_with_its_ends() -> None:
    rule = who_drifted(ids(range(20, 30)), fleet())
    assert rule is not None
    assert (rule.attribute, rule.value) == ("id_range", {"prefix": "sensor_", "from": 20, "to": 29})
    assert rule.rule == "devices sensor_20 to sensor_29"


def test_a_place_is_told_as_its_cell() -> None:
    there = [3, 17, 41, 52, 58]
    rule = who_drifted(
        ids(there), fleet(latitude=dict.fromkeys(there, 47.41), longitude=dict.fromkeys(there, 8.53))
    )
    assert rule is not None
    assert (rule.attribute, rule.value) == ("place", "47.4, 8.5")


def test_devices_of_a_new_delivery_are_told_by_their_first_day() -> None:
    starts: dict[int, object] = {
        n: DAY + timedelta(days=30 if n in (5, 19, 33, 48) else 0) for n in range(1, 61)
    }
    rule = who_drifted(ids([5, 19, 33, 48]), fleet(first_seen=starts))
    assert rule is not None
    assert (rule.attribute, rule.op, rule.value) == (
        "first_seen",
        ">=",
        (DAY + timedelta(days=30)).isoformat(),
    )


def test_ids_with_a_common_beginning() -> None:
    devices = [DeviceFacts(f"{site}-{number}") for site in ("berlin", "zurich") for number in range(9)]
    rule = who_drifted({f"zurich-{number}" for number in range(9)}, devices)
    assert rule is not None
    assert (rule.attribute, rule.value) == ("id_prefix", "zurich-")


def test_one_device_is_just_that_device_and_no_rule_by_number() -> None:
    rule = who_drifted({"sensor_7"}, fleet(version={7: "1.1.0"}))
    assert rule is not None
    assert (rule.attribute, rule.value, rule.rule) == ("device_id", "sensor_7", "only sensor_7")


def test_two_neighbours_among_sixty_may_be_chance() -> None:
    assert who_drifted(ids([20, 21]), fleet()) is None


def test_the_whole_fleet_is_every_device_and_a_lone_device_nothing() -> None:
    rule = who_drifted(ids(range(1, 61)), fleet())
    assert rule is not None
    assert (rule.attribute, rule.rule) == ("fleet", "every device")
    assert who_drifted({"a"}, [DeviceFacts("a")]) is None
    assert who_drifted(set(), fleet()) is None


def test_a_few_healthy_devices_in_the_range_cost_precision_and_many_the_rule() -> None:
    rule = who_drifted(ids([n for n in range(10, 41) if n != 25]), fleet())
    assert rule is not None
    assert (rule.attribute, round(rule.precision, 3), rule.recall) == ("id_range", 0.968, 1.0)
    assert who_drifted(ids(list(range(10, 41, 2))), fleet()) is None


@given(st.sets(st.integers(1, 60), min_size=2, max_size=59))
def test_a_claimed_rule_separates_as_well_as_it_says(numbers: set[int]) -> None:
    drifted = ids(sorted(numbers))
    rule = who_drifted(drifted, fleet(version={n: f"1.{n % 3}.0" for n in range(1, 61)}))
    if rule is not None:
        assert min(rule.precision, rule.recall) >= SEPARATES
        if rule.attribute == "id_range":
            covered = ids(range(rule.value["from"], rule.value["to"] + 1))
            assert rule.precision == len(covered & drifted) / len(covered)
            assert rule.recall == len(covered & drifted) / len(drifted)


def test_devices_drawn_at_random_hardly_ever_have_a_rule() -> None:
    draws = Random(7)
    drawn = (ids(draws.sample(range(1, 61), draws.randint(2, 20))) for _ in range(300))
    assert sum(who_drifted(each, fleet()) is not None for each in drawn) <= 300 * BY_CHANCE


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 30))
def test_the_tail_is_a_probability_and_falls(marked: int, drawn: int, hits: int) -> None:
    tails = [hypergeometric_tail(each, 30, marked, drawn) for each in (hits, hits + 1)]
    assert 0.0 <= tails[1] <= tails[0] + 1e-9 <= 1.0 + 2e-9
