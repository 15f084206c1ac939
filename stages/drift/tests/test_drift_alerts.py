"""Alerts: who is told what, once, and what becomes of it when a channel fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from moto import mock_aws

from iot_common.errors import SettingsError
from iot_common.io.alert_channels import (
    CHANNELS,
    URL_VARIABLE,
    AlertDeliveryError,
    ConsoleChannel,
    SnsChannel,
    WebhookChannel,
    open_channels,
)
from iot_drift.alerts import AlertEvent, Told, digest_of, due
from iot_drift.settings import ALERT_CHANNELS, DriftSettings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(number: int = 1, **changes: Any) -> AlertEvent:
    usual = AlertEvent(
        event_id=f"{number:032x}", status="open", severity="WARN", channel="statistical", kind="VALUE_SHIFT",
        field="temperature_celsius", devices=(f"sensor_{number}",), device_count=1, device_share=0.1, onset=NOON,
    )  # fmt: skip
    return replace(usual, **changes)


def digest(*events: AlertEvent) -> Any:
    return digest_of(due(events or [event()], {}, "INFO"), run_id="r", now=NOON)


def test_new_findings_are_told_and_told_ones_only_if_they_return_or_become_graver() -> None:
    told = {event().event_id: Told("WARN", 5)}
    assert [each.reason for each in due([event()], {}, "WARN")] == ["new"]
    assert due([event()], told, "WARN") == []
    assert [each.reason for each in due([event(severity="ERROR")], told, "WARN")] == ["graver"]
    assert due([event(severity="INFO")], told, "INFO") == [], "a finding that became harmless is no news"
    assert [each.reason for each in due([event(reopened=6)], told, "WARN")] == ["returned"]
    assert due([event(reopened=5)], told, "WARN") == [], "it was told in the batch that opened it again"


@pytest.mark.parametrize("status", ["acknowledged", "accepted", "resolved"])
def test_a_finding_that_someone_looks_after_raises_no_alert(status: str) -> None:
    assert due([event(status=status)], {}, "INFO") == []


def test_below_the_least_severity_nothing_is_told() -> None:
    assert due([event(severity="INFO")], {}, "WARN") == []
    assert len(due([event(severity="WARN")], {}, "WARN")) == 1


def test_devices_that_changed_alike_are_one_group_as_grave_as_their_share() -> None:
    (group,) = digest(
        *(event(number, who="devices of contract version 1.1.0") for number in range(1, 6))
    ).groups
    assert (group.severity, group.findings, group.device_count, group.device_share) == ("CRITICAL", 5, 5, 0.5)
    assert group.line == (
        "CRITICAL VALUE_SHIFT temperature_celsius; 5 devices (50%); since 2026-01-01 12:00; "
        "devices of contract version 1.1.0; event 00000000 and 4 more"
    )
    (few,) = digest(event(1), event(2)).groups
    assert few.severity == "WARN"


def test_a_digest_is_bounded_and_counts_what_it_does_not_spell_out() -> None:
    made = digest(*(event(number, field=f"field_{number}") for number in range(1, 31)))
    assert (len(made.groups), made.further_groups, made.findings, len(made.lines)) == (20, 10, 30, 22)
    assert made.by_severity == {"WARN": 30}
    assert made.headline == "Driftlake: 30 findings (30 WARN)"


def test_the_same_findings_make_the_same_digest_and_others_another() -> None:
    assert digest(event(1), event(2)).digest_id == digest(event(2), event(1)).digest_id
    assert digest(event(1)).digest_id != digest(event(1, severity="ERROR")).digest_id


def test_the_console_gets_a_line_per_group() -> None:
    said: list[str] = []
    ConsoleChannel(said.append).send(digest())
    assert said[0] == "Driftlake: 1 finding (1 WARN)"
    assert said[1].startswith("  WARN VALUE_SHIFT temperature_celsius; 1 device (10%): sensor_1")


class Receiver:
    """A webhook on this machine that answers as it is told, and keeps what it got."""

    def __init__(self, answers: list[int]) -> None:
        self.got: list[tuple[dict[str, str], dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.got.append((dict(self.headers), body))
                self.send_response(answers[min(len(receiver.got), len(answers)) - 1])
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook/s3cret"


@pytest.fixture
def receive() -> Iterator[Any]:
    made: list[Receiver] = []

    def start(*answers: int) -> Receiver:
        made.append(Receiver([*answers]))
        return made[-1]

    yield start
    for each in made:
        each.server.shutdown()
        each.server.server_close()


def test_webhook_gets_the_digest_as_json_with_a_key_against_doubles(receive: Any) -> None:
    receiver = receive(200)
    WebhookChannel(receiver.url).send(made := digest())
    ((headers, body),) = receiver.got
    assert headers["Idempotency-Key"] == made.digest_id == body["digest_id"]
    assert headers["Content-Type"] == "application/json"
    assert (body["findings"], body["groups"][0]["kind"]) == (1, "VALUE_SHIFT")
    assert body["text"].startswith("Driftlake: 1 finding (1 WARN)\n  WARN VALUE_SHIFT")


def test_webhook_tries_a_busy_server_again_with_growing_pauses(receive: Any) -> None:
    receiver, pauses = receive(503, 429, 204), list[float]()
    WebhookChannel(receiver.url, pauses.append).send(digest())
    assert (len(receiver.got), pauses) == (3, [0.5, 1.0])


@pytest.mark.parametrize(("answers", "tries"), [((500,), 3), ((403,), 1), ((302,), 1)])
def test_webhook_that_refuses_is_an_error_that_names_no_secret(
    receive: Any, answers: tuple[int, ...], tries: int
) -> None:
    receiver = receive(*answers)
    with pytest.raises(AlertDeliveryError) as failed:
        WebhookChannel(receiver.url, lambda _: None).send(digest())
    assert len(receiver.got) == tries
    assert f"answered {answers[0]}" in str(failed.value)
    assert "s3cret" not in repr(failed.value) + str(failed.value)


def test_webhook_that_is_not_there_is_an_error_that_names_no_secret() -> None:
    with pytest.raises(AlertDeliveryError) as failed:
        WebhookChannel("http://127.0.0.1:1/hook/s3cret", lambda _: None).send(digest())
    assert "s3cret" not in str(failed.value)


@pytest.mark.parametrize(
    "url", ["", "http://example.org/hook/s3cret", "ftp://x/s3cret", "https://", "http://[s3cret"]
)
def test_webhook_address_must_be_https_and_is_not_repeated_in_the_error(url: str) -> None:
    with pytest.raises(SettingsError, match=URL_VARIABLE) as refused:
        WebhookChannel(url)
    assert "s3cret" not in str(refused.value)


TOPIC = "arn:aws:sns:eu-central-1:123456789012:drift"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def test_sns_gets_subject_lines_and_facts(aws: None) -> None:
    region = {"region_name": "eu-central-1"}
    topic = boto3.client("sns", **region).create_topic(Name="drift")["TopicArn"]
    assert topic == TOPIC
    queues = boto3.client("sqs", **region)
    queue = queues.create_queue(QueueName="told")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns", **region).subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    SnsChannel(topic).send(made := digest())
    told = json.loads(queues.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert told["Subject"] == "Driftlake: 1 finding (1 WARN)"
    assert told["Message"].splitlines()[1].startswith("  WARN VALUE_SHIFT")
    assert told["MessageAttributes"]["digest_id"]["Value"] == made.digest_id


def test_sns_topic_that_is_not_there_is_a_failed_delivery(aws: None) -> None:
    with pytest.raises(AlertDeliveryError, match="SNS: NotFound"):
        SnsChannel(TOPIC).send(digest())


def test_channels_follow_from_settings_and_the_webhook_from_the_environment() -> None:
    names = DriftSettings(
        warehouse="w", alerts="console, webhook,sns,console", alert_sns_topic_arn=TOPIC
    ).alert_channels
    environment = {URL_VARIABLE: "https://example.org/hook"}
    made = open_channels(names, print, topic_arn=TOPIC, environment=environment)
    assert (
        [channel.name for channel in made]
        == ["console", "webhook", "sns"]
        == [*CHANNELS]
        == [*ALERT_CHANNELS]
    )
    assert open_channels(DriftSettings(warehouse="w", alerts="").alert_channels, print) == []
    with pytest.raises(SettingsError, match=URL_VARIABLE):
        open_channels(names, print, environment={})


def test_the_address_of_a_webhook_is_not_in_what_settings_say_of_themselves() -> None:
    assert "s3cret" not in repr(DriftSettings(warehouse="w", alert_webhook_url="https://example.org/s3cret"))


@pytest.mark.parametrize(
    "wrong", [{"alerts": "pager"}, {"alerts": "sns"}, {"alert_min_severity": "LOUD"}, {"quiet_windows": 0}]
)
def test_impossible_alert_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        DriftSettings(warehouse="w", **wrong)
