"""The page of a finding: its explanation, its history, and exact raw records that cannot break the page."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser

import pytest

from driftlake.cli import main
from iot_common.contracts.drift_event import DRIFT_EVENT
from iot_common.contracts.drift_event_action import EVENT_ACTION
from iot_common.contracts.drift_window_score import WINDOW_SCORE
from iot_common.contracts.silver_quarantine import QUARANTINE
from iot_common.contracts.silver_reading import READING

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAUGHTY = [
    b'{"note":"</pre></section><script>alert(1)</script>"}',
    b'{"note":"<img src=x onerror=alert(2)>\' onload=\'x\' \\" onclick=\\"y"}',
    b'\xff\xfe{"half":"\xc3',
    b"\x00\x1b[2J\x07\x7f",
    '{"text":"\u202egnp.exe \ufeff\u2028\u0661 \U0001f4a9"}'.encode(),
    b'{{7*7}} {% for x in y %} ${x} <!--#exec cmd="ls"--> ]]> &#60;script&#62;',
    b'{"a":' * 200 + b"1" + b"}" * 200,
    b"",
]


class Pages(HTMLParser):
    """Tags a browser would see, and the text of each `<pre>`."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.raw: list[str] = []
        self.marks: list[str] = []
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag in ("pre", "mark"):
            self.inside += tag
            (self.raw if tag == "pre" else self.marks).append("")

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        if tag in ("pre", "mark"):
            self.inside = self.inside.removesuffix(tag)

    def handle_data(self, data):
        if "pre" in self.inside:
            self.raw[-1] += data
        if self.inside.endswith("mark"):
            self.marks[-1] += data


def event(**changes):
    return {
        "event_id": "e1", "channel": "statistical", "kind": "VALUE_SHIFT", "severity": "WARN", "status": "open",
        "field": "temperature_celsius", "devices": ["sensor_1"], "device_count": 1, "device_share": 0.5, "onset": NOON,
        "last_seen": NOON + timedelta(hours=2), "occurrence_count": 4, "score": 0.71, "threshold": 0.62,
    } | changes | {"evidence": json.dumps(changes.get("evidence", {}))}  # fmt: skip


def reading(number, at, **changes):
    return {
        "row_id": f"b1-{number}", "device_id": "sensor_1", "event_time": at, "temperature_celsius": 20.0 + number,
        "source_object": "a.ndjson", "source_line": number, "ingest_time": NOON, "is_valid": True,
    } | changes  # fmt: skip


def around_noon(count=4):
    """Readings every hour; the third is the first since noon."""
    return [reading(n, NOON + timedelta(hours=n - 3)) for n in range(1, count + 1)]


def payload(value, **more):
    return json.dumps({"readings": {"temperature": {"value": value}}, **more}, separators=(",", ":")).encode()


def pages_of(hand_made, tmp_path):
    out = tmp_path / "report.html"
    assert main(["report", "-w", str(hand_made.folder), "--out", str(out)]) == 0
    text = out.read_text("utf-8")
    return text, Pages(text)


@pytest.mark.parametrize("promoted", [True, False], ids=["promoted", "in a block"])
def test_raw_records_before_and_after_are_exact_and_mark_the_value(hand_made, tmp_path, promoted):
    lines = [payload(value) for value in (21, 22, 23, 24)]
    hand_made.append(READING, around_noon())
    if promoted:
        hand_made.promoted(1, lines)
        hand_made.bronze_block(1, lines)
    else:
        hand_made.promoted(0, [b"older"])
        hand_made.bronze_block(1, lines)
    hand_made.append(DRIFT_EVENT, [event()])
    text, pages = pages_of(hand_made, tmp_path)
    assert [raw.encode() for raw in pages.raw] == lines
    assert pages.marks == ['"value":21', '"value":22', '"value":23', '"value":24']
    order = [
        text.index(word) for word in ("<b>before</b>", "<b>after, the first</b>", "<b>after, the newest</b>")
    ]
    assert order == sorted(order)


def test_naughty_payloads_stay_text(hand_made, tmp_path):
    undated = {"channel": "structural", "field": "$", "devices": [], "onset": None, "last_seen": None}
    numbers = range(len(NAUGHTY))
    hand_made.append(DRIFT_EVENT, [event(event_id=f"e{n}", kind=f"CODE_{n}", **undated) for n in numbers])
    hand_made.append(QUARANTINE, [
        {"row_id": f"b1-{n + 1}", "reason_code": f"CODE_{n}", "ingest_time": NOON, "source_object": "<b>a</b>",
         "source_line": n, "reasons": [{"path": "", "code": f"CODE_{n}", "expected": "", "found": ""}]}
        for n in numbers
    ])  # fmt: skip
    hand_made.append(READING, [])
    hand_made.promoted(1, NAUGHTY)
    hand_made.bronze_block(1, NAUGHTY)
    text, pages = pages_of(hand_made, tmp_path)
    assert not {"script", "img", "b-a", "iframe"} & set(pages.tags)
    assert not [name for name, _ in pages.attributes if name.startswith("on")]
    assert len(pages.raw) == len(NAUGHTY)
    assert pages.raw[0] == NAUGHTY[0].decode()
    assert pages.raw[2] == '\\xff\\xfe{"half":"\\xc3'
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)


def test_a_long_record_is_cut_around_the_value_and_says_so(hand_made, tmp_path):
    line = payload(23, firmware="y" * 3000)
    hand_made.append(READING, around_noon(3))
    hand_made.promoted(1, [payload(1), payload(2), line])
    hand_made.append(DRIFT_EVENT, [event()])
    text, pages = pages_of(hand_made, tmp_path)
    assert len(pages.raw[-1]) <= 1202
    assert pages.marks[-1] == '"value":23'
    assert f"Cut: {len(line):,} bytes in all." in text


def test_a_record_whose_bytes_are_gone_is_named(hand_made, tmp_path):
    hand_made.append(READING, around_noon(3))
    hand_made.append(DRIFT_EVENT, [event()])
    text, pages = pages_of(hand_made, tmp_path)
    assert not pages.raw
    assert "Its bytes were not read: they are in bronze under this row." in text
    assert "b1-3" in text


def test_structural_finding_shows_the_records_that_have_it(hand_made, tmp_path):
    lines = [payload(20), payload(21), payload(22), payload(23, firmware="<2>"), payload(24, firmware="3")]
    rows = around_noon(5)
    rows[3]["_rescued"] = rows[4]["_rescued"] = '{"firmware":"<2>"}'
    hand_made.append(READING, rows)
    hand_made.promoted(1, lines)
    hand_made.append(
        DRIFT_EVENT, [event(channel="structural", kind="FIELD_ADDED", field="firmware", score=None)]
    )
    _, pages = pages_of(hand_made, tmp_path)
    assert [raw.encode() for raw in pages.raw] == lines[1:5], (
        "the one since the onset that lacks it is before it"
    )
    assert pages.marks == ['"firmware":"<2>"', '"firmware":"3"']


def test_the_explanation_is_whole(hand_made, tmp_path):
    evidence = {
        "features": [{"feature": "temperature_celsius_shift", "usual": 17.5, "observed": 63.5, "unit": "°C",
                      "size": 75.7, "limit": 6.0}],
        "who": {"rule": "devices of contract version <1.1.0>", "precision": 1.0, "recall": 0.875},
        "hypothesis": {"name": "celsius_to_fahrenheit", "factor": 1.8, "offset": 32.0, "unexplained": 0.023},
        "hypotheses_tested": {"offset": 0.4, "sign": 3.2, "celsius_to_fahrenheit": 0.023},
        "proposed_repair": {"factor": 0.555556, "offset": -17.778}, "windows": 157,
    }  # fmt: skip
    hand_made.append(READING, around_noon())
    hand_made.append(DRIFT_EVENT, [event(kind="UNIT_SUSPECT", evidence=evidence)])
    text = unescape(pages_of(hand_made, tmp_path)[0])
    for said in (
        "17.5 °C", "63.5 °C", "75.7",
        "devices of contract version <1.1.0> (100 % of the devices it names drifted; it names 87.5 % of those",
        "celsius to fahrenheit: observed = 1.8 × usual + 32; explains all but 2.3 % of the change",
        "usual = 0.555556 × observed − 17.778", "celsius to fahrenheit 2.3 %, offset 40 %; all of it: sign",
    ):  # fmt: skip
        assert said in text


@pytest.mark.parametrize(
    "evidence",
    [{"who": 7, "features": "x", "hypothesis": [1, None, {}], "proposed_repair": ["?"]}, {"features": [None, {}]},
     {"observed_percent_per_day": None},
     {"who": [{"rule": None}, "a rule"], "proposed_repair": {"sql": "<x>"}, "hypothesis": {"name": "\ud800"}}],
)  # fmt: skip
def test_evidence_of_another_shape_does_not_stop_the_report(hand_made, tmp_path, evidence):
    others = {"event_id": "s", "channel": "structural"}
    hand_made.append(DRIFT_EVENT, [event(evidence=evidence), event(evidence=evidence, **others)])
    assert pages_of(hand_made, tmp_path)[0].count('<section class="page"') == 2


def test_what_was_done_is_told_and_settled_findings_come_last(hand_made, tmp_path):
    hand_made.append(DRIFT_EVENT, [event(status="accepted"), event(event_id="e2", severity="INFO")])
    hand_made.append(EVENT_ACTION, [
        {"event_id": "e1", "action": "acknowledged", "action_time": NOON, "requested_by": "ada",
         "note": "<on it>", "batch": "q/1"},
        {"event_id": "e1", "action": "accepted", "action_time": NOON + timedelta(hours=1), "batch": "q/2"},
    ])  # fmt: skip
    text, _ = pages_of(hand_made, tmp_path)
    assert text.index('id="finding-e2"') < text.index('id="finding-e1"')
    history = text[text.index('id="finding-e1"') :]
    assert history.index("acknowledged") < history.index("&lt;on it&gt;") < history.rindex("accepted")
    assert "Nothing yet." not in history


def test_every_page_is_reached_and_leads_on(hand_made, tmp_path):
    hand_made.append(
        DRIFT_EVENT, [event(event_id=name, field=f"f{name}") for name in ("e1", "e2", "no id!", "e1 ")]
    )
    text, pages = pages_of(hand_made, tmp_path)
    targets = {value for name, value in pages.attributes if name == "id"}
    links = [value.removeprefix("#") for name, value in pages.attributes if name == "href" and value]
    assert set(links) <= targets
    assert len(targets) == len([value for name, value in pages.attributes if name == "id"])
    assert {
        name for name in targets if re.fullmatch(r"finding-\S+", name) and not name.endswith("title")
    } <= set(links)
    assert text.count('rel="next"') == text.count('rel="prev"') == 3


def test_readings_are_drawn_beside_what_is_usual(hand_made, tmp_path):
    hand_made.append(READING, around_noon(8))
    hand_made.append(WINDOW_SCORE, [
        {"device_id": "sensor_1", "window_start": NOON + timedelta(hours=n), "window_minutes": 15, "reading_count": 1,
         "features": [("temperature_celsius_expected", 20.0), ("temperature_celsius_shift_excess", 2.5)],
         "is_anomalous": n >= 1, "score": 0.5, "top_feature": "temperature_celsius_shift"}
        for n in range(4)
    ])  # fmt: skip
    hand_made.append(DRIFT_EVENT, [event()])
    text, _ = pages_of(hand_made, tmp_path)
    page = text[text.index('id="finding-e1"') :]
    assert 'aria-label="temperature, °C of sensor_1 over time, observed and usual"' in page
    for drawn in ('class="observed"', 'class="usual"', 'class="heat2"', 'class="onset-mark"'):
        assert drawn in page
