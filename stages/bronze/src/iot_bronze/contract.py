"""What bronze reads and writes."""

from __future__ import annotations

from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.places import Places

WRITES = (BLOCK, RAW_READING)

READS = (TOUCHED_WINDOW,)
"""Only its newest snapshot summary: how far silver has read, so that older blocks may go."""

PLACES = Places(reads=("landing",), writes=("blocks", "oversize"), clears=("blocks",))
