"""The official JSON Schema test suite for draft-07, through compiled code and through the reference."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from iot_common.engine.draft07.compiler import Formats, compile_schema, read_schema
from iot_common.engine.errors import ContractError
from iot_common.testing.evaluation_data import evaluation_data

REQUIRED_TESTS = 927
FORMAT_TESTS = 676
REMOTE_HOST = "http://localhost:1234/"

KNOWN_DIFFERENCES = {
    # The draft lets content keywords annotate, and so do we: a base64 text is a text.
    "content: validation of string-encoded content based on media type: an invalid JSON document",
    "content: validation of binary string-encoding: an invalid base64 string (% is not a valid character)",
    "content: validation of binary-encoded media type documents: a validly-encoded invalid JSON document",
    "content: validation of binary-encoded media type documents: an invalid base64 string that is valid JSON",
}


def suite() -> Path:
    found = evaluation_data("json_schema_test_suite")
    if found is None:
        pytest.skip("the evaluation data json_schema_test_suite is absent: set DRIFTLAKE_DATA")
    return found


@cache
def remotes() -> dict[str, object]:
    """What the suite expects to be served at its host; here it is given, and nothing is served."""
    folder = suite() / "remotes"
    return {
        REMOTE_HOST + path.relative_to(folder).as_posix(): json.loads(path.read_bytes())
        for path in folder.rglob("*.json")
    }


def outcomes(files: list[Path], formats: Formats) -> Iterator[tuple[str, bool, bool]]:
    """Name of each test, and whether compiled code and the reference give its verdict."""
    for path in files:
        for group in read_schema(path.read_bytes(), name=path.name):
            names = [f"{path.stem}: {group['description']}: {test['description']}" for test in group["tests"]]
            try:
                compiled = compile_schema(
                    group["schema"], name=path.name, formats=formats, documents=remotes()
                )
            except ContractError:
                yield from ((name, False, False) for name in names)
                continue
            reference = compiled.reference()
            for name, test in zip(names, group["tests"], strict=True):
                value, valid = test["data"], test["valid"]
                yield name, compiled.is_valid(value) is valid, reference.is_valid(value) is valid


def tally(results: list[tuple[str, bool, bool]]) -> Counter[str]:
    return Counter(
        tests=len(results),
        compiled=sum(compiled for _, compiled, _ in results),
        reference=sum(reference for _, _, reference in results),
    )


def failed(results: list[tuple[str, bool, bool]]) -> set[str]:
    return {name for name, compiled, reference in results if not (compiled and reference)}


def counted(what: str, count: Counter[str]) -> str:
    total = count["tests"]
    return (
        f"draft-07 {what}: {count['compiled']} of {total} agree (compiled), "
        f"{count['reference']} of {total} (reference)"
    )


def test_all_required_tests_agree_where_formats_annotate(record_property):
    files = sorted((suite() / "tests" / "draft7").glob("*.json"))
    results = list(outcomes(files, Formats.ANNOTATE))
    record_property("summary", counted("suite", tally(results)))
    assert failed(results) == set()
    assert len(results) == REQUIRED_TESTS


def test_format_files_agree_where_formats_are_asserted(record_property):
    files = sorted((suite() / "tests" / "draft7" / "optional" / "format").glob("*.json"))
    results = list(outcomes(files, Formats.ASSERT))
    record_property("summary", counted("optional/format", tally(results)))
    assert failed(results) == set()
    assert len(results) == FORMAT_TESTS


def test_other_optional_tests_agree_but_for_differences_known_by_name(record_property):
    files = sorted((suite() / "tests" / "draft7" / "optional").glob("*.json"))
    results = list(outcomes(files, Formats.ANNOTATE))
    record_property(
        "summary", f"{counted('optional', tally(results))}; {len(KNOWN_DIFFERENCES)} known differences"
    )
    assert failed(results) == KNOWN_DIFFERENCES
