"""Dead letters: kept in cold storage before SQS deletes them, and sent again once the cause is mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from iot_common.errors import SettingsError
from iot_functions.settings import DeadLetterSettings

STORAGE_CLASS = "GLACIER_IR"
"""A fifth of the price of S3 Standard, and readable at once: sending again needs no restore."""

MESSAGES_AT_ONCE = 10
ARCHIVED_AT_MOST = 5_000
"""One object's messages are held in memory; the rest is the next day's."""

WAIT_SECONDS = 1
"""Without waiting SQS asks some of its servers only, and may say that a queue is empty which is not."""

HIDDEN_SECONDS = 300
"""For how long a received message is hidden: longer than a call may run, so that no call meets one twice."""


def archive(settings: DeadLetterSettings, s3: Any, sqs: Any, clock: Callable[[], datetime]) -> dict[str, Any]:
    """Put dead letters that are old enough into one object, and only then delete them from the queue.

    A call that ends in between leaves them twice, in the archive and in the queue; none is lost.

    Returns:
        `archived`: how many; `uri`: where, empty if there were none.
    """
    now = clock()
    oldest_kept = now - timedelta(days=settings.archive_after_days)
    old = _old_letters(sqs, settings.dead_letter_queue_url, oldest_kept.timestamp() * 1000)
    if not old:
        return {"archived": 0, "uri": ""}
    lines = [
        {
            "message_id": each["MessageId"],
            "body": each["Body"],
            "sent_ms": int(each["Attributes"]["SentTimestamp"]),
            "receive_count": int(each["Attributes"]["ApproximateReceiveCount"]),
        }
        for each in old
    ]
    key = settings.archive.key(f"{now:%Y/%m/%d}/{now:%Y%m%dT%H%M%S%fZ}.ndjson")
    s3.put_object(
        Bucket=settings.archive.bucket,
        Key=key,
        Body="".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode(),
        StorageClass=STORAGE_CLASS,
    )
    for start in range(0, len(old), MESSAGES_AT_ONCE):
        few = old[start : start + MESSAGES_AT_ONCE]
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(few)]
        sqs.delete_message_batch(QueueUrl=settings.dead_letter_queue_url, Entries=entries)
    return {"archived": len(old), "uri": f"s3://{settings.archive.bucket}/{key}"}


def _old_letters(sqs: Any, queue_url: str, sent_before_ms: float) -> list[Mapping[str, Any]]:
    old: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while len(old) < ARCHIVED_AT_MOST:
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=MESSAGES_AT_ONCE,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            AttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
        )
        messages: Sequence[Mapping[str, Any]] = answer.get("Messages", [])
        fresh = [each for each in messages if each["MessageId"] not in seen]
        if not fresh:
            return old
        seen.update(each["MessageId"] for each in fresh)
        # A dead letter keeps the time at which it was first sent; SQS counts its 14 days from there.
        old += [each for each in fresh if int(each["Attributes"]["SentTimestamp"]) <= sent_before_ms]
    return old


def redrive(event: Mapping[str, Any], settings: DeadLetterSettings, s3: Any, sqs: Any) -> dict[str, Any]:
    """Send archived dead letters to the queue of landed objects again; the archive keeps them.

    Args:
        event: `prefix`, below the archive, such as `2025/11/21`: what lies under it is sent.
        settings: The places.
        s3: Where they are.
        sqs: Where they go.

    Returns:
        `sent`: how many; `objects`: from how many archived objects.

    Raises:
        SettingsError: If no such prefix was named, or nothing lies under it.
    """
    prefix = str(event.get("prefix", "")).strip("/")
    if not prefix:
        raise SettingsError('name what to send again: {"prefix": "2025/11/21"}, a day of the archive')
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=settings.archive.bucket, Prefix=settings.archive.key(prefix)
    )
    keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
    if not keys:
        place = f"s3://{settings.archive.bucket}/{settings.archive.key(prefix)}"
        raise SettingsError(f"nothing is archived under {place}: name a day on which dead letters were")
    return {"sent": sum(_send(key, settings, s3, sqs) for key in keys), "objects": len(keys)}


def _send(key: str, settings: DeadLetterSettings, s3: Any, sqs: Any) -> int:
    content = s3.get_object(Bucket=settings.archive.bucket, Key=key)["Body"].read()
    bodies = [json.loads(line)["body"] for line in content.decode().splitlines()]
    for start in range(0, len(bodies), MESSAGES_AT_ONCE):
        few = bodies[start : start + MESSAGES_AT_ONCE]
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(few)]
        answer = sqs.send_message_batch(QueueUrl=settings.landing_queue_url, Entries=entries)
        for failed in answer.get("Failed", ()):
            raise OSError(
                f"{key}: {failed['Code']}, {failed.get('Message', '')}. Some were sent; sending again is safe."
            )
    return len(bodies)
