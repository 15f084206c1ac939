"""`driftlake contract validate`: one verdict per line, whatever the line, and exit codes that CI can trust."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard

from driftlake.cli import main
from driftlake.ndjson_lines import TooLong, read_lines
from iot_common.contracts import __file__ as contracts_file
from iot_common.testing.evaluation_data import evaluation_data
from iot_common.testing.readings import a_reading, as_payload, put

GIVEN_SCHEMA = Path(contracts_file).with_name("raw-iot-data-1.0.0.schema.json")


class Bench:
    """A folder with a schema and an input, and the command on them."""

    def __init__(self, folder: Path, capsysbinary: Any) -> None:
        self.folder = folder
        self._captured = capsysbinary

    def file(self, name: str, content: bytes | str | Any) -> Path:
        path = self.folder / name
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        path.write_bytes(content)
        return path

    def run(self, *arguments: object) -> tuple[int, bytes, str]:
        code = main(["contract", "validate", *map(str, arguments)])
        out, err = self._captured.readouterr()
        return code, out, err.decode()

    def verdicts(self, schema: Any, lines: Sequence[bytes | str], *options: object) -> list[dict[str, Any]]:
        texts = [line if isinstance(line, bytes) else line.encode() for line in lines]
        schema_file = self.file("schema.json", schema)
        source = self.file("input.ndjson", b"".join(text + b"\n" for text in texts))
        code, out, err = self.run("--schema", schema_file, source, *options)
        assert code == 0, err
        told = [json.loads(line) for line in out.splitlines()]
        assert [each["line"] for each in told] == list(range(1, len(texts) + 1))
        return told


@pytest.fixture
def bench(tmp_path: Path, capsysbinary: Any) -> Bench:
    return Bench(tmp_path, capsysbinary)


def codes(verdict: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["path"], each["code"], each["source"]) for each in verdict["events"]]


def test_tells_each_line_of_the_given_contract_apart(bench):
    told = bench.verdicts(
        json.loads(GIVEN_SCHEMA.read_text()),
        [
            as_payload(a_reading()),
            as_payload(a_reading(humidity=101)),
            as_payload(put(a_reading(), "readings.pressure", 1013)),
            as_payload(a_reading(firmware="2.1")),
            as_payload(a_reading(without=("device_id",), Device_Id="sensor_1")),
        ],
    )
    assert [each["valid"] for each in told] == [True, False, True, False, False]
    assert told[0]["events"] == []
    assert told[1]["events"] == [
        {
            "path": "readings.humidity.value",
            "code": "RANGE",
            "expected": "maximum 100",
            "found": "101",
            "source": "contract",
        }
    ]
    assert codes(told[2]) == [("readings.pressure", "FIELD_ADDED_NESTED", "engine")]
    assert codes(told[3]) == [("firmware", "FIELD_ADDED", "contract")]
    assert codes(told[4]) == [("device_id", "KEY_CASE", "contract")]


def test_any_json_value_may_stand_on_a_line(bench):
    told = bench.verdicts({"type": ["integer", "array"]}, ["1", "1.0", "1.5", "null", "true", '"a"', "[]"])
    assert [each["valid"] for each in told] == [True, True, False, False, False, False, True]
    assert bench.verdicts(False, ["1"])[0]["valid"] is False
    assert bench.verdicts(True, ["1"]) == [{"line": 1, "valid": True, "events": []}]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "MALFORMED_JSON"),
        (b"   ", "MALFORMED_JSON"),
        (b"{", "MALFORMED_JSON"),
        (b'{"a":1} {"a":1}', "MALFORMED_JSON"),
        (b"\x00", "MALFORMED_JSON"),
        (b"'a'", "MALFORMED_JSON"),
        (b"\xef\xbb\xbf1", "ENCODING"),
        (b'"\xff"', "ENCODING"),
        (rb'"\ud800"', "ENCODING"),
        (b"NaN", "NONFINITE"),
        (b"[-Infinity]", "NONFINITE"),
        (b"[" * 2_001 + b"]" * 2_001, "MALFORMED_JSON"),
        (b"[" * 200_000, "MALFORMED_JSON"),
    ],
    ids=lambda each: each[:16].decode("latin-1") if isinstance(each, bytes) else each,
)
def test_a_line_that_is_no_json_is_not_valid_and_says_why(bench, line, code):
    [before, told, after] = bench.verdicts({}, [b"1", line, b"1\r"])
    assert told["valid"] is False
    assert codes(told) == [("", code, "contract")]
    assert before["valid"] is after["valid"] is True


def test_with_a_duplicate_key_the_last_value_counts(bench):
    schema = {"properties": {"a": {"type": "integer"}}}
    told = bench.verdicts(schema, ['{"a":"x","a":1}', '{"a":1,"a":"x"}', '[{"b":1,"b":1}]'])
    assert [each["valid"] for each in told] == [True, False, True]
    assert codes(told[0]) == [("a", "KEY_DUPLICATE", "engine")]
    assert codes(told[1]) == [("a", "KEY_DUPLICATE", "engine"), ("a", "TYPE_CHANGED", "contract")]
    assert codes(told[2]) == [("[].b", "KEY_DUPLICATE", "engine")]


def test_what_only_the_pipeline_refuses_leaves_the_verdict_alone(bench):
    deep = '{"a":' * 1_000 + "1" + "}" * 1_000
    large = json.dumps({"a": "x" * 1_000_000})
    [over, nested, long] = bench.verdicts({"type": "object"}, ['{"b":1e400}', deep, large])
    assert over["valid"] is nested["valid"] is long["valid"] is True
    assert codes(nested)[0] == ("", "MALFORMED_JSON", "engine")
    assert nested["events"][0]["found"] == "1000"
    assert codes(long)[0] == ("", "OVERSIZE", "engine")


def test_a_thousand_levels_along_a_recursive_schema_have_a_verdict(bench):
    schema = {"anyOf": [{"type": "integer"}, {"type": "object", "additionalProperties": {"$ref": "#"}}]}
    deep = ['{"a":' * 1_000 + end + "}" * 1_000 for end in ("1", '"x"')]
    told = bench.verdicts(schema, deep)
    assert [each["valid"] for each in told] == [True, False]
    assert ("", "CONSTRAINT", "contract") in codes(told[1])


def test_formats_are_asserted_unless_told_otherwise(bench):
    schema = {"items": {"format": "ipv4"}}
    [told] = bench.verdicts(schema, ['["127.0.0.1", "999.0.0.1"]'])
    assert told["valid"] is False
    assert told["events"] == [
        {
            "path": "[]",
            "code": "FORMAT",
            "expected": "ipv4",
            "found": '"999.0.0.1"',
            "source": "contract",
            "at": "[1]",
        }
    ]
    [told] = bench.verdicts(schema, ['["127.0.0.1", "999.0.0.1"]'], "--formats", "annotate")
    assert told == {"line": 1, "valid": True, "events": []}


def test_events_of_one_line_are_bounded_and_the_rest_is_counted(bench):
    [told] = bench.verdicts({"items": {"type": "string"}}, [json.dumps(list(range(5_000)))])
    assert told["valid"] is False
    assert len(told["events"]) + told["events_omitted"] == 5_000
    assert len(told["events"]) == 1_000


def test_a_pattern_without_a_verdict_gives_null_and_an_event(bench):
    schema = {"properties": {"a": {"pattern": r"^(a+)+\1$"}}}
    [told, ok] = bench.verdicts(schema, [json.dumps({"a": "a" * 5_000 + "b"}), '{"a":"aa"}'])
    assert ok["valid"] is True
    assert told["valid"] is None
    assert [(each["code"], each["found"]) for each in told["events"]] == [("CONSTRAINT", "no verdict")]
    source = bench.folder / "input.ndjson"
    assert bench.run("--schema", bench.folder / "schema.json", source, "--strict")[0] == 1


def test_reads_gzip_zstd_and_standard_input_alike(bench, monkeypatch):
    text = b'{"a":1}\n{"a":"x"}\n[1]'
    schema = bench.file("schema.json", {"type": "object", "properties": {"a": {"type": "integer"}}})
    _, expected, _ = bench.run("--schema", schema, bench.file("plain.ndjson", text))
    assert [json.loads(line)["valid"] for line in expected.splitlines()] == [True, False, False]
    frames = zstandard.compress(text[:5]) + zstandard.compress(text[5:])
    for name, packed in (("a.gz", gzip.compress(text)), ("a.zst", frames), ("unnamed", gzip.compress(text))):
        assert bench.run("--schema", schema, bench.file(name, packed))[:2] == (0, expected)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(packed)))
        assert bench.run("--schema", schema, "-")[:2] == (0, expected)


def test_an_empty_input_has_no_verdicts(bench):
    schema = bench.file("schema.json", {})
    for name in ("empty.ndjson", "empty.gz"):
        assert bench.run("--schema", schema, bench.file(name, b""), "--strict")[:2] == (0, b"")


def test_strict_ends_with_1_where_a_line_is_not_valid(bench):
    schema = bench.file("schema.json", {"type": "integer"})
    good, bad = bench.file("good", b"1\n2\n"), bench.file("bad", b"1\nx\n")
    assert bench.run("--schema", schema, good, "--strict")[0] == 0
    assert bench.run("--schema", schema, bad)[0] == 0
    code, _, err = bench.run("--schema", schema, bad, "--strict")
    assert (code, err.strip()) == (1, "driftlake: 2 lines: 1 valid, 1 invalid")


def test_out_appears_whole_or_not_at_all(bench):
    schema, out = bench.file("schema.json", {"type": "integer"}), bench.folder / "verdicts.ndjson"
    source = bench.file("input", b"1\n")
    assert bench.run("--schema", schema, source, "--out", out)[:2] == (0, b"")
    assert json.loads(out.read_text()) == {"line": 1, "valid": True, "events": []}
    cut = bench.file("cut.gz", gzip.compress(os.urandom(4_000_000))[:-100])
    code, _, err = bench.run("--schema", schema, cut, "--out", out)
    assert code == 2
    assert "cut.gz after line" in err
    assert json.loads(out.read_text())["line"] == 1
    assert sorted(path.name for path in bench.folder.iterdir()) == [
        "cut.gz", "input", "schema.json", "verdicts.ndjson",
    ]  # fmt: skip


def test_an_input_is_never_overwritten_by_its_verdicts(bench):
    schema, source = bench.file("schema.json", {}), bench.file("input", b"1\n")
    assert bench.run("--schema", schema, source, "--out", source)[0] == 2
    assert source.read_bytes() == b"1\n"


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ('{"type": "objekt"}', "#/type"),
        ('{"properties": {"a": {"minimum": "1"}}}', "#/properties/a/minimum"),
        ('{"not": {"$ref": "http://127.0.0.1:1/a.json"}}', "nothing is fetched"),
        ('{"items": {"$ref": "#/definitions/none"}}', "#/items"),
        ('{"$ref": "#"}', "circle"),
        ('{"properties": {"a": {"pattern": "("}}}', "#/properties/a"),
        ('{"patternProperties": {"[": true}}', "pattern"),
        ('{"$schema": "https://json-schema.org/draft/2020-12/schema"}', "draft-07 is required"),
        ("{", "not JSON"),
        ("[]", "schema.json"),
        ("[" * 100_000, "nested too deep"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_used_is_told_with_its_place(bench, schema, told):
    code, out, err = bench.run("--schema", bench.file("schema.json", schema), bench.file("input", b"1\n"))
    assert (code, out) == (2, b"")
    assert told in err
    assert "Traceback" not in err


def test_gives_the_verdicts_of_the_official_suite(bench, record_property):
    suite = evaluation_data("json_schema_test_suite")
    if suite is None:
        pytest.skip("the evaluation data json_schema_test_suite is absent: set DRIFTLAKE_DATA")
    remotes = suite / "remotes"
    documents = [
        text
        for path in sorted(remotes.rglob("*.json"))
        for text in ("--document", f"http://localhost:1234/{path.relative_to(remotes).as_posix()}={path}")
    ]
    agreeing, wrong = 0, []
    for path in sorted((suite / "tests" / "draft7").glob("*.json")):
        for group in json.loads(path.read_text()):
            lines = [json.dumps(test["data"]) for test in group["tests"]]
            told = bench.verdicts(group["schema"], lines, "--formats", "annotate", *documents)
            for test, verdict in zip(group["tests"], told, strict=True):
                agreeing += verdict["valid"] is test["valid"]
                if verdict["valid"] is not test["valid"]:
                    wrong.append((path.name, group["description"], test["description"]))
                assert verdict["valid"] is all(each["source"] == "engine" for each in verdict["events"])
    record_property("summary", f"contract validate: {agreeing} verdicts of the draft-07 suite")
    assert (agreeing, wrong) == (927, [])


def test_a_missing_file_and_a_wrong_option_end_with_2(bench):
    schema, source = bench.file("schema.json", {}), bench.file("input", b"1\n")
    missing = bench.folder / "none"
    for arguments in (
        ("--schema", missing, source),
        ("--schema", schema, missing),
        ("--schema", schema, bench.folder),
        ("--schema", schema, bench.file("no.gz", b"1\n")),
        ("--schema", schema, source, "--out", missing / "out"),
        ("--schema", schema, source, "--document", missing),
        ("--schema", schema, source, "--formats", "maybe"),
        ("--schema", schema),
        (source,),
    ):
        code, out, err = bench.run(*arguments)
        assert (code, out) == (2, b""), arguments
        assert err
        assert "Traceback" not in err


def test_a_reference_reaches_given_documents_by_place_and_by_id(bench):
    (bench.folder / "parts").mkdir()
    place = bench.file("parts/place.json", {"type": "integer"})
    named = bench.file("named.json", {"$id": "urn:named", "definitions": {"s": {"type": "string"}}})
    schema = bench.file(
        "schema.json",
        {
            "$id": "http://example.org/schema.json",
            "properties": {"a": {"$ref": "parts/place.json"}, "b": {"$ref": "urn:named#/definitions/s"}},
        },
    )
    source = bench.file("input", b'{"a":1,"b":"x"}\n{"a":"x","b":1}\n')
    code, out, _ = bench.run("--schema", schema, source, "--document", place, "--document", named)
    told = [json.loads(line) for line in out.splitlines()]
    assert (code, [each["valid"] for each in told]) == (0, [True, False])
    assert [each["path"] for each in told[1]["events"]] == ["a", "b"]
    named_so = (
        "--document",
        f"http://example.org/parts/place.json={place}",
        "--document",
        f"urn:named={named}",
    )
    assert bench.run("--schema", schema, source, *named_so)[:2] == (0, out)
    code, _, err = bench.run("--schema", schema, source, "--document", place)
    assert code == 2
    assert "urn:named" in err


def test_a_keyword_that_draft_07_does_not_know_is_told_and_ignored(bench):
    schema = bench.file("schema.json", {"properties": {"a": {"maximun": 1, "format": "ipv5", "x-unit": "K"}}})
    code, out, err = bench.run("--schema", schema, bench.file("input", b'{"a":2}\n'))
    assert (code, json.loads(out)["valid"]) == (0, True)
    assert "#/properties/a: keyword 'maximun'" in err
    assert "#/properties/a: format 'ipv5'" in err
    assert "x-unit" not in err


def test_a_schema_text_that_utf_8_cannot_carry_is_told_with_escapes(bench):
    [told] = bench.verdicts(
        r'{"required": ["\ud800"], "properties": {"a": {"const": "\udc00"}}}', ['{"a":1}']
    )
    assert [each["path"] for each in told["events"]] == ["\ud800", "a"]


def test_a_line_beyond_the_limit_is_passed_over_and_told(tmp_path):
    source = tmp_path / "lines"
    source.write_bytes(b"1\n" + b"x" * 30 + b"\n2\n" + b"y" * 11)
    assert list(read_lines(str(source), 10)) == [b"1", TooLong(30), b"2", TooLong(11)]
    assert list(read_lines(str(source), 11)) == [b"1", TooLong(30), b"2", b"y" * 11]


def peak_memory_mb(arguments: Sequence[str], said: Path) -> float:
    """Of a driftlake process, told by itself: what `wait4` says begins with the peak of the process that forked it."""
    program = (
        "import sys; from pathlib import Path; from driftlake.cli import main\n"
        "code = main(sys.argv[2:])\n"
        "Path(sys.argv[1]).write_text(Path('/proc/self/status').read_text())\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(said), *arguments], capture_output=True)
    assert done.returncode == 0, done.stderr
    [peak_kib] = re.findall(r"VmHWM:\s+(\d+) kB", said.read_text())
    return int(peak_kib) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_stays_flat_as_the_input_grows(tmp_path):
    peaks = []
    lines = [
        as_payload(a_reading()),
        as_payload(a_reading(humidity=101)),
        as_payload(put(a_reading(), "readings.pressure", 1013)),
    ]
    for megabytes in (4, 40):
        source = tmp_path / f"{megabytes}.ndjson.gz"
        block = b"".join(line + b"\n" for line in lines)
        with gzip.open(source, "wb", compresslevel=1) as file:
            for _ in range(megabytes * 1_000_000 // len(block)):
                file.write(block)
        arguments = ["contract", "validate", "--schema", str(GIVEN_SCHEMA), str(source), "--out", os.devnull]
        peaks.append(peak_memory_mb(arguments, tmp_path / "peak"))
    assert peaks[1] < peaks[0] + 16, peaks
    assert max(peaks) < 300, peaks
