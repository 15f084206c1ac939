"""Never a wrong "compatible", on pairs of schemas at random; and every "not compatible" is shown by its record.

`DRIFTLAKE_PROPERTY_CASES` says on how many pairs and values (default: 6,000, the same each time).
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from iot_common.compatibility.automaton import pattern_automaton
from iot_common.compatibility.budget import Budget
from iot_common.compatibility.containment import Comparison
from iot_common.compatibility.documents import VersionedSchema, versioned_schema
from iot_common.compatibility.format_samples import OUTLINES, SAMPLES, long_samples
from iot_common.compatibility.outcome import State
from iot_common.compatibility.strings import StringGoal, solve_string
from iot_common.engine.ecma_pattern import compile_pattern
from iot_common.engine.errors import ContractError
from iot_common.engine.formats import FORMATS
from iot_common.testing import draft07_cases as cases

ASKED = os.environ.get("DRIFTLAKE_PROPERTY_CASES")
CASES = int(ASKED or "6000")
VALUES_PER_SIDE = 12


def test_no_value_contradicts_a_proof_and_every_refutation_has_its_record(record_property: Any) -> None:
    counts: Counter[Any] = Counter()

    @settings(
        max_examples=CASES // (4 * VALUES_PER_SIDE) + 10,
        derandomize=ASKED is None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(
        first=cases.schemas(),
        second=cases.schemas(),
        drawn=st.lists(cases.values, max_size=3),
        seed=st.integers(0, 2**32),
    )
    def judge(first: Any, second: Any, drawn: list[Any], seed: int) -> None:
        random = Random(seed)
        other = cases.mutated_schema(first, random) if random.random() < 0.8 else second
        try:
            old, new = versioned_schema(first, name="old"), versioned_schema(other, name="new")
        except ContractError as error:
            assert "circle" in error.reason
            return
        note(f"old {first!r}\nnew {other!r}")
        comparison = Comparison(old, new, seconds=3)
        values = [*drawn, *values_of(old, random), *values_of(new, random)]
        for verdict, narrow, wide in ((comparison.backward(), old, new), (comparison.forward(), new, old)):
            counts[verdict.holds] += 1
            if verdict.holds is False:
                values.append(verdict.counter_example)
                assert narrow.compiled.is_valid(verdict.counter_example)
                assert not wide.compiled.is_valid(verdict.counter_example)
            elif verdict.holds:
                for value in values:
                    note(f"value {value!r}")
                    assert wide.compiled.is_valid(value) or not narrow.compiled.is_valid(value)
                    counts["values"] += 1

    judge()
    told = ", ".join(
        f"{counts[holds]} {name}" for holds, name in ((True, "true"), (False, "false"), (None, "unknown"))
    )
    record_property("summary", f"containment at random: {told}; {counts['values']} values against the proofs")
    assert counts[True] > 20 < counts[False]
    assert counts[None] < 0.1 * (counts[True] + counts[False])


def values_of(side: VersionedSchema, random: Random) -> list[Any]:
    values = []
    for _ in range(VALUES_PER_SIDE // 2):
        value = cases.value_for(side.schema, random, lambda ref: side.compiled.resolve(ref, "")[0])
        values += [value, cases.mutated_value(value, random)]
    return values


PATTERNS = st.recursive(
    st.sampled_from(
        ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\s", r"\W", "^", "$", "é", "[0-9a-f]", "", r"\.", "(?:)"]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)
TEXTS = st.text("ab01é. \n^$f\u2028😀", max_size=6)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(patterns=st.lists(PATTERNS, min_size=1, max_size=3), text=TEXTS, least=st.integers(0, 3))
def test_an_automaton_reads_a_pattern_as_the_engine_does(patterns: list[str], text: str, least: int) -> None:
    wanted, *unwanted = patterns
    automaton = pattern_automaton(wanted)
    assert automaton is not None
    state = automaton.start_state
    for char in text:
        state = automaton.step(state, ord(char))
    assert automaton.matches(state) == (compile_pattern(wanted)(text) is not None)
    outcome = solve_string(
        StringGoal(least=least, patterns=[wanted], no_patterns=unwanted), Budget(steps=20_000, seconds=5)
    )
    fits = len(text) >= least and compile_pattern(wanted)(text) is not None
    if fits and not any(compile_pattern(each)(text) for each in unwanted):
        assert outcome.state is not State.EMPTY
    if outcome.state is State.INHABITED:
        assert len(outcome.witness) >= least and compile_pattern(wanted)(outcome.witness) is not None
        assert not any(compile_pattern(each)(outcome.witness) for each in unwanted)


@settings(max_examples=1_500, deadline=None, derandomize=True, database=None)
@given(data=st.data(), name=st.sampled_from(sorted(OUTLINES)))
def test_every_string_of_a_format_has_its_outline(data: st.DataObject, name: str) -> None:
    base = data.draw(
        st.sampled_from([*SAMPLES, *long_samples(60), *long_samples(330), "a" * 64 + "@[IPv6:::1]"])
    )
    place = data.draw(st.integers(0, len(base)))
    text = (
        base[:place]
        + data.draw(st.sampled_from(["", "0", ".", ":", "a", "T", "z", "-", "é", " ", '"', "\n"]))
        + base[place:]
    )
    for each in (base, text):
        if FORMATS[name](each):
            assert compile_pattern(OUTLINES[name])(each) is not None


def test_samples_hold_strings_of_every_format_and_of_none() -> None:
    assert {name for name, conforms in FORMATS.items() if any(map(conforms, SAMPLES))} == set(FORMATS)
    assert {name for name, conforms in FORMATS.items() if not all(map(conforms, SAMPLES))} == set(FORMATS)
