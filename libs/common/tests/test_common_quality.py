"""Suites and results in the shapes of Great Expectations: what is read, and what a result says."""

import json

import pytest

from iot_common.quality import (
    Counted,
    Expectation,
    SuiteError,
    read_suite,
    validation_result,
)

NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "device_id"}}


def suite_of(*expectations: object) -> str:
    return json.dumps({"name": "s", "expectations": list(expectations)})


def not_null(mostly: float = 1.0) -> Expectation:
    return Expectation(NOT_NULL["type"], {"column": "device_id", "mostly": mostly}, {})


def test_reads_a_suite_with_its_defaults():
    suite = read_suite(suite_of(NOT_NULL, {**NOT_NULL, "kwargs": {"column": "status", "mostly": 0.99}}))
    assert suite.name == "s"
    assert [each.name for each in suite.expectations] == [
        "expect_column_values_to_not_be_null(device_id)",
        "expect_column_values_to_not_be_null(status)",
    ]
    assert [each.mostly for each in suite.expectations] == [1.0, 0.99]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[]", "must be an object"),
        ('{"name": "s"}', "lacks expectations"),
        ('{"name": "s", "expectations": [], "expectation": []}', "unknown key expectation"),
        (suite_of({"type": "expect_magic", "kwargs": {}}), "unknown type expect_magic"),
        (suite_of({**NOT_NULL, "kwargs": {}}), "lacks column"),
        (suite_of({**NOT_NULL, "kwargs": {"column": "a", "colour": 1}}), "unknown key colour"),
        (suite_of({**NOT_NULL, "kwargs": {"column": "a", "mostly": 99}}), "share from 0 to 1"),
        (suite_of({**NOT_NULL, "kwargs": {"column": "a", "mostly": True}}), "share from 0 to 1"),
        (suite_of(NOT_NULL, NOT_NULL), "stated twice"),
    ],
)
def test_refuses_a_suite_that_says_what_no_check_knows(text: str, told: str):
    with pytest.raises(SuiteError, match=told):
        read_suite(text)


def test_a_result_has_the_shape_of_great_expectations():
    result = validation_result(not_null(0.99), Counted(1000, 200, 8, ("a", "b")), "select 1")
    assert result == {
        "success": True,
        "expectation_config": {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "device_id", "mostly": 0.99},
            "meta": {},
        },
        "result": {
            "element_count": 1000,
            "unexpected_count": 8,
            "unexpected_percent": 1.0,
            "missing_count": 200,
            "missing_percent": 20.0,
            "unexpected_percent_total": 0.8,
            "unexpected_percent_nonmissing": 1.0,
            "partial_unexpected_list": ["a", "b"],
            "unexpected_index_query": "select 1",
        },
        "meta": {},
        "exception_info": {"raised_exception": False, "exception_traceback": None, "exception_message": None},
    }


@pytest.mark.parametrize(
    ("counted", "mostly", "success"),
    [
        (Counted(0), 1.0, True),
        (Counted(10, missing=10), 1.0, True),
        (Counted(10, unexpected=1), 1.0, False),
        (Counted(100, unexpected=1), 0.99, True),
        (Counted(100, unexpected=2), 0.99, False),
        (Counted(100, missing=50, unexpected=1), 0.99, False),
        (Counted(1, observed="double", unexpected=1), 1.0, False),
        (Counted(1, observed="boolean"), 1.0, True),
    ],
)
def test_mostly_is_a_share_of_what_is_not_missing(counted: Counted, mostly: float, success: bool):
    assert validation_result(not_null(mostly), counted, "")["success"] is success
