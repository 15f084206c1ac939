"""What drift reads and writes."""

from __future__ import annotations

from iot_common.contracts.drift_alert import ALERT
from iot_common.contracts.drift_baseline import BASELINE
from iot_common.contracts.drift_drift_log import DRIFT_LOG
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import EVENT_ACTION
from iot_common.contracts.drift_model import MODEL
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.places import Places

READS = (SCHEMA_OBSERVATION, TOUCHED_WINDOW, READING)

WRITES = (WINDOW_SCORE, BASELINE, MODEL, DRIFT_EVENT, EVENT_ACTION, ALERT, DRIFT_LOG)

PLACES = Places(reads=("contracts",), writes=("notices",))
