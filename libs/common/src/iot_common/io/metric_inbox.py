"""Writes metric rows to the inbox prefix: one JSON-lines object per batch, on success and on failure."""

from __future__ import annotations

import json
import uuid
from typing import Any

from iot_common.io.objects import put_object


def write_metric_rows(inbox: str, rows: list[dict[str, Any]]) -> str:
    """Write rows as one object and return its URI.

    The name holds a random part: an attempt that is repeated after a crash is a second row, and
    `ops.conservation` counts the last one of each batch.
    """
    first = rows[0]
    name = f"{first['recorded_time'].replace(':', '')}-{first['stage']}-{uuid.uuid4().hex[:12]}.json"
    uri = f"{inbox}/{name}"
    put_object(uri, "".join(json.dumps(row) + "\n" for row in rows).encode())
    return uri
