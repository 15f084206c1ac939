"""The cost model against figures worked out by hand, and the command that shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from driftlake.cli import main
from driftlake.cost.bill import bill, largest_gb_per_day, total_usd
from driftlake.cost.command import a_profile, estimate
from driftlake.cost.inputs import Inputs, StageCosts, _stages, read_assumptions, read_inputs
from driftlake.cost.markdown import page
from driftlake.cost.options import OPTIONS
from driftlake.cost.profile import Profile, batch_mb, landing_objects, runs_per_month
from driftlake.cost.stage_runs import billed_run, stage_line
from iot_common.errors import SettingsError


@pytest.fixture(scope="module")
def packed() -> Inputs:
    return read_inputs()


def with_seconds(inputs: Inputs, start: float, batch: float) -> Inputs:
    """The same inputs, but every stage starts in `start` seconds and takes `batch` for 100 MB."""
    seconds = StageCosts(start, batch, batch_mb=100, s3_writes=0, s3_reads=0, catalog_requests=0)
    return replace(inputs, stages=dict.fromkeys(inputs.stages, seconds))


def usd_of(component: str, profile: Profile, inputs: Inputs) -> float:
    (usd,) = [line.usd for line in bill(profile, inputs) if line.component == component]
    return usd


def test_ten_gigabytes_a_day_are_104_megabytes_each_quarter_of_an_hour() -> None:
    assert batch_mb(10, 15) == pytest.approx(104.17, abs=0.01)


def test_a_month_has_2880_ticks_of_a_quarter_of_an_hour(packed: Inputs) -> None:
    assert (runs_per_month(15, packed), runs_per_month(60, packed)) == (2880, 720)


def test_a_billed_second_of_every_tick_costs_17_6_cents_a_month(packed: Inputs) -> None:
    # 2,880 ticks × 1 s × 0.5 DPU × $0.44 / 3,600 s
    at = [stage_line("silver", Profile(billed_seconds=s), with_seconds(packed, 0, 0)).usd for s in (85, 86)]
    assert at[1] - at[0] == pytest.approx(0.176)


@pytest.mark.parametrize(
    ("stage", "seconds", "usd"),
    [
        ("silver", None, 10.56),
        ("gold", None, 2.64),
        ("metrics", None, 2.64),
        ("drift", 85, 14.96),
        ("gold", 85, 3.74),
    ],
)
def test_a_stage_costs_its_seconds_and_a_minute_at_least(
    stage: str, seconds: float | None, usd: float, packed: Inputs
) -> None:
    profile = Profile(billed_seconds=seconds)
    assert stage_line(stage, profile, with_seconds(packed, 1, 2)).usd == pytest.approx(usd)


def test_five_stages_every_tick_cost_52_80_at_the_minute_and_74_80_at_85_seconds(packed: Inputs) -> None:
    quick = with_seconds(packed, 1, 2)

    def five(seconds: float | None) -> float:
        profile = Profile(hourly_minutes=15, billed_seconds=seconds)
        return sum(line.usd for line in bill(profile, quick) if line.component.startswith("stage "))

    assert (five(None), five(85)) == (pytest.approx(52.80), pytest.approx(74.80))


def test_gold_and_metrics_every_tick_cost_7_92_more_each(packed: Inputs) -> None:
    quick = with_seconds(packed, 1, 2)
    hourly, each_tick = (total_usd(bill(Profile(hourly_minutes=m), quick)) for m in (60, 15))
    others = 0.29 + 0.5  # logs and catalog requests of the runs that came on top: less than that
    assert 2 * 7.92 <= each_tick - hourly <= 2 * 7.92 + others


def test_no_stage_runs_more_often_than_the_tick(packed: Inputs) -> None:
    assert Profile(tick_minutes=120).every_minutes("gold") == 120


def test_a_run_is_billed_its_start_its_work_and_the_overhead(packed: Inputs) -> None:
    # 30 s overhead, 10 s start, 104.17 MB at 0.5 s each
    seconds, clusters = billed_run("silver", Profile(), with_seconds(packed, 10, 60))
    assert (seconds, clusters) == (pytest.approx(92.08, abs=0.01), 1)


def test_what_does_not_fit_the_tick_gets_more_workers_that_all_pay_the_overhead(packed: Inputs) -> None:
    # 1,041.7 s of work; of 900 s a run may take 720, less 30 and 10: two clusters, 30 + 10 + 520.8 s each.
    inputs = with_seconds(packed, 10, 110)
    profile = Profile(gb_per_day=100)
    seconds, clusters = billed_run("silver", profile, inputs)
    assert (seconds, clusters) == (pytest.approx(560.83, abs=0.01), 2)
    assert stage_line("silver", profile, inputs).usd == pytest.approx(2880 * 560.8333 * 1.0 * 0.44 / 3600)


def test_landing_objects_come_by_the_minute_until_their_size_decides(packed: Inputs) -> None:
    assert landing_objects(Profile(), packed) == 43_200  # $0.22 a month of PUT requests
    assert landing_objects(Profile(gb_per_day=1000), packed) == pytest.approx(30 * 1_000_000 / 64)


@pytest.mark.parametrize(
    ("option", "usd"),
    [("sqs-per-message", 837), ("firehose", 96), ("iot-core", 698), ("msk", 66.58), ("nat-gateway", 32.85),
     ("airflow", 357.70), ("redshift", 36), ("kms-key", 1), ("dashboard", 3),
     ("vpc-endpoints", 21.90)],
)  # fmt: skip
def test_options_cost_what_was_worked_out_by_hand(option: str, usd: float, packed: Inputs) -> None:
    assert OPTIONS[option](Profile(), packed).usd == pytest.approx(usd, abs=0.5)


def test_an_option_adds_its_line_and_nothing_else(packed: Inputs) -> None:
    without, with_msk = bill(Profile(), packed), bill(Profile(options=frozenset({"msk"})), packed)
    assert with_msk[: len(without)] == without
    assert total_usd(with_msk) - total_usd(without) == pytest.approx(66.58)


def test_storage_counts_what_each_layer_keeps(packed: Inputs) -> None:
    # 10 GB a day: landing 14 days / 8, bronze 30 / 6.7, silver 30 / 5.7, and 5 GB of the rest: 119.9 GB × $0.023
    assert usd_of("S3 storage", Profile(), packed) == pytest.approx(2.7579, abs=1e-4)


def test_seconds_are_those_of_the_smallest_fleet_that_is_large_enough(packed: Inputs) -> None:
    small, large = (with_seconds(packed, 0, seconds).stages for seconds in (10, 400))
    inputs = replace(packed, fleets={2200: (small, "small"), 22000: (large, "large")})
    chosen = [inputs.of_fleet(devices) for devices in (1, 2200, 2201, 22000)]
    assert [each.devices for each in chosen] == [2200, 2200, 22000, 22000]
    assert [each.seconds_basis for each in chosen] == ["small", "small", "large", "large"]
    assert total_usd(bill(Profile(), chosen[2])) > total_usd(bill(Profile(), chosen[1]))
    for devices in (0, 22001):
        with pytest.raises(SettingsError, match="--devices is from 1 to 22000"):
            inputs.of_fleet(devices)


def test_the_start_of_a_session_is_billed_once() -> None:
    entry = {"start_seconds": 6.0, "batch_seconds": 46.0, "batch_mb": 100.0}
    requests = {"s3_writes": 1, "s3_reads": 1, "catalog": 1}
    (stage,) = _stages({"silver": entry}, {"silver": requests}, 5.0).values()
    assert (stage.start_seconds, stage.batch_seconds, stage.seconds_per_mb) == (1.0, 41.0, 0.4)


def test_what_is_free_each_month_is_not_paid(packed: Inputs) -> None:
    assert packed.usd_beyond_free("sqs_million_requests", 0.9) == 0
    assert packed.usd_beyond_free("sqs_million_requests", 3) == pytest.approx(0.80)


def test_the_largest_volume_fits_the_budget_and_a_little_more_does_not(packed: Inputs) -> None:
    inputs = with_seconds(packed, 5, 15)
    largest = largest_gb_per_day(Profile(), inputs, 60)
    assert largest is not None
    assert total_usd(bill(Profile(gb_per_day=largest), inputs)) <= 60
    assert total_usd(bill(Profile(gb_per_day=largest + 0.02), inputs)) > 60


def test_a_budget_below_the_floor_carries_nothing(packed: Inputs) -> None:
    assert largest_gb_per_day(Profile(), packed, 20) is None


def test_more_data_never_costs_less(packed: Inputs) -> None:
    totals = [total_usd(bill(Profile(gb_per_day=gb), packed)) for gb in range(0, 2000, 25)]
    assert totals == sorted(totals)


def test_every_price_has_its_source_and_every_assumption_its_reason(packed: Inputs) -> None:
    assert [name for name, price in packed.prices.items() if not price.source.startswith("https://")] == []
    assert {price.sure for price in packed.prices.values()} == {"high", "medium"}
    assert [name for name, entry in read_assumptions().items() if not entry["reason"]] == []


def test_the_page_shows_every_price_assumption_and_option(packed: Inputs) -> None:
    text = page(estimate(Profile(), 50, packed), packed)
    for name in (*packed.prices, *packed.assumed, *OPTIONS):
        assert f"| {name} |" in text


def test_the_command_says_as_json_what_the_model_says(
    packed: Inputs, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["cost", "--gb-per-day", "20", "--with", "kms-key", "--budget", "1000", "--json"])
    said = json.loads(capsys.readouterr().out)
    expected = total_usd(bill(Profile(20, options=frozenset({"kms-key"})), packed))
    assert (code, said["total_usd"], said["within_budget"]) == (0, round(expected, 2), True)
    assert sum(line["usd"] for line in said["lines"]) == pytest.approx(expected, abs=0.1)
    assert {(total["tick_minutes"], total["gb_per_day"]) for total in said["totals"]} == {
        (tick, gb) for tick in (5, 15) for gb in (20, 200, 2000)
    }


def test_the_command_fails_above_the_budget_and_still_shows_the_bill(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = main(["cost", "--with", "msk", "--budget", "50", "--page", str(tmp_path / "cost.md")])
    assert code == 4
    assert "OVER the budget" in capsys.readouterr().out
    assert "| MSK | 66.58 |" in (tmp_path / "cost.md").read_text()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"options": ["kafka"]}, "kafka"),
        ({"gb_per_day": -1.0}, "gb-per-day"),
        ({"gb_per_day": float("nan")}, "gb-per-day"),
        ({"tick_minutes": 0}, "tick-minutes"),
        ({"billed_seconds": 0.0}, "billed-seconds"),
    ],
)
def test_impossible_profiles_are_refused(given: dict[str, object], named: str) -> None:
    usual = {"gb_per_day": 10.0, "tick_minutes": 15, "options": [], "billed_seconds": None}
    with pytest.raises(SettingsError, match=named):
        a_profile(**usual | given)  # type: ignore[arg-type]
