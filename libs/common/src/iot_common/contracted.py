"""What a consumer takes of a table that another stage writes, whichever release of that stage wrote it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_common.contracts.table import TableContract

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def contracted(frame: DataFrame, contract: TableContract) -> DataFrame:
    """The columns of a contract, in its order; null where the frame has none yet.

    A producer that is a release behind writes a table without the newest optional columns, and one that is ahead has
    added some: neither stops a consumer. A required column is there, or the frame is not of this contract.

    Raises:
        AnalysisException: If a required column is missing.
    """
    from pyspark.sql import functions as F

    given = set(frame.columns)
    columns = (
        F.col(each.name)
        if each.required or each.name in given
        else F.lit(None).cast(each.type).alias(each.name)
        for each in contract.columns
    )
    return frame.select(*columns)
