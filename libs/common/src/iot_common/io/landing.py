"""The landing place: NDJSON objects as a file stream of whole objects."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from iot_common.errors import LandingNotFoundError, LandingObjectUnreadableError
from iot_common.io.avro import LandedObject
from iot_common.io.objects import exists

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

OBJECT_DDL = "path string, modificationTime timestamp, length bigint, content binary"

NO_AGE_LIMIT = "36500d"
"""The file source silently skips what is a week older than the newest object; bronze refuses nothing."""


def require_landing(landing_uri: str) -> None:
    """Check that the landing place is there, and that every object of a local one can be read.

    Spark passes over a local object it lists but cannot open; S3 has no such objects, and a prefix of it is there as
    soon as its bucket is.

    Raises:
        LandingNotFoundError: If it is not there.
        LandingObjectUnreadableError: If an object cannot be read.
    """
    is_local = landing_uri.startswith("file://")
    if not exists(landing_uri if is_local else "/".join(landing_uri.split("/")[:3])):
        raise LandingNotFoundError(landing_uri.removeprefix("file://"))
    if is_local:
        folder = landing_uri.removeprefix("file://")
        unreadable = [name for name in _local_objects(folder) if not _is_readable(name)]
        if unreadable:
            relative = [ascii(os.path.relpath(os.fsdecode(name), folder)) for name in sorted(unreadable)]
            raise LandingObjectUnreadableError(folder, relative)


def anything_landed(landing_uri: str) -> bool:
    """False for an S3 prefix without objects, of which Spark would make no stream; true for every folder."""
    return exists(landing_uri)


def _local_objects(folder: str) -> Iterator[bytes]:
    for path, folders, names in os.walk(os.fsencode(folder), followlinks=True):
        folders[:] = [name for name in folders if not name.startswith((b".", b"_"))]
        yield from (os.path.join(path, name) for name in names if not name.startswith((b".", b"_")))


def _is_readable(path: bytes) -> bool:
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return os.access(path, os.R_OK)


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
        .load(_listable(landing_uri))
    )


def _listable(landing_uri: str) -> str:
    # To Hadoop a bucket without a closing slash has no path at all.
    is_bucket = landing_uri.startswith("s3") and landing_uri.count("/") == 2
    return f"{landing_uri}/" if is_bucket else landing_uri


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
