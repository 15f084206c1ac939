"""What an executor does with a partition of landing objects: Avro blocks out, manifest rows back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from iot_bronze.settings import BronzeSettings

if TYPE_CHECKING:
    import pyarrow as pa


def block_task(
    settings: BronzeSettings, batch: str, prefix: str
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """The `mapInArrow` function of a batch: landing objects in, one manifest row per block out.

    A task that is repeated writes the same names with the same content.
    """
    landing_uri, oversize_prefix = settings.landing_uri, settings.oversize_prefix
    max_line_bytes, block_bytes = settings.max_line_bytes, settings.block_bytes

    def write_partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from iot_common import pex

        pex.activate()
        from pyspark import TaskContext

        from iot_bronze.lines import count_lines
        from iot_bronze.transform import rows_of_object
        from iot_common.contracts.bronze_raw_reading import BLOCK_ROW_SCHEMA
        from iot_common.io.avro import LandedObject, manifest_batch, write_blocks
        from iot_common.io.landing import landed_objects
        from iot_common.io.objects import open_object

        def rows_of(landed: LandedObject) -> Iterator[dict[str, object]]:
            return rows_of_object(
                landed.key,
                landed.ingest_micros,
                landed.content,
                batch=batch,
                max_line_bytes=max_line_bytes,
                oversize_prefix=oversize_prefix,
                open_sink=open_object,
            )

        task = TaskContext.get()
        number = task.partitionId() if task else 0
        written = write_blocks(
            landed_objects(iter(batches), landing_uri),
            prefix=f"{prefix}/part-{number:05d}",
            schema=BLOCK_ROW_SCHEMA,
            rows_of=rows_of,
            count_lines=count_lines,
            block_bytes=block_bytes,
        )
        for row in written:
            yield manifest_batch([row])

    return write_partition
