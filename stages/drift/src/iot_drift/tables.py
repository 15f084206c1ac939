"""The statements that change drift's tables. Text only."""

from __future__ import annotations

from iot_common.contracts.drift_drift_log import DRIFT_LOG
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_model import MODEL
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.settings import CATALOG_NAME

STATUS_VIEW = "drift_event_status"
DISMISSED_VIEW = "drift_log_dismissed"
SCORE_VIEW = "drift_window_score_batch"
EVENT_VIEW = "drift_event_batch"
LOG_VIEW = "drift_log_batch"
MODEL_VIEW = "drift_model_batch"

_KEPT_OF_EVENT = ("event_id", "first_detected_time", "status")
"""A finding keeps its name, the time it was first reported, and what people made of it."""

_WHEN_AND_WHO = ("batch", "processing_time", "pipeline_version")
"""Change with every batch and are no news."""


def merge_scores() -> str:
    """Replaces a window's row, or adds it."""
    columns = WINDOW_SCORE.column_names
    return (
        f"MERGE INTO {CATALOG_NAME}.{WINDOW_SCORE.name} AS t USING {SCORE_VIEW} AS s "
        "ON t.device_id = s.device_id AND t.window_start = s.window_start "
        f"WHEN MATCHED THEN UPDATE SET {_set(columns)} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}) VALUES ({_values(columns)})"
    )


def merge_events() -> str:
    """Updates a finding that says something new, or adds it; one that is unchanged is not touched."""
    columns = DRIFT_EVENT.column_names
    changing = [name for name in columns if name not in _KEPT_OF_EVENT]
    telling = [name for name in changing if name not in _WHEN_AND_WHO]
    same = " AND ".join(f"t.{name} <=> s.{name}" for name in telling)
    return (
        f"MERGE INTO {CATALOG_NAME}.{DRIFT_EVENT.name} AS t USING {EVENT_VIEW} AS s "
        f"ON t.event_id = s.event_id WHEN MATCHED AND NOT ({same}) THEN UPDATE SET {_set(changing)} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}) VALUES ({_values(columns)})"
    )


def merge_log() -> str:
    """Counts an occurrence of a logged path and kind, or adds it; an entry that is only approved keeps its findings."""
    columns = DRIFT_LOG.column_names
    kept = ("path", "kind", "first_detected_time")
    changing = [name for name in columns if name not in (*kept, "occurrences", "first_seen", "last_seen")]
    return (
        f"MERGE INTO {CATALOG_NAME}.{DRIFT_LOG.name} AS t USING {LOG_VIEW} AS s "
        f"ON t.path = s.path AND t.kind = s.kind WHEN MATCHED THEN UPDATE SET {_set(changing)}, "
        "t.occurrences = t.occurrences + s.occurrences, "
        "t.first_seen = least(t.first_seen, s.first_seen), t.last_seen = greatest(t.last_seen, s.last_seen) "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}) VALUES ({_values(columns)})"
    )


def merge_status() -> str:
    """Sets the status of findings; what they say, and when it last changed, stays."""
    return (
        f"MERGE INTO {CATALOG_NAME}.{DRIFT_EVENT.name} AS t USING {STATUS_VIEW} AS s "
        "ON t.event_id = s.event_id WHEN MATCHED AND t.status <> s.status THEN UPDATE SET t.status = s.status"
    )


def merge_dismissed() -> str:
    """Dismisses the entries of the log whose findings were accepted."""
    stamps = ("batch", "processing_time", "pipeline_version")
    return (
        f"MERGE INTO {CATALOG_NAME}.{DRIFT_LOG.name} AS t USING {DISMISSED_VIEW} AS s "
        "ON t.path = s.path AND t.kind = s.kind WHEN MATCHED AND t.status <> 'DISMISSED' "
        f"THEN UPDATE SET t.status = 'DISMISSED', {_set(stamps)}"
    )


def merge_models() -> str:
    """Replaces a model's row, or adds it; when it was first trained stays."""
    columns = MODEL.column_names
    changing = [name for name in columns if name not in ("model_id", "created_time")]
    return (
        f"MERGE INTO {CATALOG_NAME}.{MODEL.name} AS t USING {MODEL_VIEW} AS s "
        f"ON t.model_id = s.model_id WHEN MATCHED THEN UPDATE SET {_set(changing)} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(columns)}) VALUES ({_values(columns)})"
    )


def _set(columns: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"t.{name} = s.{name}" for name in columns)


def _values(columns: tuple[str, ...]) -> str:
    return ", ".join(f"s.{name}" for name in columns)
