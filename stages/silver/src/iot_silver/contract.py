"""What silver reads and writes."""

from __future__ import annotations

from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.silver_circuit_breaker import CIRCUIT_BREAKER
from iot_common.contracts.silver_evolving_path import EVOLVING_PATH
from iot_common.contracts.silver_quality_failure import QUALITY_FAILURE
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_quarantine_action import QUARANTINE_ACTION
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_schema_observation import SCHEMA_OBSERVATION
from iot_common.contracts.silver_superseded import SUPERSEDED
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.places import Places

READS = (BLOCK, RAW_READING)
"""The blocks; `bronze.raw_reading` for those whose Avro file bronze has dropped (a rebuild)."""

WRITES = (
    SCHEMA_OBSERVATION,
    EVOLVING_PATH,
    QUARANTINE,
    READING,
    SUPERSEDED,
    CIRCUIT_BREAKER,
    QUARANTINE_ACTION,
    TOUCHED_WINDOW,
    QUALITY_FAILURE,
)
"""In the order of the commits. Gold and drift stream `silver.touched_window`: all they need is there before it."""

PLACES = Places(reads=("contracts", "blocks", "oversize"), writes=("notices",))
