"""All table contracts, by name."""

from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.drift_alert import ALERT
from iot_common.contracts.drift_baseline import BASELINE
from iot_common.contracts.drift_drift_log import DRIFT_LOG
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import EVENT_ACTION
from iot_common.contracts.drift_model import MODEL
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.gold_daily_summary import DAILY_SUMMARY
from iot_common.contracts.gold_device_window_5min import DEVICE_WINDOW_5MIN
from iot_common.contracts.gold_place_hour import PLACE_HOUR
from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.contracts.silver_circuit_breaker import CIRCUIT_BREAKER
from iot_common.contracts.silver_evolving_path import EVOLVING_PATH
from iot_common.contracts.silver_quality_failure import QUALITY_FAILURE
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import QUARANTINE_ACTION
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.contracts.silver_superseded import SUPERSEDED
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.contracts.table import TableContract

TABLES: dict[str, TableContract] = {
    table.name: table
    for table in (
        BLOCK,
        RAW_READING,
        READING,
        QUARANTINE,
        QUARANTINE_ACTION,
        CIRCUIT_BREAKER,
        SUPERSEDED,
        SCHEMA_OBSERVATION,
        TOUCHED_WINDOW,
        EVOLVING_PATH,
        QUALITY_FAILURE,
        DEVICE_WINDOW_5MIN,
        PLACE_HOUR,
        DAILY_SUMMARY,
        DRIFT_EVENT,
        EVENT_ACTION,
        ALERT,
        WINDOW_SCORE,
        BASELINE,
        MODEL,
        DRIFT_LOG,
        STAGE_METRIC,
        CONSERVATION,
    )
}
