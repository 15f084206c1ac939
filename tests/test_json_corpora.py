"""Third-party corpora of hostile JSON, line by line through bronze and silver and read back from the tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pipeline_runs import assert_stages_balanced, query, run_pipeline

from iot_common.testing.evaluation_data import evaluation_data
from iot_common.testing.readings import a_reading, as_payload

CORPUS = evaluation_data("json_parsing/test_parsing")
NAUGHTY = evaluation_data("json_parsing/blns.json")
PARSE_CODES = {"MALFORMED_JSON", "ENCODING", "NONFINITE"}


class NotANumberError(Exception):
    """The standard library would have taken NaN or Infinity."""


def refuse(_: str) -> NoReturn:
    raise NotANumberError


def independent_verdict(line: bytes) -> str | None:
    """Why the line is no JSON, told by the standard library and the encoding alone; None where it is JSON."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return "ENCODING"
    if text.startswith("\ufeff"):
        return "ENCODING"
    try:
        value = json.loads(text, parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate: no UTF-8 can carry it
        return "ENCODING"
    except NotANumberError:
        return "NONFINITE"
    except (json.JSONDecodeError, RecursionError):
        return "MALFORMED_JSON"
    return None


def land_and_run(folder: Path, objects: dict[str, list[bytes]]) -> Path:
    landing, warehouse = folder / "landing", folder / "warehouse"
    landing.mkdir()
    for name, lines in objects.items():
        (landing / name).write_bytes(b"\n".join(lines) + b"\n")
    for stage in ("bronze", "silver", "metrics"):
        run_pipeline(landing, warehouse, "--stage", stage)
    assert_stages_balanced(warehouse, {"bronze", "silver"})
    return warehouse


def by_line(warehouse: Path, columns: str, table: str, source: str) -> dict[int, dict[str, Any]]:
    rows = query(warehouse, f"select source_line, {columns} from {table} where source_object = '{source}'")
    return {row["source_line"]: row for row in rows}


def exact_lines(warehouse: Path, source: str) -> dict[int, bytes]:
    rows = query(
        warehouse,
        f"select source_line, hex(payload) as bytes from bronze.raw_reading_all where source_object = '{source}'",
    )
    return {row["source_line"]: bytes.fromhex(row["bytes"]) for row in rows}


def single_lines(prefix: str) -> list[tuple[str, bytes]]:
    """Files of the corpus that are one line, each content once: an equal line again is a duplicate, not a row."""
    assert CORPUS is not None
    found = {path.read_bytes(): path.name for path in sorted(CORPUS.glob(f"{prefix}_*.json"))}
    return [(name, content) for content, name in found.items() if b"\n" not in content and content]


@pytest.mark.skipif(CORPUS is None, reason="evaluation data json_parsing is absent")
def test_the_parsing_corpus_goes_through_bronze_and_silver(tmp_path: Path) -> None:
    corpus = {prefix: single_lines(prefix) for prefix in ("y", "n", "i")}
    minute = iter(f"2026-01-01T{n // 60:02d}:{n % 60:02d}:00Z" for n in range(1000))

    def embedded(content: bytes) -> bytes:
        return b'{"probe":' + content + b"," + as_payload(a_reading(timestamp=next(minute)))[1:]

    objects = {f"{prefix}.ndjson": [content for _, content in files] for prefix, files in corpus.items()}
    within = [embedded(content) for files in corpus.values() for _, content in files]
    warehouse = land_and_run(tmp_path, objects | {"within.ndjson": within})

    print(f"single-line files: {', '.join(f'{len(files)} {prefix}_' for prefix, files in corpus.items())}")
    assert {prefix: len(files) for prefix, files in corpus.items()} == {"y": 90, "n": 180, "i": 35}
    for prefix, files in corpus.items():
        assert exact_lines(warehouse, f"{prefix}.ndjson") == {
            number: content for number, (_, content) in enumerate(files, start=1)
        }
        refused = by_line(warehouse, "reason_code", "silver.quarantine", f"{prefix}.ndjson")
        assert by_line(warehouse, "row_id", "silver.reading", f"{prefix}.ndjson") == {}
        assert set(refused) == set(range(1, len(files) + 1)), "each is no reading, and none is lost"
        for number, (name, content) in enumerate(files, start=1):
            code = refused[number]["reason_code"]
            if prefix == "n":
                assert code == expected_code(content), name
            elif prefix == "y":
                is_object = isinstance(json.loads(content), dict)
                assert (code not in PARSE_CODES) == is_object, (
                    f"{name}: what is no object is quarantined as such"
                )
    judge_embedded(warehouse, within)


def expected_code(content: bytes) -> str:
    return independent_verdict(content) or "MALFORMED_JSON"


def judge_embedded(warehouse: Path, lines: list[bytes]) -> None:
    """As the value of a new field, what is JSON arrives in `_rescued`, and what is not is quarantined."""
    assert exact_lines(warehouse, "within.ndjson") == dict(enumerate(lines, start=1))
    kept = by_line(warehouse, "_rescued", "silver.reading", "within.ndjson")
    refused = by_line(warehouse, "reason_code", "silver.quarantine", "within.ndjson")
    assert set(kept) | set(refused) == set(range(1, len(lines) + 1))
    assert not set(kept) & set(refused)
    for number, line in enumerate(lines, start=1):
        code = independent_verdict(line)
        if code is not None or number in refused:
            # Raw NULs beside bytes that are no UTF-8: either is a right answer. Deeper than 32 levels is refused.
            also = {"MALFORMED_JSON"} if b"\0" in line or line.count(b"[") > 32 else set()
            expected = {code or "KEY_DUPLICATE"} | also
            assert refused[number]["reason_code"] in expected, line
        else:
            assert json.loads(kept[number]["_rescued"])["probe"] == json.loads(line)["probe"], line


NAUGHTY_FIELDS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "device_id": lambda text, _: a_reading(device_id=text),
    "timestamp": lambda text, _: a_reading(timestamp=text),
    "schema_version": lambda text, time: a_reading(timestamp=time, schema_version=text),
    "status": lambda text, time: a_reading(timestamp=time, status=text),
    "temperature_unit": lambda text, time: a_reading(timestamp=time, temperature_unit=text),
    "humidity_unit": lambda text, time: a_reading(timestamp=time, humidity_unit=text),
    "battery_level_unit": lambda text, time: a_reading(timestamp=time, battery_level_unit=text),
    "firmware": lambda text, time: a_reading(timestamp=time, firmware=text),
    "temperature": lambda text, time: a_reading(timestamp=time, temperature=text),
}
"""Every string field of the contract, a new one, and a number's place."""


def naughty_objects(texts: list[str]) -> dict[str, list[bytes]]:
    """One object per field; each field on a day of its own, so that no reading meets another."""
    objects = {}
    for day, (field, build) in enumerate(NAUGHTY_FIELDS.items(), start=1):
        times = [f"2026-01-{day:02d}T{n // 60:02d}:{n % 60:02d}:00Z" for n in range(len(texts))]
        objects[f"{field}.ndjson"] = [
            as_payload(build(text, time)) for text, time in zip(texts, times, strict=True)
        ]
    return objects


@pytest.mark.skipif(NAUGHTY is None, reason="evaluation data json_parsing is absent")
def test_naughty_strings_in_every_string_field_arrive_unchanged(tmp_path: Path) -> None:
    assert NAUGHTY is not None
    texts = list(dict.fromkeys(json.loads(NAUGHTY.read_text("utf-8"))))
    assert len(texts) > 400
    objects = naughty_objects(texts)
    warehouse = land_and_run(tmp_path, objects)
    for source, lines in objects.items():
        assert exact_lines(warehouse, source) == dict(enumerate(lines, start=1)), source
    for field in ("device_id", "timestamp", "schema_version"):
        refused = by_line(warehouse, "hex(payload) as bytes", "silver.quarantine", f"{field}.ndjson")
        assert {n: bytes.fromhex(row["bytes"]) for n, row in refused.items()} == dict(
            enumerate(objects[f"{field}.ndjson"], start=1)
        ), "an identity that breaks its rule is quarantined with its exact bytes"
    for field, column in (("status", "status"), ("temperature_unit", "temperature_unit_raw")):
        rows = by_line(warehouse, column, "silver.reading", f"{field}.ndjson")
        assert [rows[n][column] for n in range(1, len(texts) + 1)] == texts, field
    rescued = {
        "humidity_unit": "readings.humidity.unit",
        "battery_level_unit": "readings.battery_level.unit",
        "firmware": "firmware",
        "temperature": "readings.temperature.value",
    }
    for field, path in rescued.items():
        rows = by_line(warehouse, "_rescued, temperature_celsius", "silver.reading", f"{field}.ndjson")
        for number, text in enumerate(texts, start=1):
            kept = json.loads(rows[number]["_rescued"] or "{}")
            if path in kept:
                assert kept[path] == text
            else:  # a text that spells a number in JSON's own grammar loses nothing as that number
                assert field == "temperature", text
                assert rows[number]["temperature_celsius"] == float(text)
