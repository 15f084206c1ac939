"""Notices as objects under the warehouse, one per kind and subject; a deployment forwards them to its channel."""

from __future__ import annotations

import json
from dataclasses import asdict

from iot_common.io.objects import exists, put_object
from iot_common.notices import Notice


def emit_once(prefix: str, notice: Notice) -> bool:
    """Write a notice unless it is there; a batch repeated after a crash says nothing twice.

    Returns:
        True if it is new.
    """
    uri = f"{prefix}/{notice.name}"
    if exists(uri):
        return False
    said = asdict(notice) | {"raised_time": notice.raised_time.isoformat(), "facts": dict(notice.facts)}
    put_object(uri, (json.dumps(said, ensure_ascii=False, sort_keys=True) + "\n").encode())
    return True
