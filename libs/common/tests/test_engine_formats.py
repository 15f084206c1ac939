import json
import os
import subprocess
import sys

import pytest

from iot_common.engine.formats import FORMATS
from iot_common.testing.evaluation_data import evaluation_data

SUITE = evaluation_data("json_schema_test_suite/tests/draft7/optional/format")
DRAFT_07 = {
    *("date-time", "date", "time", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "regex"),
    *(
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uri-template",
        "json-pointer",
        "relative-json-pointer",
    ),
}


def test_holds_the_formats_of_draft_07_and_no_others():
    assert set(FORMATS) == DRAFT_07


@pytest.mark.skipif(SUITE is None, reason="evaluation data json_schema_test_suite is absent")
def test_agrees_with_every_format_test_of_the_json_schema_test_suite(record_property):
    count, wrong = 0, []
    for file in sorted(SUITE.glob("*.json")):
        for group in json.loads(file.read_text("utf-8")):
            check = FORMATS.get(group["schema"]["format"])
            for case in group["tests"]:
                value = case["data"]
                count += 1
                valid = not isinstance(value, str) or check is None or check(value)
                if valid is not case["valid"]:
                    wrong.append((file.stem, value, case["description"]))
    record_property("summary", f"draft-07 suite: {count - len(wrong)} of {count} optional/format tests")
    assert wrong == []
    assert count > 650


@pytest.mark.parametrize(
    ("name", "text", "valid"),
    [
        ("date", "0000-02-29", True),
        ("date", "2026-01-01T00", False),
        ("time", "23:59:60.5z", True),
        ("time", "T08:30:06Z", False),
        ("email", '"joe bloggs"@example.com', True),
        ("email", '"joe@bloggs"@example.com', True),
        ("email", r'"joe\"bloggs"@example.com', True),
        ("email", '"joe"bloggs"@example.com', False),
        ("email", "joe@[127.0.0.1]", True),
        ("email", "joe@[127.0.0.300]", False),
        ("email", "joe@[IPv6:::1]", True),
        ("email", "joe@[::1]", False),
        ("email", "joe@invalid=domain.com", False),
        ("email", "joe@example..com", False),
        ("email", "jöe@example.com", False),
        ("email", "j" * 65 + "@example.com", False),
        ("email", "joe@example.com\n", False),
        ("idn-email", "ü" * 33 + "@example.com", False),
        ("idn-email", "실례@-실례.테스트", False),
        ("hostname", "a" * 63 + ("." + "a" * 63) * 2 + "." + "a" * 61, True),
        ("hostname", "a" * 63 + ("." + "a" * 63) * 2 + "." + "a" * 62, False),
        ("hostname", "xn--nxasmq6b", True),
        ("hostname", "XN--NXASMQ6B", True),
        ("idn-hostname", "EXAMPLE.com", True),
        ("idn-hostname", "_dmarc.example.com", False),
        ("ipv4", "01.2.3.4", False),
        ("ipv6", "1:2:3:4:5:6:7::", True),
        ("ipv6", "::2:3:4:5:6:7:8", True),
        ("ipv6", "1::2:3:4:5:6:7:8", False),
        ("ipv6", "1.2.3.4::", False),
        ("ipv6", "::1.2.3.4:5", False),
        ("ipv6", ":::", False),
        ("uri", "a:", True),
        ("uri", "http://[::1%25eth0]/", False),
        ("uri", "http://user:pass@host:/p", True),
        ("uri", "http://a:b:1/", False),
        ("uri", "http://example.com/#a#b", False),
        ("uri-reference", "a/b:c", True),
        ("iri", "http://ex\ue000ample.com/", False),
        ("iri-reference", "?\ue000", True),
        ("iri-reference", "\ufdd0", False),
        ("uri-template", "{!a}", True),
        ("uri-template", "{a:1*}", False),
        ("uri-template", "{é}", False),
        ("uri-template", "a%4", False),
        ("json-pointer", "/\ud800", True),
        ("relative-json-pointer", "0#/", False),
        ("regex", r"(?<year>\d{4})-\k<year>", True),
        ("regex", r"\p{Emoji}", True),
        ("regex", "a{2,1}", False),
    ],
)
def test_follows_the_grammar_where_the_suite_is_silent(name, text, valid):
    assert FORMATS[name](text) is valid


@pytest.mark.parametrize("name", sorted(DRAFT_07))
def test_gives_a_verdict_on_text_of_any_kind(name):
    for text in (
        "",
        "\0",
        "\n",
        "\ud800",
        "é",
        "\u200d",
        "🐲",
        "xn--",
        "[",
        "%",
        "@",
        "://[",
        "..",
        "\u0660",
    ):
        assert FORMATS[name](text) in (True, False)


HOSTILE = r"""
import json, sys
from iot_common.engine.formats import FORMATS
units = ["a", "1", ".", "a.", "1:", ":", "-", "@", "%", "%41", "/", "~0", "[", "(", "{a}", "a,", '"', "\\", "é", "א"]
units += ["\u200d", "\u0300", "xn--", "\ud800"]
frames = [("", ""), ("a@", "!"), ("http://", "\n"), ("2026-01-01T00:00:00.", "Z"), ("{", "}")]
asked = 0
for name, check in FORMATS.items():
    for unit in units:
        for before, after in frames if name != "regex" else [("(", "]")]:
            check(before + unit * (1_000_000 // len(unit)) + after)
            asked += 1
print(asked)
"""


def test_hostile_texts_of_a_megabyte_end():
    """The guard of ten minutes is for slow machines: together they take seconds."""
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert int(done.stdout) > 1_900


def test_loading_the_formats_loads_no_library_of_one_of_them():
    code = "import sys; import iot_common.engine.formats; print({'idna', 're2'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "set()"
