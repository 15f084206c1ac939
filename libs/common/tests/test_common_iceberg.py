"""Tables from contracts, and commits that happen once per batch."""

import dataclasses

import pytest
from pyspark.errors import AnalysisException

from iot_common.batch import BatchIdentity
from iot_common.contracted import contracted
from iot_common.contracts.catalogue import TABLES
from iot_common.contracts.table import Column, TableContract
from iot_common.io import iceberg
from iot_common.settings import CATALOG_NAME
from iot_common.testing.spark import Lake

NUMBERS = TableContract(
    name="bronze.number",
    owner="bronze",
    version="1.0.0",
    grain="one number",
    columns=(Column("id", "bigint", "Key", required=True), Column("text", "string", "It's text", unit="°C")),
)


def batch(number: int, query: str = "q") -> BatchIdentity:
    return BatchIdentity(query, number)


def append(lake: Lake, number: int, *ids: int) -> iceberg.Commit:
    rows = lake.spark.createDataFrame([(each, "x") for each in ids], NUMBERS.ddl)
    return iceberg.append_once(rows, NUMBERS, batch(number))


@pytest.fixture
def numbers(lake: Lake) -> Lake:
    iceberg.ensure_table(lake.spark, NUMBERS)
    return lake


def test_a_repeated_append_is_skipped_and_gives_the_same_commit(numbers: Lake) -> None:
    first = append(numbers, 0, 1, 2)
    assert append(numbers, 0, 3) == first
    assert first.added_rows == 2
    assert [row.id for row in numbers.rows(NUMBERS)] == [1, 2]


def test_an_empty_append_still_leaves_its_mark(numbers: Lake) -> None:
    assert append(numbers, 0).added_rows == 0
    assert iceberg.commit_of(numbers.spark, NUMBERS.name, batch(0)) is not None


def test_a_batch_is_told_from_the_same_number_of_another_checkpoint(numbers: Lake) -> None:
    append(numbers, 0, 1)
    assert iceberg.commit_of(numbers.spark, NUMBERS.name, batch(0, "other")) is None


def test_a_merge_carries_the_batch_and_is_skipped_when_repeated(numbers: Lake) -> None:
    append(numbers, 0, 1)
    name = f"{CATALOG_NAME}.{NUMBERS.name}"
    source = "(SELECT 1L id) s"
    statement = (
        f"MERGE INTO {name} t USING {source} ON t.id = s.id WHEN MATCHED THEN UPDATE SET text = text || '!'"
    )
    for _ in range(2):
        made = iceberg.merge_once(numbers.spark, statement, NUMBERS, batch(1), {"k": "v"})
        assert made is not None and made.summary["k"] == "v"
    assert [row.text for row in numbers.rows(NUMBERS)] == ["x!"]


def test_an_error_inside_a_merge_arrives_as_itself(numbers: Lake) -> None:
    with pytest.raises(Exception, match="no_such_column"):
        iceberg.merge_once(
            numbers.spark,
            f"DELETE FROM {CATALOG_NAME}.{NUMBERS.name} WHERE no_such_column = 1",
            NUMBERS,
            batch(0),
        )


def test_the_table_before_a_batch_is_what_the_batch_decided_on(numbers: Lake) -> None:
    assert iceberg.table_before(numbers.spark, NUMBERS.name, batch(0)).count() == 0
    append(numbers, 0, 1)
    append(numbers, 1, 2)
    ids = [
        [r.id for r in iceberg.table_before(numbers.spark, NUMBERS.name, batch(n)).orderBy("id").collect()]
        for n in (0, 1, 2)
    ]
    assert ids == [[], [1], [1, 2]]


def test_a_property_can_be_asked_as_it_was_before_a_batch(numbers: Lake) -> None:
    rows = numbers.spark.createDataFrame([], NUMBERS.ddl)
    for number in (0, 1, 2):
        properties = {"mark": str(number)} if number != 1 else {}
        iceberg.append_once(rows, NUMBERS, batch(number), properties)
    asked = [
        iceberg.newest_property(numbers.spark, NUMBERS.name, "mark", before=batch(n)) for n in (0, 1, 2, 3)
    ]
    assert asked == [None, "0", "0", "2"]


def test_a_column_the_contract_has_gained_is_added_and_old_rows_have_null(numbers: Lake) -> None:
    append(numbers, 0, 1)
    grown = TableContract(
        name=NUMBERS.name, owner="bronze", version="1.1.0", grain="one number",
        columns=(*NUMBERS.columns, Column("extra", "double", "New")),
    )  # fmt: skip
    iceberg.ensure_table(numbers.spark, grown)
    assert [tuple(row) for row in numbers.rows(grown)] == [(1, "x", None)]


def test_every_contract_makes_a_table_with_its_columns(lake: Lake) -> None:
    for contract in TABLES.values():
        iceberg.ensure_table(lake.spark, contract)
        assert tuple(lake.table(contract).columns) == contract.column_names
        assert iceberg.current_commit(lake.spark, contract.name) is None


def test_what_was_persisted_from_the_table_before_a_batch_survives_the_batchs_own_commit(
    numbers: Lake,
) -> None:
    append(numbers, 0, 1)
    before = iceberg.table_before(numbers.spark, NUMBERS.name, batch(1)).persist()
    assert before.count() == 1
    append(numbers, 1, 2, 3)
    assert [row.id for row in before.collect()] == [1]
    before.unpersist()


def test_a_consumer_takes_the_columns_of_its_contract_from_a_table_of_any_release(numbers: Lake) -> None:
    append(numbers, 0, 1)
    table = numbers.table(NUMBERS)
    newer = Column("unit", "array<string>", "Of a release to come")
    ahead = dataclasses.replace(NUMBERS, columns=(*NUMBERS.columns, newer))
    assert contracted(table, ahead).collect() == [(1, "x", None)]
    assert dict(contracted(table, ahead).dtypes)["unit"] == "array<string>"
    behind = dataclasses.replace(NUMBERS, columns=NUMBERS.columns[:1])
    assert contracted(table, behind).collect() == [(1,)]
    required = dataclasses.replace(newer, required=True)
    with pytest.raises(AnalysisException, match="unit"):
        contracted(table, dataclasses.replace(NUMBERS, columns=(*NUMBERS.columns, required)))
