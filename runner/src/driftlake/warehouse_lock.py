"""One writer per warehouse: a lock that dies with its process, and with the Java process it started.

Two locks, because two processes write. Ours is `flock` on `<warehouse>/.lock`. Killed with SIGKILL, we leave behind a
Java process that notices after a moment and may just then be committing; it holds a lock of its own (a POSIX one, the
only kind Java has) on `<warehouse>/.lock.java`, and the next run waits for that one too.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from driftlake.aws import is_deployed
from driftlake.catalog import local_path
from iot_common.errors import SettingsError, WarehouseBusyError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ORPHAN_SECONDS = 60.0
"""How long a Java process whose Python parent was killed may take to end: its shutdown hooks stop Spark first."""


@contextmanager
def warehouse_lock(warehouse: str, orphan_seconds: float = ORPHAN_SECONDS) -> Iterator[None]:
    """Hold a warehouse for this process; made where it does not exist.

    Raises:
        WarehouseBusyError: If another run holds it, or an ended run's Java process does not go.
        SettingsError: If it is a deployed one.
    """
    if is_deployed(warehouse):
        raise SettingsError(
            f"{warehouse} is written by the stages' Glue jobs alone; from here it can only be read"
        )
    folder = local_path(warehouse)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusyError(warehouse, _holder(file)) from None
        _await_orphan(folder / ".lock.java", warehouse, orphan_seconds)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            # While still locked: a process that finds the lock taken must not read a number of the past.
            file.truncate(0)


def _holder(file: IO[str]) -> str:
    file.seek(0)
    number = file.read(20).strip()
    return f"the run with process id {number}" if number.isdigit() else "another run"


def _await_orphan(path: Path, warehouse: str, seconds: float) -> None:
    """Wait until no Java process holds its lock; that of a run which ended well is gone already."""
    deadline = time.monotonic() + seconds
    with path.open("a+") as file:
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() >= deadline:
                    raise WarehouseBusyError(warehouse, "the Java process of a run that was killed") from None
                time.sleep(0.1)


@contextmanager
def java_lock(spark: SparkSession, warehouse: str) -> Iterator[None]:
    """Let the session's Java process hold the warehouse too, for as long as it lives or until the run ends.

    Raises:
        WarehouseBusyError: If another Java process holds it.
    """
    jvm: Any = spark._jvm
    file = jvm.java.io.RandomAccessFile(str(local_path(warehouse) / ".lock.java"), "rw")
    try:
        if file.getChannel().tryLock() is None:
            raise WarehouseBusyError(warehouse, "the Java process of another run")
        yield
    finally:
        file.close()
