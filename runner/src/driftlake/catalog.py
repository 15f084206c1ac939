"""What a warehouse holds, read without Spark: its catalog (SQLite, or Glue) and the Iceberg metadata files it names."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from driftlake.aws import glue_tables, is_deployed
from driftlake.errors import CatalogReadError
from iot_common.errors import WarehouseNotFoundError
from iot_common.settings import CATALOG_NAME

_TABLES = """
    SELECT table_namespace, table_name, metadata_location FROM iceberg_tables
    WHERE catalog_name = ? AND metadata_location IS NOT NULL ORDER BY table_namespace, table_name
"""


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """One table: its name and its current metadata file."""

    namespace: str
    table: str
    metadata_location: str

    @property
    def name(self) -> str:
        """`<namespace>.<table>`."""
        return f"{self.namespace}.{self.table}"


@dataclass(frozen=True, slots=True)
class TableState:
    """What the metadata file of a table says; `bytes` and `last_commit` are None for a table without a snapshot."""

    snapshots: int
    files: int
    bytes: int | None
    last_commit: datetime | None


def local_path(location: str) -> Path:
    """The path of a location: a plain path, or a `file:` URI with one slash or three, not percent-encoded."""
    if location.startswith("file:"):
        return Path("/" + location.removeprefix("file:").lstrip("/"))
    return Path(location).expanduser().resolve()


def catalog_tables(warehouse: str) -> list[CatalogTable]:
    """The tables of a warehouse, in the order of their names.

    Raises:
        WarehouseNotFoundError: If the folder holds no catalog, or Glue names no table under the prefix.
        CatalogReadError: If the catalog cannot be read.
        AwsUnreachableError: If Glue does not answer.
    """
    if is_deployed(warehouse):
        found = [CatalogTable(*row) for row in glue_tables(warehouse)]
        if not found:
            raise WarehouseNotFoundError(warehouse)
        return found
    path = local_path(warehouse) / "catalog.db"
    if not path.is_file():
        raise WarehouseNotFoundError(warehouse)
    try:
        with sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=30) as connection:
            rows = connection.execute(_TABLES, (CATALOG_NAME,)).fetchall()
    except sqlite3.Error as error:
        raise CatalogReadError(str(path), str(error)) from error
    return [CatalogTable(*row) for row in rows]


def object_bytes(location: str) -> bytes:
    """The content of a local file or an object in S3.

    Raises:
        OSError: If it cannot be read.
    """
    if is_deployed(location):
        from iot_common.io.objects import read_object

        return read_object(location)
    return local_path(location).read_bytes()


def _metadata(table: CatalogTable) -> dict[str, Any]:
    try:
        return dict(json.loads(object_bytes(table.metadata_location)))
    except (OSError, ValueError) as error:
        raise CatalogReadError(table.metadata_location, str(error)) from error


def table_state(table: CatalogTable) -> TableState:
    """Snapshots, files, bytes and time of the last commit of a table.

    Raises:
        CatalogReadError: If its metadata file cannot be read.
    """
    metadata = _metadata(table)
    snapshots = metadata.get("snapshots") or []
    current = next((s for s in snapshots if s["snapshot-id"] == metadata.get("current-snapshot-id")), None)
    if current is None:
        return TableState(len(snapshots), 0, None, None)
    summary = current["summary"]
    files = int(summary.get("total-data-files", 0)) + int(summary.get("total-delete-files", 0))
    committed = datetime.fromtimestamp(current["timestamp-ms"] / 1000, UTC)
    return TableState(len(snapshots), files, int(summary.get("total-files-size", 0)), committed)


def newest_property(table: CatalogTable, key: str) -> str | None:
    """Value of a snapshot summary key in the newest snapshot that has it.

    Raises:
        CatalogReadError: If the table's metadata file cannot be read.
    """
    snapshots = sorted(
        _metadata(table).get("snapshots") or [], key=lambda s: int(s["sequence-number"]), reverse=True
    )
    return next((str(s["summary"][key]) for s in snapshots if key in s["summary"]), None)
