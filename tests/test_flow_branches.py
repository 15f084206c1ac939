"""The flow's definition, executed on moto's executor: which states a pass enters, and what it does, on every branch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flow_world import (
    MODULE,
    NOON,
    FlowWorld,
    GlueJobBusyError,
    GlueJobFailedError,
    a_stage,
    always_failing,
    definition,
    failing,
    flow_world,
)

from iot_functions import handlers

BEGIN = ["GetAllCheckpoints", "CheckForNewRawData"]
CURATION = ["RunBronzeJob", "SettleLanded", "RunCurationJob", "ReadCurationToken", "CheckContractExists"]
STRICT = ["CheckForNewCuratedData", "RunSemanticJob", "CheckForMetrics"]
END = ["PublishLag", "CheckBacklogThreshold"]
STATES_SEEN: set[str] = set()
"""Over all tests of this file, which run in one process; the last one asks that no state was left out."""


@pytest.fixture
def world() -> Iterator[FlowWorld]:
    with flow_world() as made:
        yield made


@pytest.fixture
def settled(world: FlowWorld) -> FlowWorld:
    """A quarter of an hour after a pass in which every stage ran and took what there was."""
    at = NOON - timedelta(minutes=15)
    world.leave_token("bronze", at, given_snapshot_id="10", files_read=4, records_written=400)
    world.leave_token("silver", at, taken_snapshot_id="10", given_snapshot_id="20", records_written=390)
    for stage in ("gold", "drift", "metrics"):
        world.leave_token(stage, at, taken_snapshot_id="20")
    return world


def run(world: FlowWorld, name: str = "flow", **variables: object):
    ended = world.execute(name, **variables)
    STATES_SEEN.update(ended.states)
    return ended


def test_first_pass_runs_every_stage_once_and_in_order(world: FlowWorld):
    world.land("gateway-1/0.ndjson.gz")
    ended = run(world)
    assert (ended.status, ended.states) == (
        "SUCCEEDED",
        [*BEGIN, *CURATION, "RunDriftJob", *STRICT, "RunMetricsJob", *END, "FullPipelineSuccess"],
    )
    assert world.stages_run == ["bronze", "silver", "drift", "gold", "metrics"]
    # One name for the runs of a pass: the metrics tell which belong together, and the token is found by it.
    assert {tuple(arguments) for _, arguments in world.runs} == {("--setting-run-id",)}
    assert len({arguments["--setting-run-id"] for _, arguments in world.runs}) == 1
    assert ended.output["curation"] | {"contract": None} == {
        "snapshot_id": "21",
        "records_written": 390,
        "contract": None,
    }
    assert world.messages_waiting() == 0
    assert (world.metric("CurationLagRecords"), world.metric("SemanticLagSeconds")) == ([0], [0])


def test_tick_without_new_data_ends_at_once(settled: FlowWorld):
    ended = run(settled)
    assert ended.states == [*BEGIN, *END, "NoNewData"]
    assert settled.stages_run == []
    assert settled.metric("CurationLagRecords") == [0]


def test_gold_and_metrics_wait_until_they_are_due(settled: FlowWorld):
    settled.land("gateway-1/1.ndjson.gz")
    ended = run(settled)
    assert settled.stages_run == ["bronze", "silver", "drift"]
    assert ended.states[-1] == "FullPipelineSuccess"
    # Silver has written what gold will take within the hour; that is lag, and less than an alarm's.
    assert 0 < settled.metric("SemanticLagSeconds")[0] < 60


def test_gold_that_is_due_runs_without_new_raw_data(settled: FlowWorld):
    settled.now += timedelta(minutes=15)
    settled.leave_token("silver", NOON, taken_snapshot_id="10", given_snapshot_id="21")
    settled.leave_token("drift", NOON, taken_snapshot_id="21")
    settled.now = NOON + timedelta(minutes=45)
    ended = run(settled)
    assert settled.stages_run == ["gold", "metrics"]
    assert ended.states[2:4] == ["CarryCurationOn", "CheckForUnwatchedData"]


def test_drift_catches_up_without_new_raw_data(settled: FlowWorld):
    settled.leave_token("silver", NOON, taken_snapshot_id="10", given_snapshot_id="21")
    ended = run(settled)
    assert settled.stages_run == ["drift"]
    assert ended.states[2:5] == ["CarryCurationOn", "CheckForUnwatchedData", "RunDriftJob"]


def test_silver_that_failed_goes_on_without_new_raw_data(settled: FlowWorld):
    settled.leave_token("bronze", NOON, given_snapshot_id="11", files_read=2, records_written=200)
    ended = run(settled)
    assert settled.stages_run == ["silver", "drift"]
    assert ended.states[2] == "RunCurationJob"


def test_without_a_contract_for_any_record_curation_alone_succeeds(world: FlowWorld):
    world.land("gateway-1/0.ndjson.gz")
    world.jobs["silver"] = a_stage(
        "silver",
        taken_snapshot_id="11",
        given_snapshot_id="20",
        records_without_contract=40,
        unregistered_versions=("2.0.0", "9/../1"),
    )
    ended = run(world)
    assert ended.states[-1] == "CurationOnlySuccess"
    assert ended.states[6:10] == [
        "CheckContractExists",
        "NotifyMissingSchema",
        "RunDriftJob",
        "CheckForNewCuratedData",
    ]
    # Drift runs: it makes the notices entries of its log.
    assert world.stages_run == ["bronze", "silver", "drift", "metrics"]
    assert world.metric("MissingContractVersions") == [2]
    notices = world.notices().values()
    assert {(each["kind"], each["subject"], each["stage"]) for each in notices} == {
        ("NotifyMissingSchema", "2.0.0", "flow"),
        ("NotifyMissingSchema", "9/../1", "flow"),
    }
    world.land("gateway-1/1.ndjson.gz")
    again = run(world)
    assert again.output["notified"] == {"told": []}, "a notice is given once"


def test_a_missing_contract_of_some_records_does_not_stop_the_strict_stage(world: FlowWorld):
    world.land("gateway-1/0.ndjson.gz")
    world.jobs["silver"] = a_stage(
        "silver",
        taken_snapshot_id="11",
        given_snapshot_id="21",
        records_written=389,
        records_without_contract=1,
        unregistered_versions=("9.9.9",),
    )
    ended = run(world)
    assert ended.output["notified"] == {"told": ["9.9.9"]}
    assert "gold" in world.stages_run
    assert ended.states[-1] == "FullPipelineSuccess"


def test_failed_job_is_tried_again_with_backoff(world: FlowWorld):
    world.land("gateway-1/0.ndjson.gz")
    world.jobs["silver"] = failing(
        GlueJobFailedError("an executor was lost"), GlueJobFailedError("again"), then=world.jobs["silver"]
    )
    ended = run(world)
    assert ended.states[-1] == "FullPipelineSuccess"
    assert world.stages_run.count("silver") == 3
    # With full jitter: up to 30 s, then up to 60.
    assert 0 <= world.waits[0] <= 30 and 0 <= world.waits[1] <= 60 and len(world.waits) == 2


def test_job_that_another_run_holds_is_waited_for(world: FlowWorld):
    world.land("gateway-1/0.ndjson.gz")
    world.jobs["bronze"] = failing(GlueJobBusyError(), GlueJobBusyError(), then=world.jobs["bronze"])
    assert run(world).states[-1] == "FullPipelineSuccess"
    assert world.waits == [60, 90]


@pytest.mark.parametrize("stage", ["bronze", "silver", "drift", "gold", "metrics"])
def test_failure_of_a_stage_is_told_and_keeps_only_what_needs_it(world: FlowWorld, stage: str):
    world.land("gateway-1/0.ndjson.gz")
    world.jobs[stage] = always_failing(GlueJobFailedError("disk is full"))
    ended = run(world)
    assert (ended.status, ended.states[-2:]) == ("FAILED", ["TellFailure", "FlowFailed"])
    others = {
        "bronze": {"metrics"},
        "silver": {"bronze", "metrics"},
        "drift": {"bronze", "silver", "gold", "metrics"},
        "gold": {"bronze", "silver", "drift", "metrics"},
        "metrics": {"bronze", "silver", "drift", "gold"},
    }
    assert set(world.stages_run) - {stage} == others[stage]
    (message,) = world.told()
    assert "disk is full" in message and ended.arn in message
    # What failed is tried again at the next tick: a message is settled only once bronze has taken its object.
    assert world.messages_waiting() == (1 if stage == "bronze" else 0)
    assert len(world.metric("CurationLagRecords")) == 1, "the lags are told after a failure, too"


def test_a_lag_of_failing_stages_grows(settled: FlowWorld):
    settled.jobs["silver"] = always_failing(GlueJobFailedError("out of memory"))
    for number in (1, 2):
        settled.land(f"gateway-1/{number}.ndjson.gz")
        settled.jobs["bronze"] = a_stage(
            "bronze", given_snapshot_id=f"1{number}", files_read=1, records_written=70_000
        )
        run(settled)
        settled.now += timedelta(minutes=15)
    assert settled.metric("CurationLagRecords") == [70_000, 140_000]


def test_objects_that_bronze_cannot_take_count_by_its_last_ones(settled: FlowWorld):
    settled.jobs["bronze"] = always_failing(GlueJobFailedError("landing bucket is gone"))
    for number in range(3):
        settled.land(f"gateway-1/{number}.ndjson.gz")
    run(settled)
    assert settled.metric("CurationLagRecords") == [300]  # bronze's last four objects had 400 records


def test_backlog_goes_on_in_further_passes_and_then_in_a_new_execution(settled: FlowWorld):
    for number in range(5):
        settled.land(f"gateway-1/{number}.ndjson.gz")
    passes = []

    def slow_bronze(world, arguments):
        passes.append(arguments["--setting-run-id"])
        world.now += timedelta(minutes=16)
        told = {"given_snapshot_id": f"1{len(passes)}", "files_read": 2, "records_written": 30_000}
        world.leave_token("bronze", world.clock(), arguments["--setting-run-id"], **told)
        if len(passes) < 5:  # it lands faster than it is taken
            world.land(f"gateway-2/{len(passes)}.ndjson.gz", age=timedelta())

    def silver(world, arguments):
        told = {
            "taken_snapshot_id": f"1{len(passes)}",
            "given_snapshot_id": f"2{len(passes)}",
            "records_written": 30_000,
        }
        world.leave_token("silver", world.clock(), arguments["--setting-run-id"], **told)

    settled.jobs |= {"bronze": slow_bronze, "silver": silver}
    first = run(settled, passes_per_execution=3)
    assert first.states.count("GetAllCheckpoints") == 3
    assert first.states[-2:] == ["ContinueInNewExecution", "BacklogGoesOn"]
    (second,) = (arn for arn in settled.executions() if arn != first.arn)
    ended = settled.ended(second)
    STATES_SEEN.update(ended.states)
    # It is not stopped by the one that started it, though that one may still be ending.
    assert ended.states.count("GetAllCheckpoints") == 2
    assert ended.states[-1] == "FullPipelineSuccess"
    assert len(passes) == len(set(passes)) == 5


@pytest.mark.parametrize(
    ("records", "minutes", "loops"), [(10_001, 15, True), (10_000, 15, False), (10_001, 14, False)]
)
def test_backlog_is_above_its_records_in_a_pass_as_long_as_a_tick(
    settled, records: int, minutes: int, loops: bool
):
    settled.land("gateway-1/0.ndjson.gz")
    runs = []

    def bronze(world, arguments):
        runs.append(arguments)
        world.now += timedelta(minutes=minutes)
        told = {"given_snapshot_id": f"1{len(runs)}", "files_read": 1, "records_written": records}
        world.leave_token("bronze", world.clock(), arguments["--setting-run-id"], **told)
        if len(runs) == 1:
            world.land("gateway-1/1.ndjson.gz", age=timedelta())

    def silver(world, arguments):
        world.leave_token(
            "silver",
            world.clock(),
            arguments["--setting-run-id"],
            taken_snapshot_id=f"1{len(runs)}",
            given_snapshot_id="20",
        )

    settled.jobs |= {"bronze": bronze, "silver": silver}
    ended = run(settled)
    assert ended.states.count("GetAllCheckpoints") == (2 if loops else 1)
    assert ended.status == "SUCCEEDED"


def test_pass_ends_where_another_still_works(settled: FlowWorld):
    settled.land("gateway-1/0.ndjson.gz")
    inner = []

    def bronze(world, arguments):
        # A tick while this pass works.
        inner.append(world.start_another())
        a_stage("bronze", given_snapshot_id="11")(world, arguments)

    settled.jobs["bronze"] = bronze
    outer = run(settled)
    assert outer.states[-1] == "FullPipelineSuccess"
    assert inner[0].states == [*BEGIN, "AnotherPassWorks"]
    STATES_SEEN.update(inner[0].states)
    assert settled.stages_run.count("silver") == 1


def test_function_that_fails_for_a_moment_is_called_again(settled: FlowWorld):
    settled.invalid_functions["get_checkpoints"] = ["ServiceException", "TooManyRequestsException"]
    assert run(settled).states == [*BEGIN, *END, "NoNewData"]
    assert len(settled.waits) == 2 and settled.waits[0] <= 2 and settled.waits[1] <= 4


def test_failure_before_anything_is_known_is_told(world: FlowWorld):
    world.land("gateway-1/0.ndjson.gz")
    world.leave_token("silver", NOON - timedelta(minutes=15))
    world.spoil_token("silver")
    ended = run(world)
    assert ended.states == ["GetAllCheckpoints", "TellFailure", "FlowFailed"]
    (message,) = world.told()
    assert "RunTokenUnreadableError" in message and "is no token of a run" in message


@pytest.mark.parametrize(
    ("function", "stages", "settled_messages"),
    [
        ("settle_landed", ["bronze", "silver", "drift", "gold", "metrics"], 0),
        ("read_token", ["bronze", "silver", "metrics"], 1),
        ("notify_missing_schema", ["bronze", "silver", "drift", "gold", "metrics"], 1),
        ("publish_lag", ["bronze", "silver", "drift", "gold", "metrics"], 1),
    ],
)
def test_function_that_fails_for_good_is_told(
    world: FlowWorld, function: str, stages: list[str], settled_messages: int
):
    world.land("gateway-1/0.ndjson.gz")
    world.jobs["silver"] = a_stage(
        "silver",
        taken_snapshot_id="11",
        given_snapshot_id="21",
        records_written=5,
        records_without_contract=1,
        unregistered_versions=("2.0.0",),
    )
    world.invalid_functions[function] = ["AccessDeniedException"]
    ended = run(world)
    assert (ended.status, ended.states[-2:]) == ("FAILED", ["TellFailure", "FlowFailed"])
    assert world.stages_run == stages
    assert world.messages_waiting() == 1 - settled_messages
    (message,) = world.told()
    assert "Lambda.AccessDeniedException" in message


def test_silver_that_leaves_no_token_is_told(world: FlowWorld):
    world.land("gateway-1/0.ndjson.gz")
    world.jobs["silver"] = lambda *_: None
    ended = run(world)
    assert ended.states[-1] == "FlowFailed"
    (message,) = world.told()
    assert "RunTokenMissingError" in message


def test_new_execution_that_cannot_be_started_is_told(settled: FlowWorld):
    settled.land("gateway-1/0.ndjson.gz")

    def bronze(world, arguments):
        world.now += timedelta(minutes=16)
        a_stage("bronze", given_snapshot_id="11", files_read=1, records_written=20_000)(world, arguments)
        world.land("gateway-1/1.ndjson.gz", age=timedelta())

    settled.jobs["bronze"] = bronze
    with settled.no_new_executions():
        ended = run(settled, passes_per_execution=1)
    assert ended.states[-3:] == ["ContinueInNewExecution", "TellFailure", "FlowFailed"]


def test_topic_that_cannot_be_told_ends_the_pass_as_failed(world: FlowWorld):
    world.jobs["bronze"] = always_failing(GlueJobFailedError("disk is full"))
    world.topic_arn = world.topic_arn + "-of-yesterday"
    ended = run(world)
    assert (ended.status, ended.states[-2:]) == ("FAILED", ["TellFailure", "FlowFailed"])


def test_maintenance_runs_each_stage_alone_and_archives_dead_letters(world: FlowWorld):
    for stage in world.jobs:
        world.jobs[stage] = lambda *_: None
    world.dead_letter("poison", age=timedelta(days=11))
    ended = run(world, "maintenance")
    assert (ended.status, ended.states[-1]) == ("SUCCEEDED", "Maintained")
    assert world.runs == [
        (stage, {"--setting-maintain": "true"}) for stage in ("bronze", "silver", "gold", "drift", "metrics")
    ]
    assert ended.output["archive"]["archived"] == 1


def test_maintenance_that_fails_for_a_stage_goes_on_with_the_others(world: FlowWorld):
    for stage in world.jobs:
        world.jobs[stage] = lambda *_: None
    world.jobs["silver"] = always_failing(GlueJobFailedError("out of memory"))
    ended = run(world, "maintenance")
    assert (ended.status, ended.states[-1]) == ("FAILED", "MaintenanceFailed")
    assert list(dict.fromkeys(world.stages_run)) == ["bronze", "silver", "gold", "drift", "metrics"]
    (message,) = world.told()
    assert "out of memory" in message and "driftlake-test-silver" in message


def test_dead_letters_that_cannot_be_archived_keep_no_stage_from_its_maintenance(world: FlowWorld):
    for stage in world.jobs:
        world.jobs[stage] = lambda *_: None
    world.invalid_functions["archive_dead_letters"] = ["AccessDeniedException"]
    ended = run(world, "maintenance")
    assert ended.states[-2:] == ["TellArchiveFailed", "MaintenanceFailed"]
    assert len(world.runs) == 5


def test_every_function_has_its_handler():
    block = (MODULE / "functions.tf").read_text("utf-8").partition("  functions = {")[2].partition("\n  }")[0]
    named = [line.split()[0] for line in block.splitlines() if "environment =" in line]
    assert len(named) == 7
    assert [name for name in named if not callable(getattr(handlers, name, None))] == []


def test_every_state_was_entered():
    every = set()
    for name in ("flow", "maintenance"):
        states = json.loads(definition(name, "arn:aws:sns:us-east-1:123456789012:alerts"))["States"]
        every |= set(states)
        every |= {
            inner for each in states.values() for inner in each.get("ItemProcessor", {}).get("States", ())
        }
    assert (MODULE / "flow.asl.json.tftpl").exists()
    assert every - STATES_SEEN == set()
