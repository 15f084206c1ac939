"""One writer per warehouse."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from driftlake.warehouse_lock import java_lock, warehouse_lock
from iot_common.errors import WarehouseBusyError

HOLD = """
import sys, time
from driftlake.warehouse_lock import warehouse_lock
with warehouse_lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_is_refused_and_told_who_holds_the_warehouse(tmp_path, holder):
    with pytest.raises(WarehouseBusyError, match=f"process id {holder.pid}"), warehouse_lock(str(tmp_path)):
        pass


def test_the_lock_dies_with_its_process(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with warehouse_lock(str(tmp_path)):
        pass


def test_a_warehouse_can_be_locked_again_after_a_run(tmp_path):
    for _ in range(2):
        with warehouse_lock(str(tmp_path / "new")):
            pass


def test_waits_for_the_java_process_of_a_killed_run(tmp_path, spark):
    with (
        java_lock(spark, str(tmp_path)),
        pytest.raises(WarehouseBusyError, match="Java process"),
        warehouse_lock(str(tmp_path), orphan_seconds=0.2),
    ):
        pass
    with warehouse_lock(str(tmp_path), orphan_seconds=0.2), java_lock(spark, str(tmp_path)):
        pass
