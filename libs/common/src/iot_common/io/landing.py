"""The landing place: NDJSON objects as a file stream of whole objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from iot_common.errors import LandingNotFoundError
from iot_common.io.avro import LandedObject
from iot_common.io.objects import exists

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

OBJECT_DDL = "path string, modificationTime timestamp, length bigint, content binary"

NO_AGE_LIMIT = "36500d"
"""The file source silently skips what is a week older than the newest object; bronze refuses nothing."""


def require_landing(landing_uri: str) -> None:
    """Raise LandingNotFoundError if the landing place is not there."""
    if not exists(landing_uri):
        raise LandingNotFoundError(landing_uri.removeprefix("file://"))


def stream_landing(spark: SparkSession, landing_uri: str, max_files_per_batch: int) -> DataFrame:
    """Whole landing objects, oldest first, each once: columns of OBJECT_DDL.

    Names beginning with `.` or `_` are not read: an upload in progress uses one and renames.
    """
    return (
        spark.readStream.format("binaryFile")
        .schema(OBJECT_DDL)
        .option("recursiveFileLookup", "true")
        .option("maxFilesPerTrigger", max_files_per_batch)
        .option("maxFileAge", NO_AGE_LIMIT)
        .load(landing_uri)
    )


def landed_objects(batches: Iterator[pa.RecordBatch], landing_uri: str) -> Iterator[LandedObject]:
    """Objects of Arrow batches with the columns of OBJECT_DDL, one at a time."""
    root = _plain_path(landing_uri)
    for batch in batches:
        paths, times, contents = (batch.column(name) for name in ("path", "modificationTime", "content"))
        for index in range(batch.num_rows):
            key = _plain_path(paths[index].as_py()).removeprefix(root).lstrip("/")
            yield LandedObject(key, times[index].value, contents[index].as_py() or b"")


def _plain_path(uri: str) -> str:
    # Spark spells one local file as `file:/x` here and `file:///x` there.
    scheme, _, path = uri.partition(":")
    return f"{scheme}:/{path.lstrip('/')}"
