"""The catalog of a local warehouse: the tables of Iceberg's JDBC catalog (schema V1) in one SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

CATALOG_FILE = "catalog.db"

_TABLES = (
    "CREATE TABLE IF NOT EXISTS iceberg_tables (catalog_name VARCHAR(255) NOT NULL,"
    " table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000),"
    " previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),"
    " PRIMARY KEY (catalog_name, table_namespace, table_name))",
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (catalog_name VARCHAR(255) NOT NULL,"
    " namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255), property_value VARCHAR(1000),"
    " PRIMARY KEY (catalog_name, namespace, property_key))",
)


def prepare_catalog(warehouse: Path) -> None:
    """Make the folder and the catalog's tables where they are not there.

    Iceberg could make them, but looks for them with a query it never closes: the connection then holds an old view of
    the file, and its next commit fails with SQLITE_BUSY_SNAPSHOT once another session of the process has written.
    """
    warehouse.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(warehouse / CATALOG_FILE, timeout=30, isolation_level=None)) as connection:
        # Write-ahead logging: readers (DuckDB, pyiceberg) open the file while a stage commits.
        connection.execute("PRAGMA journal_mode=WAL")
        for statement in _TABLES:
            connection.execute(statement)


def catalog_uri(warehouse: Path) -> str:
    """JDBC address of a warehouse's catalog."""
    return f"jdbc:sqlite:{warehouse / CATALOG_FILE}?journal_mode=WAL&busy_timeout=30000"
