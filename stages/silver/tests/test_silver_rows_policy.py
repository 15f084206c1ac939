"""Silver's policy table, and the columns that classification promises."""

from __future__ import annotations

import json
from importlib import resources

import pyarrow as pa
import pytest
from pyspark import cloudpickle
from pyspark.sql.pandas.types import to_arrow_schema

from iot_common.engine.contract import compile_contract
from iot_common.engine.events import RECORD_CODES, Event, EventCode, Source
from iot_common.engine.registry import ContractRegistry, packaged_registry
from iot_common.testing.readings import a_reading, as_payload
from iot_silver.policy import PolicyError, packaged_policy, read_policy
from iot_silver.row_columns import CLASSIFIED_DDL, CLASSIFIED_SCHEMA, FOUND_SCHEMA
from iot_silver.rows import RowClassifier, RowSettings, classify_rows
from iot_silver.typing_rules import FoundRow

TEXT = resources.files("iot_silver").joinpath("policy.toml").read_text("utf-8")
NOON = 1_767_268_800_000_000


def test_the_packaged_table_has_a_rule_for_every_code_of_a_record():
    assert packaged_policy().events.keys() == RECORD_CODES


def test_a_path_of_a_class_has_its_own_rule():
    policy = packaged_policy()
    missing = EventCode.FIELD_REMOVED_REQUIRED
    assert policy.rule(Event("device_id", missing, "", "", Source.CONTRACT)).action == "quarantine"
    assert policy.rule(Event("status", missing, "", "", Source.CONTRACT)).action == "flag"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[events.RANGE]", "[events.RANGES]"), "unknown event code RANGES"),
        (("[events.RANGE] ", "[events.UNIT_SUSPECT] "), "drift decides"),
        (("[same_twice]", "[same_thrice]"), "unknown key same_thrice"),
        (("[no_verdict]", "[events.NO_VERDICT]"), "unknown event code NO_VERDICT"),
        (('action = "pass"', 'action = "ignore"'), "'ignore' is none of"),
        (('severity = "INFO"', 'severity = "LOUD"'), "'LOUD' is none of"),
        (("invalidates = false", "invalidate = false"), "unknown key invalidate"),
        (("invalidates = false", 'invalidates = "no"'), "must be true or false"),
        (('otherwise = "rescue"', 'otherwise = "drop"'), "'drop' is none of"),
        (('otherwise = "rescue"\n', ""), "otherwise"),
        (("divide = 9.0", 'divide = "9"'), "needs a number for divide"),
        (("minimum = -50.0", "minimal = -50.0"), "unknown key minimal"),
        (("[classes.identity]\npaths", "[classes.identity]\npath"), "unknown key path"),
        (("[same_twice]", "[same_twice"), "not TOML"),
        (("column_budget = 64", "columns = 64"), "unknown key columns"),
        (("column_budget = 64\n", ""), "column_budget must be a whole number of at least 0"),
        (("batches = 3", "batches = 0"), "batches must be a whole number of at least 1"),
        (("devices = 5", "devices = true"), "devices must be a whole number"),
        (("devices = 5", "devices = 51"), "devices must be at most 50"),
        (("minimum_rows = 100", "minimum = 100"), "unknown key minimum"),
        (("minimum_rows = 100", "minimum_rows = 0"), "minimum_rows must be a whole number of at least 1"),
        (("failing_share = 0.5", "failing_share = 1"), "failing_share must be a number between 0 and 1"),
        (("sample_share = 0.05", "sample_share = 0"), "sample_share must be a number between 0 and 1"),
        (("[events.LATE]", "[events.CIRCUIT_OPEN]"), "its table is"),
    ],
)
def test_a_wrong_table_stops_the_stage_with_a_clear_error(change, message):
    assert change[0] in TEXT
    with pytest.raises(PolicyError, match="silver's policy table") as error:
        read_policy(TEXT.replace(*change, 1))
    assert message in str(error.value)


def test_a_code_without_a_rule_is_an_error():
    start = TEXT.index("[events.LATE]")
    with pytest.raises(PolicyError, match="no rule for LATE"):
        read_policy(TEXT[:start] + TEXT[TEXT.index("[events.MALFORMED_JSON]") :])


def test_a_record_whose_pattern_finds_no_verdict_is_quarantined_with_its_bytes():
    schema = json.loads(json.dumps(packaged_registry().latest.schema))
    schema["properties"]["device_id"]["pattern"] = r"^(a+)+\1$"
    registry = ContractRegistry([compile_contract("1.0.0", schema)])
    classifier = RowClassifier(RowSettings(), registry, packaged_policy())
    endless, plain = (as_payload(a_reading(device_id=text)) for text in ("a" * 5_000 + "b", "aa"))
    row = FoundRow(*classifier.row("row", endless, NOON, None))
    assert (row.decision, row.payload) == ("quarantine", endless)
    assert [(each[0], each[1], each[3]) for each in row.violations] == [
        ("device_id", "CONSTRAINT", "no verdict")
    ]
    assert FoundRow(*classifier.row("row", plain, NOON, None)).decision == "reading"


def test_a_unit_with_a_conversion_rule_is_coerced():
    rule = "Kelvin = { add = -273.15, multiply = 1.0, divide = 1.0 }\n\n[units.humidity_percent]"
    policy = read_policy(TEXT.replace("[units.humidity_percent]", rule))
    classifier = RowClassifier(RowSettings(), packaged_registry(), policy)
    payload = as_payload(a_reading(temperature=73.15, temperature_unit="Kelvin"))
    row = FoundRow(*classifier.row("r", payload, NOON, None))
    assert row.temperature_celsius == pytest.approx(-200.0)
    assert row.coerced_fields == ["readings.temperature.unit"]
    assert [code for _, code, _, _ in row.violations] == ["ENUM_ADDED", "RANGE"]


def test_a_policy_can_stop_what_the_fast_lane_would_pass():
    stricter = TEXT.replace(
        '[events.FIELD_ADDED]            # row 1\naction = "rescue"',
        '[events.FIELD_ADDED]\naction = "quarantine"',
    )
    classifier = RowClassifier(RowSettings(), packaged_registry(), read_policy(stricter))
    row = FoundRow(*classifier.row("r", as_payload(a_reading(firmware="1")), NOON, None))
    assert (row.decision, row.payload is not None) == ("quarantine", True)


def test_even_a_careless_policy_loses_no_value():
    careless = TEXT.replace('action = "rescue"', 'action = "pass"').replace(
        'action = "coerce"\notherwise = "rescue"', 'action = "pass"'
    )
    classifier = RowClassifier(RowSettings(), packaged_registry(), read_policy(careless))
    payload = as_payload(a_reading(firmware="1", humidity=[1, 2], location=5))
    row = FoundRow(*classifier.row("r", payload, NOON, None))
    assert json.loads(row.rescued or "") == {
        "firmware": "1",
        "readings.humidity.value": [1, 2],
        "location": 5,
    }


def test_spark_and_arrow_see_the_same_columns(spark):
    spark_schema = spark.createDataFrame([], CLASSIFIED_DDL).schema
    assert spark_schema.names == CLASSIFIED_SCHEMA.names
    as_arrow = to_arrow_schema(spark_schema)
    assert [plain(field.type) for field in as_arrow] == [plain(field.type) for field in CLASSIFIED_SCHEMA]


def test_spark_runs_the_pass_over_arrow_batches(spark):
    rows = [
        ("row-0", "object", 1, NOON, 7, bytearray(as_payload(a_reading(firmware="1"))), 9, None, None),
        ("row-1", "object", 2, NOON, 7, bytearray(b"{"), 1, None, None),
        ("row-2", "object", 3, NOON, 7, None, 9_000_000, "s3://bucket/object", "OVERSIZE"),
    ]
    bronze = (
        "row_id string, source_object string, source_line bigint, micros bigint, block_sequence bigint, "
        "payload binary, payload_bytes bigint, payload_pointer string, defect string"
    )
    frame = spark.createDataFrame(rows, bronze).selectExpr("*", "timestamp_micros(micros) as ingest_time")
    found = frame.mapInArrow(lambda batches: classify_rows(batches, RowSettings()), CLASSIFIED_DDL).collect()
    assert [(row.row_id, row.decision, [each.code for each in row.violations]) for row in found] == [
        ("row-0", "reading", ["FIELD_ADDED"]),
        ("row-1", "quarantine", ["MALFORMED_JSON"]),
        ("row-2", "quarantine", ["OVERSIZE"]),
    ]
    assert bytes(found[1].payload) == b"{"
    assert found[2].payload_pointer == "s3://bucket/object"
    assert found[0].shape is not None


def plain(kind: pa.DataType) -> str:
    """The type without the names that Arrow and Spark give list items, and with one name for the zone."""
    return str(kind).replace("element:", "item:").replace(" not null", "")


def test_the_found_row_has_the_columns_in_order():
    assert list(FoundRow._fields) == FOUND_SCHEMA.names


def test_settings_travel_to_executors():
    assert cloudpickle.loads(cloudpickle.dumps(RowSettings(late_quarantine_before=5))) == RowSettings(300, 5)


def test_a_downgraded_record_cannot_be_refused():
    entry = '[downgrade]\naction = "pass"'
    assert entry in TEXT
    with pytest.raises(PolicyError, match=r"\[downgrade\].*pass or flag"):
        read_policy(TEXT.replace(entry, '[downgrade]\naction = "quarantine"'))
