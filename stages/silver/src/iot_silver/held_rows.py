"""Rows of a schema version whose circuit breaker is not closed: which go through, and what becomes of the others."""

from __future__ import annotations

import zlib

from iot_common.engine.events import Event, EventCode, Source, shorten
from iot_silver.row_columns import QUARANTINE, as_violation
from iot_silver.typing_rules import FoundRow


def is_let_through(row_id: str, share: float) -> bool:
    """True for about this share of the rows: always the same ones."""
    return zlib.crc32(row_id.encode()) < share * 2**32


def held_back(row: FoundRow, payload: bytes) -> FoundRow:
    """The row in quarantine, with what holds it before its own reasons; it has no typed values there."""
    found = shorten(row.schema_version or "")
    event = Event("schema_version", EventCode.CIRCUIT_OPEN, "a closed circuit breaker", found, Source.ENGINE)
    return FoundRow(
        payload,
        QUARANTINE,
        row.idempotency_key,
        device_id=row.device_id,
        event_time_raw=row.event_time_raw,
        schema_version=row.schema_version,
        contract_version=row.contract_version,
        version_fallback=row.version_fallback,
        clock_suspect=row.clock_suspect,
        conforms=row.conforms,
        violations=[as_violation(event), *row.violations],
        shape_id=row.shape_id,
        shape=row.shape,
    )
