"""What the functions refuse, and the edges that no pass of tests/test_flow_branches.py meets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import boto3
import pytest
from moto import mock_aws

from iot_common.errors import SettingsError
from iot_common.run_token import RunToken
from iot_functions import curation, dead_letters
from iot_functions.checkpoints import is_due
from iot_functions.settings import (
    DeadLetterSettings,
    Place,
    dead_letter_settings,
    flow_settings,
    place_of,
)

NOW = datetime.now(UTC).replace(microsecond=0)
ENVIRONMENT = {
    "WAREHOUSE_URI": "s3://lake/warehouse",
    "LANDING_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/landing",
    "METRIC_NAMESPACE": "driftlake-test",
    "CADENCE_MINUTES": '{"flow": 15, "gold": 60}',
}


def test_settings_come_from_the_environment():
    settings = flow_settings(ENVIRONMENT)
    assert settings.warehouse == Place("lake", "warehouse")
    assert settings.warehouse.key("ops/x.json") == "warehouse/ops/x.json"
    assert settings.cadence_minutes == {"flow": 15, "gold": 60}


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_variable_that_is_missing_is_named(name: str):
    with pytest.raises(SettingsError, match=name):
        flow_settings({each: value for each, value in ENVIRONMENT.items() if each != name})


@pytest.mark.parametrize("cadence", ["15", "[15]", '{"flow": "often"}', "{"])
def test_a_cadence_that_is_none_is_refused(cadence: str):
    with pytest.raises(SettingsError, match="CADENCE_MINUTES is JSON"):
        flow_settings(ENVIRONMENT | {"CADENCE_MINUTES": cadence})


@pytest.mark.parametrize("uri", ["lake/warehouse", "gs://lake", "s3://"])
def test_a_place_that_is_not_in_s3_is_refused(uri: str):
    with pytest.raises(SettingsError, match="no s3://BUCKET/PREFIX"):
        place_of(uri)


def test_days_that_are_no_number_are_refused():
    with pytest.raises(SettingsError, match="ARCHIVE_AFTER_DAYS"):
        dead_letter_settings({"ARCHIVE_AFTER_DAYS": "ten"})


@pytest.mark.parametrize(("minutes", "due"), [(52, False), (53, True), (60, True), (75, True)])
def test_a_stage_is_due_at_the_tick_nearest_to_its_cadence(minutes: int, due: bool):
    began = (NOW - timedelta(minutes=minutes)).isoformat()
    token = RunToken(run_id="r", stage="gold", stage_version="1", started_time=began, ended_time=began)
    assert is_due(token, "gold", {"flow": 15, "gold": 60}, NOW) is due


def test_a_stage_as_often_as_the_flow_is_due_at_each_tick():
    began = (NOW - timedelta(minutes=14)).isoformat()
    token = RunToken(run_id="r", stage="gold", stage_version="1", started_time=began, ended_time=began)
    assert is_due(token, "gold", {"flow": 15, "gold": 15}, NOW)
    assert is_due(None, "gold", {"flow": 15, "gold": 60}, NOW)


@pytest.mark.parametrize(
    ("body", "landed"),
    [
        ('{"Records": [{"s3": {}}]}', True),
        ('{"Service": "Amazon S3", "Event": "s3:TestEvent"}', True),
        ('{"Records": []}', False),
        ("[]", False),
        ("hello", False),
    ],
)
def test_only_messages_of_s3_are_settled(body: str, landed: bool):
    assert curation.is_landed({"Body": body}) is landed


@pytest.fixture
def letters() -> Iterator[DeadLetterSettings]:
    """A queue of dead letters, one of landed objects, and a bucket."""
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    waits = mock.patch.object(dead_letters, "WAIT_SECONDS", 0)
    with mock.patch.dict("os.environ", credentials), mock_aws(), waits:
        boto3.client("s3").create_bucket(Bucket="lake")
        fortnight = {"MessageRetentionPeriod": "1209600"}
        urls = [
            boto3.client("sqs").create_queue(QueueName=name, Attributes=fortnight)["QueueUrl"]
            for name in ("dead", "landing")
        ]
        yield DeadLetterSettings(Place("lake", "dead_letters"), *urls, archive_after_days=10)


def send(url: str, body: str, days: int) -> None:
    sent = (NOW - timedelta(days=days)).timestamp() * 1000
    with mock.patch("moto.sqs.models.unix_time_millis", lambda *_: sent):
        boto3.client("sqs").send_message(QueueUrl=url, MessageBody=body)


def bodies(url: str) -> list[str]:
    found: list[str] = []
    while (
        messages := boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages")
    ):
        found += [each["Body"] for each in messages]
    return sorted(found)


def archived(letters: DeadLetterSettings) -> dict[str, Any]:
    return dead_letters.archive(letters, boto3.client("s3"), boto3.client("sqs"), lambda: NOW)


def test_old_dead_letters_go_to_cold_storage_and_are_sent_again(letters: DeadLetterSettings):
    for number in range(12):
        send(letters.dead_letter_queue_url, f"old {number:02d} ä", days=11)
    send(letters.dead_letter_queue_url, "young", days=3)
    done = archived(letters)
    assert done["archived"] == 12
    key = done["uri"].removeprefix("s3://lake/")
    assert key.startswith(f"dead_letters/{NOW:%Y/%m/%d}/")
    kept = boto3.client("s3").get_object(Bucket="lake", Key=key)
    assert kept["StorageClass"] == "GLACIER_IR"
    lines = [json.loads(line) for line in kept["Body"].read().decode().splitlines()]
    assert {line["body"] for line in lines} == {f"old {number:02d} ä" for number in range(12)}
    assert all(line["sent_ms"] == (NOW - timedelta(days=11)).timestamp() * 1000 for line in lines)
    # The young one is only hidden, as it was received; the old ones are gone.
    waiting = boto3.client("sqs").get_queue_attributes(
        QueueUrl=letters.dead_letter_queue_url, AttributeNames=["All"]
    )["Attributes"]
    assert waiting["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert waiting["ApproximateNumberOfMessages"] == "0"

    sent = dead_letters.redrive(
        {"prefix": f"{NOW:%Y/%m/%d}"}, letters, boto3.client("s3"), boto3.client("sqs")
    )
    assert sent == {"sent": 12, "objects": 1}
    assert bodies(letters.landing_queue_url) == sorted(line["body"] for line in lines)


def test_nothing_is_archived_where_nothing_is_old(letters: DeadLetterSettings):
    send(letters.dead_letter_queue_url, "young", days=9)
    assert archived(letters) == {"archived": 0, "uri": ""}
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket="lake")


def test_dead_letters_stay_in_the_queue_if_they_cannot_be_archived(letters: DeadLetterSettings):
    send(letters.dead_letter_queue_url, "old", days=11)
    boto3.client("s3").delete_bucket(Bucket="lake")
    with pytest.raises(Exception, match="NoSuchBucket"):
        archived(letters)
    waiting = boto3.client("sqs").get_queue_attributes(
        QueueUrl=letters.dead_letter_queue_url, AttributeNames=["All"]
    )["Attributes"]
    assert waiting["ApproximateNumberOfMessagesNotVisible"] == "1"


@pytest.mark.parametrize("prefix", ["", "/", "1999/01/01"])
def test_sending_again_what_is_not_named_or_not_there_is_refused(letters: DeadLetterSettings, prefix: str):
    with pytest.raises(SettingsError, match="name"):
        dead_letters.redrive({"prefix": prefix}, letters, boto3.client("s3"), boto3.client("sqs"))
