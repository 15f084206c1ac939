"""Which columns read which paths of the raw contract, and the page that says so."""

from __future__ import annotations

import pytest

from iot_common.compatibility.lineage import all_columns, column_named, columns_reading, raw_sources
from iot_common.contracts.catalogue import TABLES
from iot_common.contracts.markdown import with_tables
from iot_common.engine.registry import packaged_registry

CONTRACT = packaged_registry().latest
WHOLE_RECORD = "$"


def test_every_leaf_of_the_raw_contract_is_read_by_a_column_of_its_own() -> None:
    read = {source for _, column in all_columns() for source in raw_sources(column)}
    assert set(CONTRACT.leaf_paths) - read == set()


def test_every_source_is_a_declared_path_or_an_existing_column() -> None:
    known = {*CONTRACT.leaf_paths, WHOLE_RECORD}
    unknown = {
        (f"{table.name}.{column.name}", source)
        for table, column in all_columns()
        for source in column.source
        if source not in known and column_named(source) is None
    }
    assert unknown == set()


def test_removed_group_names_direct_and_distant_readers() -> None:
    readers = columns_reading("readings.humidity")
    assert "silver.reading.humidity_percent" in readers
    assert "gold.place_hour.avg_value" in readers
    assert "silver.reading.temperature_celsius" not in readers


def test_a_marked_path_is_read_as_its_plain_one() -> None:
    assert columns_reading("status<anyOf:1>") == columns_reading("status") != ()


@pytest.mark.parametrize("path", ["firmware", "statuses", "readings.humidity.unit_of", ""])
def test_other_paths_have_no_readers(path: str) -> None:
    assert columns_reading(path) == ()


def test_docs_name_every_table_and_column() -> None:
    text = with_tables("# By hand")
    assert text.startswith("# By hand\n")
    for table in TABLES.values():
        assert f"### {table.name}\n" in text
        assert all(f"| {name} |" in text or f"| **{name}** |" in text for name in table.column_names)
