"""Where alerts go: the console, a webhook, an SNS topic. One interface; a channel that fails says so and no more."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from iot_common.errors import SettingsError

CHANNELS = ("console", "webhook", "sns")

URL_VARIABLE = "DRIFTLAKE_ALERT_WEBHOOK_URL"
"""Environment variable with the webhook's address: on a command line every user of the machine would see it."""

TIMEOUT_SECONDS = 5.0
TRIES = 3
PAUSE_SECONDS = 0.5
"""Doubles with each try: a channel that hangs costs a run 17 seconds at most."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SUBJECT_CHARACTERS = 100
"""SNS takes no longer subject."""


class AlertDeliveryError(Exception):
    """A channel did not take a digest. The text names no address: those of webhooks are secrets."""


class Digest(Protocol):
    """What is told: the same `digest_id` for the same content, so that a receiver knows a repetition."""

    @property
    def digest_id(self) -> str:
        """Names the content."""

    @property
    def highest_severity(self) -> str:
        """Of all that it tells."""

    @property
    def headline(self) -> str:
        """One line of ASCII."""

    @property
    def lines(self) -> Sequence[str]:
        """For people, the headline first."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""


class AlertChannel(Protocol):
    """Somewhere a digest goes."""

    name: str

    def send(self, digest: Digest) -> None:
        """Deliver it.

        Raises:
            AlertDeliveryError: If the channel did not take it; the next run tries again.
        """


class ConsoleChannel:
    """The progress lines of the run."""

    name = "console"

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say

    def send(self, digest: Digest) -> None:
        """A line each for the headline and the groups."""
        for line in digest.lines:
            self.say(line)


class WebhookChannel:
    """HTTPS POST of the digest as JSON, with its id as Idempotency-Key; `text` in it suits chat systems.

    Tries again on a busy server or a lost connection. Follows no redirect: the address and what is told are meant for
    one server.
    """

    name = "webhook"

    def __init__(self, url: str, pause: Callable[[float], None] = time.sleep) -> None:
        require_safe(url)
        self._url = url
        self._pause = pause

    def send(self, digest: Digest) -> None:
        """POST it, up to TRIES times.

        Raises:
            AlertDeliveryError: If no try succeeded.
        """
        body = json.dumps(digest.as_json(), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json", "Idempotency-Key": digest.digest_id, "User-Agent": "driftlake",
        }  # fmt: skip
        for number in range(TRIES):
            reason, is_lasting = self._post(urllib.request.Request(self._url, body, headers, method="POST"))
            if reason is None:
                return
            if is_lasting or number == TRIES - 1:
                raise AlertDeliveryError(f"{reason}, after {number + 1} of {TRIES} tries")
            self._pause(PAUSE_SECONDS * 2**number)

    def _post(self, request: urllib.request.Request) -> tuple[str | None, bool]:
        """Why it failed, if it did, and whether trying again is useless."""
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS):
                return None, False
        except urllib.error.HTTPError as error:
            error.close()
            return f"the server answered {error.code}", error.code < 500 and error.code != 429
        except (OSError, HTTPException) as error:
            # `reason` may be another exception, and no text of these may hold the address.
            cause = getattr(error, "reason", error)
            return f"no answer ({type(cause).__name__})", False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Never: a redirect becomes the error that it is here."""


def require_safe(url: str) -> None:
    """Refuse an address that would show the alert, and the secret in it, on the way.

    Raises:
        SettingsError: If it is neither https nor http on this machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)):
        raise SettingsError(
            "the webhook's address is an https URL (http on this machine only); set it with the environment variable "
            f"{URL_VARIABLE}, or with --alert-webhook-url"
        )


class SnsChannel:
    """An SNS topic: the headline as subject, the lines as message, the digest's facts as attributes."""

    name = "sns"

    def __init__(self, topic_arn: str) -> None:
        self.topic_arn = topic_arn

    def send(self, digest: Digest) -> None:
        """Publish it; boto3 tries again by itself, TRIES times in all.

        Raises:
            AlertDeliveryError: If SNS did not take it, or boto3 is missing.
        """
        try:
            self._client().publish(**self._message(digest))
        except Exception as error:  # botocore makes its errors at run time; each is a failed delivery
            raise AlertDeliveryError(f"SNS: {type(error).__name__}") from error

    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        bounds = Config(
            connect_timeout=TIMEOUT_SECONDS,
            read_timeout=TIMEOUT_SECONDS,
            retries={"total_max_attempts": TRIES},
        )
        return boto3.client("sns", region_name=self.topic_arn.split(":")[3], config=bounds)

    def _message(self, digest: Digest) -> dict[str, Any]:
        facts = {"highest_severity": digest.highest_severity, "digest_id": digest.digest_id}
        message: dict[str, Any] = {
            "TopicArn": self.topic_arn,
            "Subject": digest.headline[:SUBJECT_CHARACTERS],
            "Message": "\n".join(digest.lines),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in facts.items()
            },
        }
        if self.topic_arn.endswith(".fifo"):
            message |= {"MessageGroupId": "driftlake", "MessageDeduplicationId": digest.digest_id}
        return message


def open_channels(
    names: Sequence[str],
    say: Callable[[str], None],
    *,
    webhook_url: str = "",
    topic_arn: str = "",
    environment: Mapping[str, str] = os.environ,
) -> list[AlertChannel]:
    """The channels of these names.

    Args:
        names: Of CHANNELS.
        say: Takes the lines of the console.
        webhook_url: Where the webhook is; empty for that of the environment variable URL_VARIABLE.
        topic_arn: Of the SNS topic.
        environment: Variables of the process.

    Raises:
        SettingsError: If the webhook lacks its address, or has one that is not safe.
    """
    made: list[AlertChannel] = []
    for name in names:
        if name == ConsoleChannel.name:
            made.append(ConsoleChannel(say))
        elif name == WebhookChannel.name:
            made.append(WebhookChannel(webhook_url or environment.get(URL_VARIABLE, "")))
        else:
            made.append(SnsChannel(topic_arn))
    return made
