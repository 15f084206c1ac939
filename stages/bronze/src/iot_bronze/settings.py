"""Settings of the bronze stage."""

from __future__ import annotations

from dataclasses import dataclass

from iot_common.settings import StageSettings, as_uri, setting


@dataclass(frozen=True, kw_only=True)
class BronzeSettings(StageSettings):
    """Keeps every line of every landing object: Avro blocks first, Iceberg once that is prudent."""

    landing: str = setting("folder or s3:// prefix where producers put NDJSON objects")
    max_files_per_batch: int = setting("landing objects read in one batch", 512)
    max_line_bytes: int = setting(
        "longest line kept in the row; a longer one is kept as an object", 1_048_576
    )
    block_bytes: int = setting("compressed size at which an Avro block is closed", 33_554_432)
    promote_bytes: int = setting("promote to Iceberg when unpromoted blocks reach this size", 134_217_728)
    promote_minutes: int = setting(
        "promote to Iceberg when the oldest unpromoted row arrived so long ago", 60
    )

    @property
    def landing_uri(self) -> str:
        """The landing place as a URI."""
        return as_uri(self.landing)

    @property
    def block_prefix(self) -> str:
        """Prefix of the Avro blocks."""
        return f"{self.warehouse_uri}/blocks"

    @property
    def oversize_prefix(self) -> str:
        """Prefix of the lines that are too long for a row."""
        return f"{self.warehouse_uri}/oversize"
