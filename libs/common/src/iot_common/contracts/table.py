"""What a table contract is: columns with types, units and meaning, and the stage that writes it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is a Spark SQL type; `unit` is empty where a column has none.

    Attributes:
        source: what the value is computed from: paths of the raw contract (`readings.temperature.value`; `$` is the
            record as a whole) or columns of other tables (`silver.reading.humidity_percent`). Empty for what the
            pipeline adds itself: names of batches, times of processing, counts of rows.
        range: the values it may have, where there is a bound; empty otherwise.
    """

    name: str
    type: str
    doc: str
    unit: str = ""
    required: bool = False
    source: tuple[str, ...] = ()
    range: str = ""


@dataclass(frozen=True, slots=True)
class TableContract:
    """The agreed shape of one table.

    Attributes:
        name: `<namespace>.<table>`, without the catalog.
        owner: The one stage that writes it (law 3).
        version: SemVer of this shape; a new optional column is a minor step.
        grain: What one row is.
        partitioned_by: Iceberg partition expressions, e.g. `days(event_time)`.
        properties: Iceberg table properties beyond the common ones.
        append_only: True if readers may stream it; a MERGE would break them.
        streamed_by: The streams that read it, `<stage>/<query>` as their checkpoints are named. Its owner keeps the
            snapshots that the slowest of them has not read.
    """

    name: str
    owner: str
    version: str
    grain: str
    columns: tuple[Column, ...]
    partitioned_by: tuple[str, ...] = ()
    properties: dict[str, str] = field(default_factory=dict)
    append_only: bool = True
    streamed_by: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Column names in the order of the contract."""
        return tuple(column.name for column in self.columns)

    @property
    def ddl(self) -> str:
        """The columns as a Spark DDL string, for `mapInArrow` and `createDataFrame`."""
        return ", ".join(f"`{column.name}` {column.type}" for column in self.columns)


REASONS_TYPE = "array<struct<path:string,code:string,expected:string,found:string>>"
"""Every reason a record was marked or refused: where, event code, what was agreed, what was found."""
