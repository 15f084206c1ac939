"""Runs SQL over a warehouse: DuckDB by default (a third of a second), Spark on request. Neither changes a table."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from driftlake import blocks
from driftlake.aws import is_deployed, let_duckdb_read_s3
from driftlake.catalog import catalog_tables, newest_property
from driftlake.errors import ExtensionNotFoundError, QueryError
from driftlake.stage_views import views_named_in
from iot_common.contracts.bronze_block import BLOCK
from iot_common.contracts.bronze_raw_reading import RAW_READING
from iot_common.io.blocks import PROMOTED_KEY, raw_reading_all

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import SparkSession

Engine = Literal["duckdb", "spark"]

ROWS_AT_ONCE = 2000
"""Rows fetched from the engine at once."""

_READS = re.compile(r"\A(Describe|Show|Explain)")
_CHANGES = re.compile(
    r"(Insert|Merge|Update|Delete|Command|Create|Drop|Alter|Replace|Truncate|Set|Cache|Call)"
)
_STRING_OR_VIEW = re.compile(
    r"('(?:[^'\\]|\\.|'')*')|(?:`?driftlake`?\.)?`?\bbronze`?\.`?raw_reading_all\b`?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Column names, unique, and the rows as they arrive."""

    columns: Sequence[str]
    rows: Iterator[tuple[Any, ...]]


def run_query(sql: str, warehouse: str, engine: Engine = "duckdb") -> QueryResult:
    """Run one reading statement.

    Raises:
        QueryError: If the SQL is wrong, holds more than one statement, or would change something.
        WarehouseNotFoundError: If the folder holds no catalog.
    """
    return _run_duckdb(sql, warehouse) if engine == "duckdb" else _run_spark(sql, warehouse)


def open_duckdb(
    warehouse: str, *, with_blocks: bool = False, only: Collection[str] | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory with one view per Iceberg table, `<namespace>.<table>`, and `bronze.raw_reading_all`.

    The views stand on the snapshots that are current now: a run that commits meanwhile is not seen.

    Args:
        warehouse: Folder of the warehouse, or its s3:// prefix.
        with_blocks: Read the unpromoted Avro blocks for `bronze.raw_reading_all`; without, that view lacks them.
        only: Names of the tables to open; none: all. No file of another is read.
    """
    import duckdb

    tables = [each for each in catalog_tables(warehouse) if only is None or each.name in only]
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )
    for extension in ("avro", "iceberg", *(("httpfs",) if is_deployed(warehouse) else ())):
        connection.execute(f"LOAD {_quoted(str(_extension_file(extension)))}")
    if is_deployed(warehouse):
        let_duckdb_read_s3(connection)
    connection.execute("SET TimeZone = 'UTC'")
    for table in tables:
        view = f"{_identifier(table.namespace)}.{_identifier(table.table)}"
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_identifier(table.namespace)}")
        connection.execute(
            f"CREATE VIEW {view} AS SELECT * FROM iceberg_scan({_quoted(table.metadata_location)})"
        )
    named = {table.name: table for table in tables}
    if BLOCK.name in named and RAW_READING.name in named:
        promoted_through = int(newest_property(named[RAW_READING.name], PROMOTED_KEY) or 0)
        blocks.create_unpromoted_block(connection, promoted_through)
        blocks.create_raw_reading_all(connection, with_blocks)
    return connection


def _extension_file(name: str) -> Path:
    import duckdb

    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is not None and spec.origin is not None:
        file = Path(spec.origin).parent / f"extensions/v{duckdb.__version__}/{name}.duckdb_extension"
        if file.is_file():
            return file
    raise ExtensionNotFoundError(name, duckdb.__version__)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _run_duckdb(sql: str, warehouse: str) -> QueryResult:
    import duckdb

    with_blocks = "raw_reading_all" in sql.lower()
    connection = open_duckdb(warehouse, with_blocks=with_blocks)
    try:
        statements = duckdb.extract_statements(sql)
        _refuse_all_but_one([statement.type.name in ("SELECT", "EXPLAIN") for statement in statements])
        for view in views_named_in(sql):
            connection.execute(f"CREATE VIEW {view.name} AS {view.sql}")
        cursor = connection.execute(statements[0])
    except duckdb.Error as error:
        raise QueryError(one_line(str(error))) from error
    columns = unique_names([entry[0] for entry in cursor.description or []])
    return QueryResult(columns, _duckdb_rows(cursor))


def _duckdb_rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    import duckdb

    try:
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from rows
    except duckdb.Error as error:
        raise QueryError(one_line(str(error))) from error


def _refuse_all_but_one(reads: Sequence[bool]) -> None:
    if len(reads) != 1:
        raise QueryError(f"it holds {len(reads)} statements", "Give exactly one.")
    if not reads[0]:
        raise QueryError(
            "it would change something",
            "Only SELECT, WITH, DESCRIBE, SHOW and EXPLAIN: the stages alone write tables.",
        )


def one_line(text: str) -> str:
    """The message of an engine without its position marks, in one line."""
    kept = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.strip().startswith(("^", "LINE "))
    ]
    return " ".join(kept).rstrip(".")


def unique_names(names: Sequence[str]) -> list[str]:
    """The names with `_2`, `_3`, … behind a repeated one: a JSON object keeps only one value per name."""
    made: list[str] = []
    for name in names:
        candidates = (name if number == 1 else f"{name}_{number}" for number in count(1))
        made.append(next(candidate for candidate in candidates if candidate not in made))
    return made


def _run_spark(sql: str, warehouse: str) -> QueryResult:
    from pyspark.errors import PySparkException
    from pyspark.sql.types import Row

    from driftlake.spark_log import quiet_spark
    from iot_common.io.session import build_session
    from iot_common.settings import StageSettings

    catalog_tables(warehouse)
    quiet_spark()
    spark = build_session(StageSettings(warehouse=warehouse), "driftlake-query")
    try:
        _refuse_all_but_one([_spark_reads(spark, sql)])
        if "raw_reading_all" in sql.lower():
            raw_reading_all(spark).createOrReplaceTempView("raw_reading_all")
        frame = spark.sql(_STRING_OR_VIEW.sub(lambda found: found[1] or "raw_reading_all", sql))
        rows = ((*_plain(Row, row),) for row in frame.toLocalIterator())
        return QueryResult(unique_names(frame.columns), _spark_rows(rows))
    except PySparkException as error:
        raise QueryError(_spark_reason(error)) from error


def _spark_reason(error: Exception) -> str:
    return one_line(next((line for line in str(error).splitlines() if line.strip()), type(error).__name__))


def _spark_rows(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    from iot_common.io.stream import reason_of

    try:
        yield from rows
    except PySparkException as error:
        raise QueryError(_spark_reason(error)) from error
    except Py4JJavaError as error:
        raise QueryError(reason_of(error)) from error


def _plain(row_class: type, value: Any) -> Any:
    """A Row, at any depth, as the dict DuckDB gives for a struct; the outermost one as its values."""
    if isinstance(value, row_class):
        return [_nested(row_class, item) for item in value]  # type: ignore[attr-defined]
    return value


def _nested(row_class: type, value: Any) -> Any:
    if isinstance(value, row_class):
        return {key: _nested(row_class, item) for key, item in value.asDict().items()}  # type: ignore[attr-defined]
    if isinstance(value, list):
        return [_nested(row_class, item) for item in value]
    if isinstance(value, dict):
        return {key: _nested(row_class, item) for key, item in value.items()}
    return bytes(value) if isinstance(value, bytearray) else value


def _spark_reads(spark: SparkSession, sql: str) -> bool:
    """True if Spark's parser sees a statement that only reads: `spark.sql` would run a command at once."""
    plan: Any = spark._jsparkSession.sessionState().sqlParser().parsePlan(sql)
    waiting = [plan]
    if _READS.match(plan.getClass().getSimpleName()):
        return True
    while waiting:
        node = waiting.pop()
        if _CHANGES.search(node.getClass().getSimpleName()):
            return False
        children = node.children()
        waiting.extend(children.apply(index) for index in range(children.size()))
    return True
