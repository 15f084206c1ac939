"""What metrics reads and writes."""

from __future__ import annotations

from iot_common.contracts.ops_conservation import CONSERVATION
from iot_common.contracts.ops_stage_metric import STAGE_METRIC
from iot_common.contracts.table import TableContract
from iot_common.places import Places

READS: tuple[TableContract, ...] = ()
"""No table: it reads the metric inbox, JSON lines with the columns of `ops.stage_metric`."""

WRITES = (STAGE_METRIC, CONSERVATION)

PLACES = Places(writes=("metric_inbox",))
"""It reads what all stages put there, and makes the inbox where there is none yet."""
