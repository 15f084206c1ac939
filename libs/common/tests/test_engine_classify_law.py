"""The law of classification: `conforms` is the verdict, and what does not conform has an event that says why.

`DRIFTLAKE_PROPERTY_CASES` says on how many pairs of schema and value (default: a few thousand).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iot_common.engine.classify import examine_value
from iot_common.engine.contract import compile_contract
from iot_common.engine.draft07.compiler import Formats, read_schema
from iot_common.engine.errors import ContractError
from iot_common.engine.events import RECORD_CODES, Source
from iot_common.testing import draft07_cases as cases
from iot_common.testing.evaluation_data import evaluation_data

CASES = int(os.environ.get("DRIFTLAKE_PROPERTY_CASES", "4000"))
DRAWN, GROWN = 2, 4


def require_law(contract, value):
    """Returns the verdict."""
    valid = contract.compiled.is_valid(value)
    found = examine_value(value, contract)
    told = f"schema {contract.schema!r}\nvalue {value!r}\nverdict {valid}\nevents {found.events}"
    assert found.conforms is valid, told
    assert valid is all(each.source is Source.ENGINE for each in found.events), told
    assert RECORD_CODES.issuperset(each.code for each in found.events)
    assert all(len(each.found) <= 256 for each in found.events)
    return valid


def test_conforms_is_the_verdict_for_schemas_and_values_at_random(record_property):
    verdicts: Counter[bool] = Counter()

    @settings(
        max_examples=max(CASES // (2 * (DRAWN + 2 * GROWN)), 1) * 2,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(
        schema=cases.schemas(),
        drawn=st.lists(cases.values, min_size=DRAWN, max_size=DRAWN),
        seed=st.integers(0, 2**32),
    )
    def hold(schema, drawn, seed):
        if verdicts.total() >= CASES:
            return
        random = Random(seed)
        for each in (schema, cases.mutated_schema(schema, random)):
            try:
                contract = compile_contract("1.0.0", each)
            except ContractError as error:
                assert "circle" in error.reason
                continue
            for value in [*drawn, *grown(each, contract.compiled, random)]:
                verdicts[require_law(contract, value)] += 1

    hold()
    record_property(
        "summary",
        f"classification at random: {verdicts.total()} pairs obey the law "
        f"({verdicts[True]} valid, {verdicts[False]} not)",
    )
    assert verdicts.total() >= CASES
    assert min(verdicts.values()) > verdicts.total() / 10


def grown(schema, compiled, random):
    for _ in range(GROWN):
        value = cases.value_for(schema, random, lambda reference: compiled.resolve(reference, "")[0])
        yield value
        yield disguised(cases.mutated_value(value, random), random)


def disguised(value, random):
    """At times a key in another case or a value in an array of one: the engine looks through it, not the verdict."""
    if isinstance(value, list):
        return [disguised(each, random) for each in value]
    if not isinstance(value, dict):
        return [value] if random.random() < 0.05 else value
    return {
        key.upper() if random.random() < 0.1 else key: disguised(each, random) for key, each in value.items()
    }


def suite():
    found = evaluation_data("json_schema_test_suite")
    if found is None:
        pytest.skip("the evaluation data json_schema_test_suite is absent: set DRIFTLAKE_DATA")
    return found


def suite_groups():
    folder = suite() / "tests" / "draft7"
    for path in (*sorted(folder.glob("*.json")), *sorted(folder.glob("optional/format/*.json"))):
        for group in read_schema(path.read_bytes(), name=path.name):
            yield group, Formats.ASSERT if path.parent.name == "format" else Formats.ANNOTATE


@pytest.fixture(scope="module")
def remotes():
    folder = suite() / "remotes"
    return {
        f"http://localhost:1234/{path.relative_to(folder)}": json.loads(path.read_bytes())
        for path in folder.rglob("*.json")
    }


def test_conforms_is_the_verdict_for_every_test_of_the_suite(remotes):
    for group, formats in suite_groups():
        contract = compile_contract("1.0.0", group["schema"], formats, remotes)
        for case in group["tests"]:
            require_law(contract, case["data"])
