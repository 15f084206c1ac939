"""Where a stream over an Iceberg table stands: what its checkpoint says. The owner of the table asks.

Iceberg keeps the offset a stream began with in `sources/0/offsets/0`. Under `availableNow` Spark asks for the newest
offset by walking from that one, so its snapshot and all after it must be there, however far the stream has read
(Spark 3.5, Iceberg 1.10). So a stream moves it on at the end of each run; until then the table's owner keeps all after
it.
"""

from __future__ import annotations

import json

from iot_common.io.objects import delete_object, exists, objects_under, put_object, read_object


def starts_from(checkpoint: str) -> int | None:
    """Snapshot from which on a stream needs the table's history; None if it has not begun."""
    beginning = _beginning(checkpoint)
    return int(json.loads(read_object(beginning))["snapshot_id"]) if exists(beginning) else None


def move_on(checkpoint: str) -> None:
    """Let a stream that is not running begin with the offset of its last batch that ended.

    A batch that was planned and did not end is repeated from there. Nothing happens to a stream of another kind.
    """
    beginning = _beginning(checkpoint)
    ended = [int(name) for uri in objects_under(f"{checkpoint}/commits") if (name := _name(uri)).isdigit()]
    if not ended or not exists(beginning):
        return
    offset = _planned(checkpoint, max(ended)).encode()
    if read_object(beginning) == offset:
        return
    if checkpoint.startswith("file://"):
        # Hadoop's sum of the old content: without it the file is read unchecked.
        delete_object(f"{checkpoint}/sources/0/offsets/.0.crc")
    put_object(beginning, offset)


def planned_snapshot(checkpoint: str, batch_id: int) -> int:
    """Snapshot that a batch reads up to."""
    return int(json.loads(_planned(checkpoint, batch_id))["snapshot_id"])


def _planned(checkpoint: str, batch_id: int) -> str:
    # A version, the settings, then one line per source; each of our streams has one.
    return read_object(f"{checkpoint}/offsets/{batch_id}").decode().splitlines()[-1]


def _beginning(checkpoint: str) -> str:
    return f"{checkpoint}/sources/0/offsets/0"


def _name(uri: str) -> str:
    return uri.rpartition("/")[2]
