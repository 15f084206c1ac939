"""Tokens of runs: what is counted, what is written, and what is refused."""

import json
from datetime import UTC, datetime

import pytest

from iot_common.batch import BatchIdentity
from iot_common.errors import RunTokenUnreadableError
from iot_common.metrics import Gate, StageRun
from iot_common.run_token import UNREGISTERED, WITHOUT_CONTRACT, RunToken, from_json, token_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = StageRun("20260101T120000Z", "silver", "1.2.0")


def came(rows: int, files: int, **missing: object) -> Gate:
    return Gate("ingress", "in", "bronze.block", rows, files, 100, missing or None)


def kept(rows: int) -> Gate:
    return Gate("egress", "kept", "silver.reading", rows, 1, 50)


def token(*batches: list[Gate]) -> RunToken:
    numbered = [(BatchIdentity("q", number), gates) for number, gates in enumerate(batches)]
    return token_of(RUN, numbered, started=NOON, ended=NOON, taken_snapshot_id="1", given_snapshot_id="2")


def test_a_token_sums_the_batches_that_keep_records() -> None:
    first = came(10, 2, **{WITHOUT_CONTRACT: 3, UNREGISTERED: ["2.0.0", "3.0.0"]})
    second = came(5, 1, **{WITHOUT_CONTRACT: 1, UNREGISTERED: ["2.0.0"]})
    promotion = [came(99, 9), Gate("egress", "promoted", "bronze.raw_reading", 99)]
    made = token([first, kept(7)], [second, kept(4)], promotion)
    assert (made.files_read, made.records_written, made.records_without_contract) == (3, 11, 4)
    assert made.unregistered_versions == ("2.0.0", "3.0.0")


def test_a_run_without_a_batch_leaves_a_token_with_its_snapshots() -> None:
    made = token()
    assert (made.files_read, made.records_written, made.given_snapshot_id) == (0, 0, "2")
    assert made.name == "silver/20260101T120000Z.json"


def test_a_token_is_read_as_it_was_written_and_what_a_newer_release_added_is_passed_over() -> None:
    made = token([came(1, 1, **{WITHOUT_CONTRACT: 1, UNREGISTERED: ["ä"]}), kept(0)])
    assert from_json(made.as_json(), "here") == made
    newer = json.dumps(json.loads(made.as_json()) | {"seconds": 12}).encode()
    assert from_json(newer, "here") == made


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"stage": "silver"}', b"\xff"])
def test_what_is_no_token_is_refused(content: bytes) -> None:
    with pytest.raises(RunTokenUnreadableError, match=r"s3://lake/t\.json is no token of a run"):
        from_json(content, "s3://lake/t.json")
