"""Compiled code and the reference give one verdict, on schemas and values at random.

`DRIFTLAKE_PROPERTY_CASES` says on how many pairs (default: 8,000, the same each time; `make property-cases`: 100,000).
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from iot_common.engine.draft07.compiler import compile_schema
from iot_common.engine.errors import ContractError
from iot_common.testing import draft07_cases as cases

ASKED = os.environ.get("DRIFTLAKE_PROPERTY_CASES")
CASES = int(ASKED or "8000")
VALUES_PER_SCHEMA = 4
PAIRS_PER_EXAMPLE = 2 * VALUES_PER_SCHEMA


def test_compiled_code_and_the_reference_agree_on_schemas_and_values_at_random(record_property):
    verdicts: Counter[bool] = Counter()
    refused = 0

    @settings(
        max_examples=CASES // PAIRS_PER_EXAMPLE * 5 // 4 + 10,
        derandomize=ASKED is None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(
        schema=cases.schemas(),
        drawn=cases.values,
        seed=st.integers(0, 2**32),
    )
    def agree(schema, drawn, seed):
        nonlocal refused
        if verdicts.total() >= CASES:
            return
        random = Random(seed)
        for each in (schema, cases.mutated_schema(schema, random)):
            try:
                compiled = compile_schema(each, name="at random")
            except ContractError as error:
                assert "circle" in error.reason
                refused += 1
                continue
            reference = compiled.reference()
            for value in values_for(each, drawn, random, compiled):
                verdict = compiled.is_valid(value)
                note(f"schema {each!r}\nvalue {value!r}\ncompiled {verdict}")
                assert verdict == reference.is_valid(value)
                verdicts[verdict] += 1

    agree()
    total = verdicts.total()
    record_property(
        "summary",
        f"draft-07 at random: {total} pairs of schema and value agree "
        f"({verdicts[True]} valid, {verdicts[False]} not; {refused} schemas refused as circles)",
    )
    assert total >= CASES
    assert min(verdicts.values()) > total / 10


def values_for(schema, drawn, random, compiled):
    def resolve(reference):
        return compiled.resolve(reference, "")[0]

    yield drawn
    grown = cases.value_for(schema, random, resolve)
    yield grown
    yield cases.mutated_value(grown, random)
    yield cases.mutated_value(cases.mutated_value(grown, random), random)
