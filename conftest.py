"""Fixtures for the tests of every package."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from iot_common.testing.spark import Lake, fresh_lake, shared_session


def pytest_configure() -> None:
    """Tables and colours of the commands follow the terminal: the tests read them as of a pipe of no set width."""
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The Spark session of the whole run, for frames without tables."""
    yield from shared_session(tmp_path_factory.mktemp("shared-warehouse"))


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    """A fresh warehouse, for tests that write tables or run a stage."""
    return fresh_lake(spark, tmp_path / "warehouse")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark `spark` what starts a session, so that `-m "not spark"` runs the rest within a minute."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker("spark")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A package whose every test starts a session has nothing to run without Spark, which is no failure."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and session.config.getoption("markexpr"):
        session.exitstatus = pytest.ExitCode.OK


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests counted (`record_property("summary", ...)`), from parallel workers too."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call":
                for name, value in report.user_properties:
                    if name == "summary":
                        terminalreporter.write_line(str(value))
