"""The findings of a warehouse, the most severe first, each with its evidence read and what was done to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from driftlake.status import has_table, records

if TYPE_CHECKING:
    import duckdb

ACTIONS_SHOWN = 20
"""Most entries of a finding's history, the newest; `drift.event_action` has all."""

_FINDINGS = """
    SELECT event_id, channel, kind, severity, field, contract_version, devices, device_count, device_share, onset,
           last_seen, occurrence_count, score, threshold, evidence, status, first_detected_time
    FROM drift.event
    ORDER BY list_position(['open', 'acknowledged', 'accepted', 'resolved'], coalesce(status, 'open')),
             list_position(['CRITICAL', 'ERROR', 'WARN', 'INFO'], severity), onset, kind, field, event_id
"""
_ACTIONS = """
    SELECT event_id, action, action_time, note, requested_by FROM drift.event_action
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY action_time DESC) <= $most
    ORDER BY event_id, action_time
"""


def finding_rows(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Rows of `drift.event` with `evidence` as a dict and `history` as rows of `drift.event_action`, oldest first."""
    if not has_table(connection, "drift.event"):
        return []
    history: dict[str, list[dict[str, Any]]] = {}
    if has_table(connection, "drift.event_action"):
        for action in records(connection, _ACTIONS.replace("$most", str(ACTIONS_SHOWN))):
            history.setdefault(action["event_id"], []).append(action)
    return [
        row | {"evidence": evidence_of(row["evidence"]), "history": history.get(row["event_id"], [])}
        for row in records(connection, _FINDINGS)
    ]


def evidence_of(text: str | None) -> dict[str, Any]:
    """The evidence as a dict; what is no JSON object is kept under a name."""
    try:
        evidence = json.loads(text or "{}")
    except (ValueError, RecursionError):
        evidence = {"text": text}
    return evidence if isinstance(evidence, dict) else {"evidence": evidence}
