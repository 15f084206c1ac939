"""One contender of `bench/contract.py`, in a process of its own: two passes over the same landing objects.

The first pass is cold (JIT, code generation, first use of every class), the second warm, in the same session. Prints
one JSON line. Every contender reads the same gzip objects with `local[2]` and the same heap; only silver reads what
bronze has made of them.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from process_tree import cpu_seconds

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

MASTER = "local[2]"
DRIVER_MEMORY = "2g"
SCHEMA_FILE = "raw-iot-data-1.0.0.schema.json"

_TYPED_DDL = (
    "schema_version string, device_id string, event_time timestamp, latitude double, longitude double, "
    "temperature_value double, temperature_unit string, humidity double, battery double, status string"
)
_QUANTITY = "struct<value:double,unit:string>"
_RECORD_DDL = (
    "schema_version string, device_id string, timestamp string, location struct<latitude:double,longitude:double>, "
    f"readings struct<temperature:{_QUANTITY},humidity:{_QUANTITY},battery_level:{_QUANTITY}>, status string"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender reads and writes.

    Attributes:
        landing: The gzip objects.
        folder: The contender's own folder.
        shared: Folder that outlives the contender: silver reads there what bronze wrote.
    """

    landing: Path
    folder: Path
    shared: Path

    def bronze_warehouse(self, attempt: int) -> Path:
        """Warehouse in which bronze and then silver work; one for each pass, as each table is written once."""
        return self.shared / f"engine-{attempt}"


Pass = Callable[[int], int]
"""Handles the whole input once, given the number of the pass; returns the rows written to the good path."""


SPARKS_OWN: Final = "spark's own"
"""Java options of the peers: none is to be measured under those of a stage for small batches."""


def _session(warehouse: Path, name: str, java: str) -> SparkSession:
    """The session of a stage, under the Java options of its setting `java`, or SPARKS_OWN."""
    from iot_common.io import session
    from iot_common.settings import StageSettings

    if java == SPARKS_OWN:
        session.JAVA_OPTIONS = session.JAVA_OPTIONS | {"quick": ""}
        java = "quick"
    settings = StageSettings(warehouse=str(warehouse), master=MASTER, driver_memory=DRIVER_MEMORY, java=java)
    return session.build_session(settings, name)


def _other_warehouse(spark: SparkSession, warehouse: Path) -> SparkSession:
    """A session on another catalog within the same JVM."""
    from iot_common.io.local_catalog import catalog_uri, prepare_catalog
    from iot_common.settings import CATALOG_NAME

    prepare_catalog(warehouse)
    other = spark.newSession()
    other.conf.set(f"spark.sql.catalog.{CATALOG_NAME}.warehouse", warehouse.resolve().as_uri())
    other.conf.set(f"spark.sql.catalog.{CATALOG_NAME}.uri", catalog_uri(warehouse.resolve()))
    jvm: Any = other._jvm
    jvm.SparkSession.setActiveSession(other._jsparkSession)
    return other


def _stage_pass(place: Place, stage: str, java: str = "quick") -> Pass:
    """Bronze or silver: the stage's own `job.run`, each pass on a warehouse of its own."""
    spark = _session(place.bronze_warehouse(0), stage, java)

    def run(attempt: int) -> int:
        from iot_common.io.stream import StageContext
        from iot_common.metrics import StageRun

        warehouse = place.bronze_warehouse(attempt)
        options = {"warehouse": str(warehouse), "master": MASTER, "driver_memory": DRIVER_MEMORY}
        session = _other_warehouse(spark, warehouse)
        settings: Any
        if stage == "bronze":
            from iot_bronze.job import run as work
            from iot_bronze.settings import BronzeSettings

            # Promotion belongs to another hour than ingestion: here the blocks stay as they are.
            settings = BronzeSettings(
                landing=str(place.landing), promote_bytes=1 << 50, promote_minutes=1 << 30, **options
            )
        else:
            from iot_silver.job import run as work
            from iot_silver.settings import SilverSettings

            settings = SilverSettings(**options)
        reports = work(StageContext(session, settings, StageRun(f"pass-{attempt}", stage, "1.0.0")))
        gates = [gate for report in reports for gate in report.gates]
        return sum(gate.rows for gate in gates if gate.disposition == "kept")

    return run


def _spark_pass(
    place: Place, name: str, typed: Callable[[DataFrame], DataFrame], java: str = SPARKS_OWN
) -> Pass:
    """Text lines → typed columns → a new Iceberg table."""
    spark = _session(place.folder, name, java)
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "10000")
    spark.sql("CREATE NAMESPACE IF NOT EXISTS driftlake.bench")

    def run(attempt: int) -> int:
        lines = (
            spark.read.option("lineSep", "\n").option("recursiveFileLookup", "true").text(str(place.landing))
        )
        table = f"driftlake.bench.pass_{attempt}"
        properties = {"format-version": "2", "write.parquet.compression-codec": "zstd"}
        writer = typed(lines).writeTo(table).using("iceberg")
        for key, value in properties.items():
            writer = writer.tableProperty(key, value)
        writer.create()
        # From the metadata: counting the rows is none of the contender's work.
        summary = spark.sql(f"SELECT summary FROM {table}.snapshots").head()
        assert summary is not None
        return int(summary[0]["added-records"])

    return run


def _from_json(lines: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    record = F.from_json("value", _RECORD_DDL)
    return lines.select(record.alias("r")).select(
        "r.schema_version",
        "r.device_id",
        F.to_timestamp("r.timestamp").alias("event_time"),
        "r.location.latitude",
        "r.location.longitude",
        F.col("r.readings.temperature.value").alias("temperature_value"),
        F.col("r.readings.temperature.unit").alias("temperature_unit"),
        F.col("r.readings.humidity.value").alias("humidity"),
        F.col("r.readings.battery_level.value").alias("battery"),
        "r.status",
    )


def _schema_text() -> str:
    return resources.files("iot_common.contracts").joinpath(SCHEMA_FILE).read_text("utf-8")


def _jsonschema_check() -> Callable[[Any], bool]:
    from jsonschema import Draft7Validator

    validator = Draft7Validator(json.loads(_schema_text()))
    return lambda record: bool(validator.is_valid(record))


def _fastjsonschema_check() -> Callable[[Any], bool]:
    import fastjsonschema

    validate = fastjsonschema.compile(json.loads(_schema_text()))

    def is_valid(record: Any) -> bool:
        try:
            validate(record)
        except fastjsonschema.JsonSchemaException:
            return False
        return True

    return is_valid


def _validated(make_check: Callable[[], Callable[[Any], bool]]) -> Callable[[DataFrame], DataFrame]:
    """Valid lines as typed columns; what is not valid is dropped, without a reason."""

    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import orjson
        import pyarrow as pa

        is_valid = make_check()
        for batch in batches:
            rows = []
            # Spark's text source passes on bytes that are no UTF-8.
            for line in batch.column(0).cast(pa.binary()).to_pylist():
                try:
                    record = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                if is_valid(record):
                    rows.append(_typed_row(record))
            columns = list(zip(*rows, strict=True)) or [()] * len(_TYPED_NAMES)
            arrays = [pa.array(values) for values in columns]
            strings = pa.RecordBatch.from_arrays(arrays, names=_TYPED_NAMES)
            yield strings

    def typed(lines: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        raw = lines.mapInArrow(task, _TYPED_DDL.replace("event_time timestamp", "event_time string"))
        return raw.withColumn("event_time", F.to_timestamp("event_time"))

    return typed


_TYPED_NAMES = [column.split()[0] for column in _TYPED_DDL.split(", ")]


def _typed_row(record: Any) -> tuple[Any, ...]:
    readings, place = record["readings"], record["location"]
    temperature = readings["temperature"]
    return (
        record["schema_version"],
        record["device_id"],
        record["timestamp"],
        float(place["latitude"]),
        float(place["longitude"]),
        float(temperature["value"]),
        temperature["unit"],
        float(readings["humidity"]["value"]),
        float(readings["battery_level"]["value"]),
        record["status"],
    )


_DUCKDB_RECORD = (
    "{schema_version: 'VARCHAR', device_id: 'VARCHAR', timestamp: 'VARCHAR', "
    "location: 'STRUCT(latitude DOUBLE, longitude DOUBLE)', "
    "readings: 'STRUCT(temperature STRUCT(value DOUBLE, unit VARCHAR), humidity STRUCT(value DOUBLE, unit VARCHAR), "
    "battery_level STRUCT(value DOUBLE, unit VARCHAR))', status: 'VARCHAR'}"
)
_DUCKDB_RULES = """
    regexp_full_match(schema_version, '[0-9]+\\.[0-9]+\\.[0-9]+') AND regexp_full_match(device_id, 'sensor_[0-9]+')
    AND try_cast(timestamp AS TIMESTAMPTZ) IS NOT NULL
    AND location.latitude BETWEEN -90 AND 90 AND location.longitude BETWEEN -180 AND 180
    AND readings.temperature.value BETWEEN -50 AND 100 AND readings.temperature.unit IN ('Celsius', 'Fahrenheit')
    AND readings.humidity.value BETWEEN 0 AND 100 AND readings.humidity.unit = 'percent'
    AND readings.battery_level.value BETWEEN 0 AND 100 AND readings.battery_level.unit = 'percent'
    AND status IN ('operational', 'maintenance', 'offline')
"""


def _duckdb_pass(place: Place) -> Pass:
    """Typed read of the gzip objects, every rule of the contract as a predicate, valid rows to Parquet."""
    import duckdb

    connection = duckdb.connect(config={"threads": 2, "memory_limit": "2GB"})

    def run(attempt: int) -> int:
        made = connection.execute(
            f"""COPY (
                SELECT schema_version, device_id, try_cast(timestamp AS TIMESTAMPTZ) AS event_time,
                    location.latitude, location.longitude, readings.temperature.value AS temperature_value,
                    readings.temperature.unit AS temperature_unit, readings.humidity.value AS humidity,
                    readings.battery_level.value AS battery, status
                FROM read_json('{place.landing}/**/*.gz', format = 'newline_delimited', columns = {_DUCKDB_RECORD},
                    ignore_errors = true)
                WHERE {_DUCKDB_RULES}
            ) TO '{place.folder}/pass-{attempt}.parquet' (FORMAT parquet, COMPRESSION zstd)"""
        ).fetchone()
        assert made is not None
        return int(made[0])

    return run


CONTENDERS: dict[str, Callable[[Place], Pass]] = {
    "from_json": lambda place: _spark_pass(place, "from_json", _from_json),
    "from_json-quick": lambda place: _spark_pass(place, "from_json", _from_json, "quick"),
    "bronze": lambda place: _stage_pass(place, "bronze"),
    "silver": lambda place: _stage_pass(place, "silver", "lasting"),
    "silver-quick": lambda place: _stage_pass(place, "silver"),
    "fastjsonschema": lambda place: _spark_pass(place, "fastjsonschema", _validated(_fastjsonschema_check)),
    "jsonschema": lambda place: _spark_pass(place, "jsonschema", _validated(_jsonschema_check)),
    "duckdb": _duckdb_pass,
}


def main(name: str, landing: str, folder: str, shared: str, passes: int) -> None:
    """Run one contender and print what each pass took."""
    place = Place(Path(landing), Path(folder), Path(shared))
    place.folder.mkdir(parents=True, exist_ok=True)
    work = CONTENDERS[name](place)
    report = []
    for attempt in range(passes):
        cpu, wall = cpu_seconds(os.getpid()), time.monotonic()
        rows = work(attempt)
        report.append(
            {"cpu_s": cpu_seconds(os.getpid()) - cpu, "wall_s": time.monotonic() - wall, "rows": rows}
        )
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5], passes=int(sys.argv[5]))
