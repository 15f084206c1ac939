"""What gold reads and writes."""

from __future__ import annotations

from iot_common.contracts.gold_daily_summary import DAILY_SUMMARY
from iot_common.contracts.gold_device_window_5min import DEVICE_WINDOW_5MIN
from iot_common.contracts.gold_place_hour import PLACE_HOUR
from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_touched_window import TOUCHED_WINDOW
from iot_common.places import Places

READS = (TOUCHED_WINDOW, READING)

WRITES = (DEVICE_WINDOW_5MIN, PLACE_HOUR, DAILY_SUMMARY)

PLACES = Places()
