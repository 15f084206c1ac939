"""Keeps logs off the terminal: a failure is told in one line by the command that met it."""

from __future__ import annotations

import logging
import os


def quiet_spark(*, debug: bool = False) -> None:
    """Silence Py4J, which logs the full trace of a Python error that passes through Java.

    With `debug`, that stays, and a Spark that is started after this call writes its own log too.
    """
    if debug:
        os.environ["DRIFTLAKE_SPARK_LOG"] = "1"
        return
    for name in ("py4j", "pyspark"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
