"""What waits for people: entries of `drift.drift_log` that a contract change would settle, and notices."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from driftlake.aws import is_deployed
from iot_common.io.objects import objects_under, read_object
from iot_common.settings import StageSettings

if TYPE_CHECKING:
    import duckdb

PENDING_SHOWN = 10
NOTICES_SHOWN = 5

PENDING = """
    SELECT path, kind, severity, occurrences, device_count, device_share, versions, proposed_column, contract_version,
           first_seen, last_seen
    FROM drift.drift_log WHERE status = 'PENDING'
    ORDER BY list_position(['CRITICAL', 'ERROR', 'WARN', 'INFO'], severity), device_count DESC, path, kind
"""


def statuses(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Entries of the log by status."""
    rows = connection.execute(
        "SELECT status, count(*) FROM drift.drift_log GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {str(status): int(count) for status, count in rows}


def newest_notices(warehouse: str) -> tuple[int, list[dict[str, Any]]]:
    """How many notices a warehouse has, and the newest ones; an object that is no notice is not counted."""
    settings = StageSettings(warehouse=warehouse, catalog="glue" if is_deployed(warehouse) else "jdbc")
    notices = []
    for uri in (uri for uri in objects_under(settings.notices) if uri.endswith(".json")):
        try:
            told = json.loads(read_object(uri))
            notices.append({name: str(told[name]) for name in ("raised_time", "kind", "subject", "text")})
        except (OSError, ValueError, KeyError, TypeError):
            continue
    notices.sort(key=lambda told: (told["raised_time"], told["subject"]), reverse=True)
    return len(notices), notices[:NOTICES_SHOWN]
