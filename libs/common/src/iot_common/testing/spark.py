"""One Spark session for all tests of a run, and a fresh warehouse for each test that needs tables.

`conftest.py` at the root of the repository exports the fixtures `spark` and `lake`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from iot_common.contracts.table import TableContract
from iot_common.errors import JarsNotFoundError, JavaNotFoundError
from iot_common.io.iceberg import ensure_table, read_table
from iot_common.io.local_catalog import catalog_uri, prepare_catalog
from iot_common.io.session import build_session
from iot_common.io.stream import StageContext
from iot_common.metrics import StageRun
from iot_common.settings import CATALOG_NAME, SettingsType, StageSettings

TEST_NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
"""What the clock of a test's context says, at every call."""


def shared_session(folder: Path) -> Iterator[SparkSession]:
    """The session of a whole test run: `local[2]`, Iceberg, a small heap; ends with the run.

    Skips where Java or the jars are missing, and fails there if CI is set.
    """
    settings = StageSettings(warehouse=str(folder), master="local[2]", driver_memory="1g")
    try:
        session = build_session(settings, "driftlake-tests")
    except (JavaNotFoundError, JarsNotFoundError) as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    # Frames of tests have few rows: each further partition is only another task.
    session.conf.set("spark.sql.shuffle.partitions", "2")
    yield session
    session.stop()


@dataclass(frozen=True)
class Lake:
    """A warehouse of one test: its own catalog and folders, and a session that sees only them."""

    session: SparkSession
    folder: Path

    @property
    def spark(self) -> SparkSession:
        """The session, made the active one: Iceberg's reader asks the active session for its catalog."""
        jvm: Any = self.session._jvm
        jvm.SparkSession.setActiveSession(self.session._jsparkSession)
        return self.session

    def context(
        self, stage: str, settings_class: type[SettingsType], now: datetime = TEST_NOW, **settings: Any
    ) -> StageContext[SettingsType]:
        """A stage's context on this warehouse, with a clock that stands still."""
        return StageContext(
            spark=self.spark,
            settings=settings_class(warehouse=str(self.folder), master="local[2]", **settings),
            run=StageRun("test-run", stage, "1.0.0"),
            clock=lambda: now,
        )

    def append(self, contract: TableContract, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows to a table, made if need be, as its owning stage would; columns left out are null."""
        ensure_table(self.spark, contract)
        filled = [tuple(row.get(name) for name in contract.column_names) for row in rows]
        self.spark.createDataFrame(filled, contract.ddl).writeTo(f"{CATALOG_NAME}.{contract.name}").append()

    def table(self, contract: TableContract) -> DataFrame:
        """A table as it is now."""
        return read_table(self.spark, contract.name)

    def rows(self, contract: TableContract, *columns: str) -> list[Row]:
        """Columns of a table (all of them if none is named), in the order of those columns."""
        wanted = columns or contract.column_names
        return self.table(contract).select(*wanted).orderBy(*wanted).collect()


def fresh_lake(spark: SparkSession, folder: Path) -> Lake:
    """A warehouse in a new folder, on the shared Spark context.

    A new session loads its own instance of the catalog, so tests do not see one another's tables.
    """
    session = spark.newSession()
    warehouse = folder.resolve()
    prepare_catalog(warehouse)
    session.conf.set("spark.sql.shuffle.partitions", "2")
    session.conf.set(f"spark.sql.catalog.{CATALOG_NAME}.warehouse", warehouse.as_uri())
    session.conf.set(f"spark.sql.catalog.{CATALOG_NAME}.uri", catalog_uri(warehouse))
    return Lake(session, warehouse)
