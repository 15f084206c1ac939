"""Streams the metric inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_common.io.objects import put_object
from iot_metrics.tables import INBOX_DDL, UNREADABLE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MAX_FILE_AGE = "36500d"
"""Spark ignores new files that are a week older than the newest it saw: a stage that was down for long, or a clock
that is wrong once, would lose metrics."""


def stream_inbox(spark: SparkSession, inbox: str) -> DataFrame:
    """Lines of the inbox as a stream: the columns of `INBOX_DDL`, `source_object` and `source_object_bytes`.

    The folder is made if no stage has written yet. A line that does not parse is a row too, its text in the
    column `UNREADABLE`.
    """
    put_object(f"{inbox}/_made_by_metrics", b"")
    lines = (
        spark.readStream.schema(INBOX_DDL)
        .option("mode", "PERMISSIVE")
        .option("columnNameOfCorruptRecord", UNREADABLE)
        .option("maxFileAge", MAX_FILE_AGE)
        .json(inbox)
    )
    return lines.selectExpr(
        "*", "_metadata.file_path AS source_object", "_metadata.file_size AS source_object_bytes"
    )
