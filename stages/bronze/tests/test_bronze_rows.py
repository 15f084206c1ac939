"""Rows of bronze: identity and envelope; and when blocks are promoted."""

import gzip
import io
from datetime import UTC, datetime, timedelta

import pytest

from iot_bronze.promotion import Block, promotion_due
from iot_bronze.transform import row_id, rows_of_object
from iot_common.contracts.bronze_raw_reading import BLOCK_ROW_SCHEMA, RAW_READING

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def rows(content: bytes, key: str = "a/b.json") -> list[dict[str, object]]:
    return list(
        rows_of_object(
            key,
            1_000_000,
            content,
            batch="q/0",
            max_line_bytes=10,
            oversize_prefix="mem://over",
            open_sink=lambda _: io.BytesIO(),
        )
    )


def test_row_ids_are_the_same_at_each_delivery_of_an_object() -> None:
    assert [r["row_id"] for r in rows(b"a\na\n")] == [r["row_id"] for r in rows(b"a\na\n")]


def test_row_ids_differ_by_line_key_and_content() -> None:
    ids = [
        r["row_id"]
        for content, key in ((b"a\na\n", "x"), (b"a\na\n", "y"), (b"a\nb\n", "x"))
        for r in rows(content, key)
    ]
    assert len(set(ids)) == len(ids)


def test_row_id_is_128_bits_of_blake2b_in_hex() -> None:
    assert len(row_id("key", b"\0", 1)) == 32


def test_envelope_names_object_line_size_and_arrival() -> None:
    (row,) = rows(b"{}\n")
    assert {
        name: row[name] for name in ("source_object", "source_line", "object_bytes", "ingest_time", "payload")
    } == {
        "source_object": "a/b.json",
        "source_line": 1,
        "object_bytes": 3,
        "ingest_time": 1_000_000,
        "payload": b"{}",
    }


def test_an_oversize_line_points_to_where_its_bytes_are() -> None:
    (row,) = rows(b"x" * 11)
    assert (row["payload"], row["payload_pointer"], row["defect"]) == (
        None,
        f"mem://over/{row['row_id']}",
        "OVERSIZE",
    )


def test_a_broken_object_is_kept_whole_beside_its_rows() -> None:
    kept: dict[str, bytes] = {}

    class Sink(io.BytesIO):
        def __init__(self, uri: str) -> None:
            super().__init__()
            self.uri = uri

        def close(self) -> None:
            kept[self.uri] = self.getvalue()

    content = gzip.compress(b"a\nb\n")[:-4]
    *_, broken = rows_of_object(
        "k", 0, content, batch="q/0", max_line_bytes=10, oversize_prefix="mem://over", open_sink=Sink
    )
    assert broken["defect"] == "TRUNCATED"
    assert kept[str(broken["payload_pointer"])] == content


def test_the_avro_schema_has_the_columns_of_the_table() -> None:
    assert tuple(field["name"] for field in BLOCK_ROW_SCHEMA["fields"]) == RAW_READING.column_names


def block(sequence: int, size: int, age_minutes: float) -> Block:
    return Block(sequence, f"{sequence}.avro", 1, size, NOW - timedelta(minutes=age_minutes))


@pytest.mark.parametrize(
    ("blocks", "due"),
    [
        ([], False),
        ([block(1, 10, 0)], False),
        ([block(1, 60, 0), block(2, 40, 0)], True),  # together they reach 100 bytes
        ([block(1, 60, 0), block(2, 39, 0)], False),
        ([block(1, 1, 60)], True),  # the oldest row is 60 minutes old
        ([block(1, 1, 59.9)], False),
        ([block(1, 1, 1), block(2, 1, 61)], True),
    ],
)
def test_blocks_are_promoted_at_the_target_size_or_age(blocks: list[Block], due: bool) -> None:
    assert promotion_due(blocks, NOW, promote_bytes=100, promote_minutes=60) is due
