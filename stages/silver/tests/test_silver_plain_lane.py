"""The column lane gives the rows that the general way gives, in the order of the batch."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import orjson
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_common.engine.contract import compile_contract
from iot_common.engine.migration_file import read_migration
from iot_common.engine.parse import ParseLimits
from iot_common.engine.registry import ContractRegistry, packaged_registry
from iot_common.testing.mutations import mutated_readings
from iot_common.testing.readings import a_reading, as_payload
from iot_silver.policy import packaged_policy, read_policy
from iot_silver.rows import RowClassifier, RowSettings, classify_batch

NOON = 1_767_268_800_000_000
"""2026-01-01T12:00:00Z, when `a_reading` was taken."""


def batch_of(payloads: list[bytes | None], ingest: int = NOON, defect: str | None = None) -> pa.RecordBatch:
    count = len(payloads)
    return pa.RecordBatch.from_pydict(
        {
            "row_id": [f"row-{number}" for number in range(count)],
            "source_object": ["object"] * count,
            "source_line": pa.array(range(1, count + 1), pa.int64()),
            "ingest_time": pa.array([ingest] * count, pa.timestamp("us", tz="UTC")),
            "block_sequence": pa.array([7] * count, pa.int64()),
            "payload": pa.array(payloads, pa.binary()),
            "payload_pointer": pa.nulls(count, pa.string()),
            "defect": pa.array([defect] * count, pa.string()),
        }
    )


def classifier(*, plain: bool, **options: Any) -> RowClassifier:
    made = RowClassifier(RowSettings(**options), packaged_registry(), packaged_policy())
    assert made.plain_lanes, "the packaged contract is plain"
    if not plain:
        made.plain_lanes.clear()
        made.lanes.clear()
    return made


@cache
def both_ways(late_before: int | None) -> tuple[RowClassifier, RowClassifier]:
    return (
        classifier(plain=True, late_quarantine_before=late_before),
        classifier(plain=False, late_quarantine_before=late_before),
    )


def comparable(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows whose rescued members are compared without their order; who spells a shape depends on what came before."""
    rows = batch.drop_columns(["shape"]).to_pylist()
    return [{**row, "rescued": row["rescued"] and json.loads(row["rescued"])} for row in rows]


DEVICES = st.sampled_from(["sensor_1", "sensor_22", "sensor_x"])
PLAIN = st.builds(
    lambda device, value, unit, fraction: as_payload(
        a_reading(device_id=device, temperature=value, temperature_unit=unit)
    ).replace(b"12:00:00Z", f"12:0{fraction}Z".encode()),
    DEVICES,
    st.integers(-60, 110) | st.floats(-60, 110),
    st.sampled_from(["Celsius", "Fahrenheit"]),
    st.sampled_from(["0:00", "0:00.5", "9:00", "0:60"]),
)
OTHERS = mutated_readings().map(as_payload) | st.just(None) | st.binary(max_size=20)
SPACED = mutated_readings().map(
    lambda reading: json.dumps(reading).encode() if isinstance(reading, dict) else b"{}"
)
REORDERED = PLAIN.map(lambda payload: orjson.dumps(dict(reversed(orjson.loads(payload).items()))))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(PLAIN | OTHERS | SPACED | REORDERED, max_size=8),
    st.sampled_from([NOON, NOON - 400_000_000]),
    st.sampled_from([None, NOON + 1]),
)
def test_both_ways_give_the_same_rows(payloads: list[Any], ingest: int, late_before: int | None) -> None:
    plain, general = both_ways(late_before)
    batch = batch_of(payloads, ingest)
    assert comparable(classify_batch(batch, plain)) == comparable(classify_batch(batch, general))


def test_each_shape_is_spelled_at_its_first_row_with_the_entries_of_the_general_way() -> None:
    payloads = [as_payload(a_reading(temperature=value)) for value in (20.5, 21, 22.5, 23)]
    spelled = [
        classify_batch(batch_of([*payloads]), classifier(plain=plain)).column("shape").to_pylist()
        for plain in (True, False)
    ]
    assert spelled[0] == spelled[1]
    assert [each is not None for each in spelled[0]] == [True, True, False, False]


def test_plain_rows_are_taken_and_others_left_in_place() -> None:
    lane = classifier(plain=True).plain_lanes[0]
    payloads = [
        as_payload(a_reading()),
        as_payload(a_reading(firmware="1")),
        as_payload(a_reading(humidity=20)),
    ]
    rows = lane.take(payloads, [0, 1, 2], batch_ingest(3), lambda shape: (shape.shape_id, None))
    assert (rows.positions, rows.left) == ([0, 2], [1])


def batch_ingest(count: int) -> Any:
    return batch_of([b"{}"] * count).column("ingest_time").cast(pa.int64()).to_numpy()


def test_a_defect_or_a_limit_keeps_a_row_from_the_lane() -> None:
    payload = as_payload(a_reading())
    refused = classify_batch(batch_of([payload], defect="TRUNCATED"), classifier(plain=True))
    assert refused.column("decision").to_pylist() == ["quarantine"]
    short = classifier(plain=True, limits=ParseLimits(payload_bytes=len(payload) - 1))
    assert classify_batch(batch_of([payload]), short).column("decision").to_pylist() == ["quarantine"]


def test_the_lane_is_closed_where_a_declared_unit_has_no_conversion() -> None:
    text = (packaged_policy_text()).replace("Fahrenheit = {", "Farenheit = {")
    made = RowClassifier(RowSettings(), packaged_registry(), read_policy(text))
    assert made.plain_lanes == []


def packaged_policy_text() -> str:
    from importlib import resources

    return resources.files("iot_silver").joinpath("policy.toml").read_text("utf-8")


def test_a_version_that_a_migration_changes_has_no_lane() -> None:
    schema = packaged_registry().latest.schema
    contracts = [compile_contract(version, schema) for version in ("1.0.0", "2.0.0")]
    unchanged = ContractRegistry(contracts[:1])
    rule = '[[rules]]\nkind = "rename"\npath = "old"\nto = "new"\n'
    example = "[[examples]]\nbefore = '{}'\nafter = '{}'\n"
    migration = read_migration("2.0.0", f'to = "1.0.0"\n{rule}{example}')
    upgraded = ContractRegistry(contracts, [migration])
    for registry in (unchanged, upgraded):
        assert len(RowClassifier(RowSettings(), registry, packaged_policy()).plain_lanes) == 1
