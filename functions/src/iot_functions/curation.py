"""After curation: the token that silver left, and the messages of what bronze has taken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from iot_common.errors import RunTokenMissingError
from iot_functions.checkpoints import Clients, contract_state
from iot_functions.settings import FlowSettings
from iot_functions.tokens import list_tokens

MESSAGES_AT_ONCE = 10
"""SQS's limit of one request."""

SETTLED_AT_MOST = 50_000
"""Messages one call deletes: more could take longer than a function may run; the next pass deletes the rest."""

WAIT_SECONDS = 1
"""Without waiting SQS asks some of its servers only, and may say that a queue is empty which is not."""

HIDDEN_SECONDS = 60
"""For how long a received message is hidden: one that landed after the pass began shows again after it."""


def read_token(event: Mapping[str, Any], settings: FlowSettings, clients: Clients) -> dict[str, Any]:
    """What a run of silver wrote: the snapshot that the next stages get as a token, records, and missing contracts.

    Args:
        event: `run_id` and `stage`.
        settings: The places.
        clients: Whom to ask.

    Raises:
        RunTokenMissingError: If the run left none, though its job says it succeeded.
    """
    token = list_tokens(clients.s3, settings.warehouse).of_run(event["stage"], event["run_id"])
    if token is None:
        raise RunTokenMissingError(event["stage"], event["run_id"])
    return {
        "snapshot_id": token.given_snapshot_id,
        "records_written": token.records_written,
        "contract": asdict(contract_state(token)),
    }


def settle_landed(event: Mapping[str, Any], settings: FlowSettings, clients: Clients) -> dict[str, Any]:
    """Delete the messages of objects that landed before the pass began: bronze has listed and taken them.

    What is no message of S3 is left: received too often, it goes to the dead letters, and somebody hears of it.

    Args:
        event: `began`, the time before bronze ran.
        settings: The places.
        clients: Whom to ask.
    """
    began_ms = datetime.fromisoformat(event["began"]).timestamp() * 1000
    settled = kept = 0
    while settled + kept < SETTLED_AT_MOST:
        received = _receive(clients.sqs, settings.landing_queue_url)
        done = [each for each in received if is_landed(each) and _sent_ms(each) <= began_ms]
        _delete(clients.sqs, settings.landing_queue_url, done)
        settled, kept = settled + len(done), kept + len(received) - len(done)
        # Landed meanwhile, or no message of S3: from here on most are.
        if not done:
            break
    return {"settled": settled, "kept": kept}


def _receive(sqs: Any, queue_url: str) -> Sequence[Mapping[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=MESSAGES_AT_ONCE,
        VisibilityTimeout=HIDDEN_SECONDS,
        WaitTimeSeconds=WAIT_SECONDS,
        AttributeNames=["SentTimestamp"],
    )
    found: Sequence[Mapping[str, Any]] = answer.get("Messages", [])
    return found


def _sent_ms(message: Mapping[str, Any]) -> int:
    return int(message["Attributes"]["SentTimestamp"])


def is_landed(message: Mapping[str, Any]) -> bool:
    """True for what S3 sends: events of objects, and its trial when notifications are switched on."""
    try:
        told = json.loads(message["Body"])
    except ValueError:
        return False
    return isinstance(told, dict) and (bool(told.get("Records")) or told.get("Event") == "s3:TestEvent")


def _delete(sqs: Any, queue_url: str, messages: Sequence[Mapping[str, Any]]) -> None:
    if not messages:
        return
    entries = [
        {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]} for number, each in enumerate(messages)
    ]
    # One that could not be deleted shows again, and is deleted in the next pass.
    sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
