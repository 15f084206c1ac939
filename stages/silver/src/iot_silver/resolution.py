"""Which accepted records stand, and which are duplicates or lose: of a whole batch, at the cost of the few that meet.

Nearly every record is alone with its device and raw time: it is kept, whatever else happens. So the hashes of device
and time are counted first; only the records whose hash is met twice, in the batch or in `silver.reading`, take part
in the joins and sorts of `transform.resolve`. Called by `storing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_common.contracts.silver_reading import READING
from iot_common.contracts.silver_superseded import SUPERSEDED
from iot_silver import tables, transform
from iot_silver.intervals import merged_intervals

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from iot_silver.storing import SilverBatch, Survey

CONTESTED_LIMIT = 200_000
"""Most hashes that are sent to every executor (8 bytes each); a batch with more of them is resolved as a whole."""


@dataclass(frozen=True)
class Resolution:
    """Accepted records with what `transform.resolve` adds.

    Attributes:
        records: All of them.
        contested: Those that met another record, persisted, and among them all that are not kept.
        hashes: What tells them from the others, persisted.
    """

    records: DataFrame
    contested: DataFrame
    hashes: DataFrame | None = None

    def unpersist(self) -> None:
        """Let go of what is persisted."""
        self.contested.unpersist()
        if self.hashes is not None:
            self.hashes.unpersist()


def resolve(batch: SilverBatch, classified: DataFrame, seen: Survey) -> Resolution:
    """Accepted records with their event time, lateness and outcome: see `transform.resolve`."""
    batch.step("resolving duplicates and conflicts")
    intervals = merged_intervals(seen.hours)
    readings = batch.before(READING.name)
    offsets = _offsets(readings, seen.suspect_devices)
    accepted = transform.with_event_time(transform.keep_accepted(classified), offsets)
    accepted = transform.with_lateness(accepted, batch.stream_time, batch.context.settings.lateness_minutes)
    losers = tables.known_losers(batch.before(SUPERSEDED.name), intervals)
    stored = tables.stored_readings(readings, intervals, with_place=batch.again)
    if batch.again:
        accepted = transform.with_standing_times(accepted)
        return _as_a_whole(transform.resolve(accepted, stored, losers, again=True))
    hashes = transform.contested_hashes(accepted, stored).persist()
    count = hashes.count()
    if count > CONTESTED_LIMIT:
        hashes.unpersist()
        return _as_a_whole(transform.resolve(accepted, stored, losers))
    contested = transform.resolve(transform.keep_contested(accepted, hashes), stored, losers)
    # Few records, however many tasks looked for them.
    contested = contested.coalesce(1).persist()
    alone = transform.keep_uncontested(accepted, hashes)
    return Resolution(alone.unionByName(contested, allowMissingColumns=True), contested, hashes)


def _as_a_whole(resolved: DataFrame) -> Resolution:
    persisted = resolved.persist()
    return Resolution(persisted, persisted)


def _offsets(readings: DataFrame, suspect_devices: Sequence[str]) -> DataFrame | None:
    if not suspect_devices:
        return None
    from pyspark.sql import functions as F

    return transform.learned_offsets(readings.where(F.col("device_id").isin(list(suspect_devices))))


def outcomes(contested: DataFrame) -> dict[str, int]:
    """How many records are `duplicate`, `replaced`, `renewed` and `renewed_lost`."""
    from pyspark.sql import functions as F

    kept, renews = F.col("outcome") == "kept", F.col("renews")
    row = contested.agg(
        F.count_if(F.col("outcome") == "duplicate").alias("duplicate"),
        F.count_if(kept & ~renews & F.col("stored_row_id").isNotNull()).alias("replaced"),
        F.count_if(kept & renews).alias("renewed"),
        F.count_if((F.col("outcome") == "superseded") & renews).alias("renewed_lost"),
    ).head()
    assert row is not None
    return dict(row.asDict())
