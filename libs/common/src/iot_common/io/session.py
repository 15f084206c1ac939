"""The SparkSession of a stage: one catalog, one set of options, on a laptop and on Glue."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from iot_common import pex
from iot_common.errors import JarsNotFoundError
from iot_common.io.java import find_java_home
from iot_common.io.local_catalog import catalog_uri, prepare_catalog
from iot_common.settings import CATALOG_NAME, StageSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CATALOG = f"spark.sql.catalog.{CATALOG_NAME}"

COMMON_OPTIONS = {
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.defaultCatalog": CATALOG_NAME,
    _CATALOG: "org.apache.iceberg.spark.SparkCatalog",
    # A stage reads tables that other processes and its own streaming commits change: a cached table is stale.
    f"{_CATALOG}.cache-enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
}

JAVA_OPTIONS = {
    "quick": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m",
    "lasting": "-XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m",
}
"""By the setting `java`. Start-up and compilation dominate a small batch: the first compiler tier and the serial
collector cost less. That tier alone would get 48 MB for its code, which Spark's generated classes fill: then it
discards and compiles again. What it makes runs at a third of the speed: a backlog of a GB wants the second tier."""

LOCAL_OPTIONS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def jar_folder() -> Path:
    """Folder of the pinned jars: DRIFTLAKE_JARS, else `.jars` here or in a parent of the working folder."""
    named = os.environ.get("DRIFTLAKE_JARS")
    if named:
        return Path(named)
    for folder in (Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents):
        if (folder / ".jars").is_dir():
            return folder / ".jars"
    return Path.cwd() / ".jars"


def java_options(settings: StageSettings) -> dict[str, str]:
    """Options of a local JVM.

    Spark's own log is kept off a terminal, where it hides ours; DRIFTLAKE_SPARK_LOG=1 shows it.
    """
    options = driver = JAVA_OPTIONS[settings.java]
    quiet = Path(__file__).with_name("log4j2.properties")
    if quiet.is_file() and not os.environ.get("DRIFTLAKE_SPARK_LOG"):  # inside a PEX it is no file
        driver = f"{options} -Dlog4j2.configurationFile={quiet.as_uri()}"
    # Only a local cluster has executors beside the driver.
    return {"spark.driver.extraJavaOptions": driver, "spark.executor.extraJavaOptions": options}


def _local_jars(settings: StageSettings) -> dict[str, str]:
    """Options that bring the pinned jars.

    By `spark.jars` they come after Spark's 250 jars, all of which are then asked for each of their classes: a local
    warehouse has them first on the class path. What reaches AWS is on that path by the administrator's own setting,
    which stays.
    """
    jars = sorted(str(jar) for jar in jar_folder().glob("*.jar"))
    if not jars:
        raise JarsNotFoundError(str(jar_folder()))
    if settings.catalog != "jdbc":
        return {"spark.jars": ",".join(jars)}
    path = os.pathsep.join(jars)
    return {"spark.driver.extraClassPath": path, "spark.executor.extraClassPath": path}


def catalog_options(settings: StageSettings) -> dict[str, str]:
    """Options of the Iceberg catalog: SQLite through JDBC in the warehouse, or Glue."""
    options = {f"{_CATALOG}.warehouse": settings.warehouse_uri}
    if settings.catalog == "glue":
        return options | {
            f"{_CATALOG}.type": "glue",
            f"{_CATALOG}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        }
    return options | {
        f"{_CATALOG}.type": "jdbc",
        f"{_CATALOG}.uri": catalog_uri(Path(settings.warehouse_uri.removeprefix("file://"))),
        f"{_CATALOG}.jdbc.schema-version": "V1",
        f"{_CATALOG}.jdbc.init-catalog-tables": "false",  # `prepare_catalog` has made them, and says why
    }


def build_session(settings: StageSettings, app_name: str) -> SparkSession:
    """The session of a stage; an existing one is used as it is.

    Raises:
        JavaNotFoundError: If a local session finds no Java 17.
        JarsNotFoundError: If a local session finds no jars.
    """
    from py4j.java_gateway import java_import
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(app_name)
    options = COMMON_OPTIONS | catalog_options(settings)
    # Batches are small (104 MB per 15 minutes): Spark's 200 would only be more tasks.
    options["spark.sql.shuffle.partitions"] = str(settings.shuffle_partitions)
    if settings.master.startswith("local"):
        options |= LOCAL_OPTIONS | java_options(settings)
        options |= {"spark.driver.memory": settings.driver_memory} | _local_jars(settings)
        os.environ["JAVA_HOME"] = str(find_java_home())
        # Without it the workers start whatever `python3` is on PATH, which has none of our packages.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = builder.master(settings.master)
    if settings.catalog == "jdbc":
        prepare_catalog(Path(settings.warehouse_uri.removeprefix("file://")))
    for key, value in options.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    # Py4J would look for it in each of nine packages, for each function that a query names.
    java_import(session.sparkContext._jvm, "org.apache.spark.sql.functions")
    archive = os.environ.get(pex.ARCHIVE_VARIABLE)
    if archive:  # executors import our code from it, and unpack its packages before their first import
        session.sparkContext.addPyFile(archive)
    return session
