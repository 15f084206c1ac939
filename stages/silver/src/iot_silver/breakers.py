"""Circuit breakers in their table: what stood before a batch, and what the batch changes. I/O through `iot_common.io`.

A batch in which little fails and no breaker is open asks one metadata file and runs no job of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from iot_common.batch import BatchIdentity
from iot_common.contracts.silver_circuit_breaker import CIRCUIT_BREAKER, CLOSED, OPEN
from iot_common.engine.events import EventCode
from iot_common.io import iceberg, notices
from iot_common.metrics import Gate
from iot_common.notices import CIRCUIT_OPENED, Notice
from iot_silver import __version__, storing, transform
from iot_silver.breaker import LONGEST_VERSION, Breaker, Count, changes
from iot_silver.policy import BreakerRules, packaged_policy
from iot_silver.storing import SilverBatch, Survey

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NOT_CLOSED_KEY = "driftlake.breakers-not-closed"
"""Summary key of `silver.circuit_breaker`: how many breakers are not closed since this snapshot."""


def not_closed(spark: SparkSession, identity: BatchIdentity) -> dict[str, Breaker]:
    """Breakers that were not closed before a batch, by version."""
    if iceberg.newest_property(spark, CIRCUIT_BREAKER.name, NOT_CLOSED_KEY, before=identity) in (None, "0"):
        return {}
    newest = _newest(iceberg.table_before(spark, CIRCUIT_BREAKER.name, identity))
    rows = newest.where(f"state != '{CLOSED}'").collect()
    return {
        row.schema_version: Breaker(
            row.schema_version,
            row.state,
            row.checked_rows,
            row.failed_rows,
            storing.EPOCH + timedelta(microseconds=row.micros),
        )
        for row in rows
    }


def _newest(transitions: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    told = F.struct("state", "checked_rows", "failed_rows", F.unix_micros("transition_time").alias("micros"))
    return (
        transitions.groupBy("schema_version")
        .agg(F.max_by(told, "sequence").alias("told"))
        .select("schema_version", "told.*")
    )


def judge(
    batch: SilverBatch, classified: DataFrame, seen: Survey, breakers: Mapping[str, Breaker]
) -> list[Gate]:
    """Change the breakers as the batch gives reason for; a notice for each that opens."""
    rules = packaged_policy().breaker
    if not breakers and seen.refused <= rules.failing_share * rules.minimum_rows:
        return []
    counts = _counts(classified, rules, list(breakers))
    changed = changes(breakers, counts, batch.now, rules)
    if not changed:
        return []
    stand = {**breakers, **{each.schema_version: each for each in changed}}
    waiting = sum(each.state != CLOSED for each in stand.values())
    commit = iceberg.append_once(
        _rows(batch, changed), CIRCUIT_BREAKER, batch.identity, {NOT_CLOSED_KEY: str(waiting)}
    )
    for each in changed:
        found = f"{each.failed_rows:,} of {each.checked_rows:,} records fail"
        batch.step(f"circuit breaker of version {each.schema_version}: {each.state}, {found}")
        if each.state == OPEN:
            _tell(batch, each, rules, found)
    return [iceberg.written("written", CIRCUIT_BREAKER.name, commit)]


def _counts(classified: DataFrame, rules: BreakerRules, watched: Sequence[str]) -> dict[str, Count]:
    """Records by claimed version, those left out that were held; only versions that may change a breaker."""
    from pyspark.sql import functions as F

    code = transform.reason_code(packaged_policy())
    # That a record is late says nothing of its version.
    fails = (F.col("decision") == "quarantine") & (code != EventCode.LATE.value)
    held = F.coalesce(F.element_at("violations", 1)["code"] == EventCode.CIRCUIT_OPEN.value, F.lit(False))
    rows = (
        classified.where(F.length("schema_version") <= LONGEST_VERSION)
        .where(~held)
        .groupBy("schema_version")
        .agg(F.count("*").alias("rows"), F.count_if(fails).alias("failed"))
        .where((F.col("rows") >= rules.minimum_rows) | F.col("schema_version").isin(list(watched)))
        .collect()
    )
    return {row.schema_version: Count(row.rows, row.failed) for row in rows}


def _rows(batch: SilverBatch, changed: Sequence[Breaker]) -> DataFrame:
    from pyspark.sql import functions as F

    last = batch.before(CIRCUIT_BREAKER.name).agg(F.coalesce(F.max("sequence"), F.lit(0))).head()
    assert last is not None
    told = [
        (
            last[0] + number,
            each.schema_version,
            each.state,
            each.checked_rows,
            each.failed_rows,
            batch.identity.key,
            each.transition_time,
            __version__,
        )
        for number, each in enumerate(changed, 1)
    ]
    return batch.spark.createDataFrame(told, CIRCUIT_BREAKER.ddl).coalesce(1)


def _tell(batch: SilverBatch, opened: Breaker, rules: BreakerRules, found: str) -> None:
    text = (
        f"The circuit breaker of schema version {opened.schema_version} is open: {found}. Its records are kept in "
        f"silver.quarantine; after {rules.cool_down_minutes} minutes a sample is let through. Mend the cause, then "
        "release them with `driftlake quarantine replay --code CIRCUIT_OPEN`."
    )
    facts = {"checked_rows": opened.checked_rows, "failed_rows": opened.failed_rows}
    subject = f"{opened.schema_version} {batch.identity.key}"
    notice = Notice(CIRCUIT_OPENED, subject, "silver", text, batch.now, facts)
    notices.emit_once(batch.context.settings.notices, notice)
