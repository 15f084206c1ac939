import json
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_common.engine.ecma_pattern import (
    PatternTimeoutError,
    UnsupportedPatternError,
    compile_pattern,
    is_pattern,
)
from iot_common.engine.pattern.automaton import Automaton
from iot_common.engine.pattern.backtracking import Backtracker
from iot_common.engine.pattern.determinism import is_linear_for_backtracking
from iot_common.engine.pattern.linear import LinearSearch
from iot_common.engine.pattern.parser import parse
from iot_common.testing.evaluation_data import evaluation_data

SUITE = evaluation_data("json_schema_test_suite/tests/draft7")
PATTERN_FILES = ("pattern", "optional/ecmascript-regex", "optional/non-bmp-regex")


def engines(pattern):
    """Every engine that can search with the pattern, the chosen one first."""
    tree = parse(pattern)
    searches = {"chosen": compile_pattern(pattern), "backtracking": Backtracker(tree).search}
    if not tree.has_back_reference:
        searches["automaton"] = Automaton(tree).search
        linear = None if tree.has_look else LinearSearch.of(tree)
        if linear is not None:
            searches["re2"] = linear
    return searches


def verdicts(pattern, text):
    return {name: search(text) is not None for name, search in engines(pattern).items()}


# Each verdict was also asked of V8 (`new RegExp(pattern, "u")`).
@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        # Search and ends
        ("b", "abc", True),
        ("^abc$", "abc\n", False),
        ("^b", "a\nb", False),
        ("", "", True),
        ("a|", "", True),
        ("^(?:)$", "a", False),
        # Shorthands and the dot
        (r"^\d+$", "١٢", False),
        (r"^\D$", "١", True),
        (r"^\w+$", "é", False),
        (r"^\s$", "\ufeff", True),
        (r"^\s$", "\u180e", False),
        (r"^\s$", "\x1c", False),
        (r"^\S$", "\u2003", False),
        ("^.$", "\u2029", False),
        ("^.$", "\r", False),
        ("^.$", "\x85", True),
        ("^.$", "🐲", True),
        # Escapes
        (r"^\cJ$", "\n", True),
        (r"^\x41\u0042\u{43}\u{0001F432}$", "ABC🐲", True),
        (r"^\uD83D\uDC32$", "🐲", True),
        (r"^\uD83D$", "🐲", False),
        (r"^\0$", "\0", True),
        (r"^\t\v\f\r\n$", "\t\v\f\r\n", True),
        (r"^\/\.\$$", "/.$", True),
        # Classes
        ("[]", "a", False),
        ("^[^]$", "\n", True),
        (r"^[\b]$", "\b", True),
        (r"^[^\W\d]+$", "a_Z", True),
        (r"^[^\W\d]+$", "a1", False),
        (r"^[\]\-^]+$", "]-^", True),
        ("^[a-]+$", "-a", True),
        ("^[🐉-🐳]$", "🐲", True),
        (r"^[\uD83D\uDC32]$", "🐲", True),
        ("^[[&&~~||]$", "&", True),
        (r"^[\s\S]$", "\u2028", True),
        # Word boundaries
        (r"\bfoo\b", "a foo b", True),
        (r"\bé", "é", False),
        (r"\B", "", True),
        (r"\B", "a", False),
        (r"a\B.", "éaéa", False),
        (r"a\Bb", "ab", True),
        # Quantifiers
        ("^a{2,3}$", "aaaa", False),
        ("^a{2,}?$", "aaaa", True),
        ("^(?:a{0}b)+$", "bb", True),
        ("^(?:a*)*$", "aab", False),
        ("^(?:a?){3}$", "aa", True),
        # Unicode properties
        (r"^\p{L}+$", "Grüße漢", True),
        (r"^\p{Lu}\p{Lowercase_Letter}$", "Éa", True),
        (r"^\p{gc=Nd}+$", "١٢", True),
        (r"^\P{L}$", "1", True),
        (r"^[\p{Nd}_]+$", "4_٢", True),
        (r"^[^\p{L}]$", "é", False),
        (r"^\p{Script=Greek}+$", "λόγος", True),
        (r"^\p{sc=Han}$", "λ", False),
        (r"^\p{ASCII}$", "é", False),
        (r"^\p{White_Space}$", "\x85", True),
        # Look-arounds
        (r"^(?!.*secret).*$", "no secret", False),
        (r"^(?=.*[a-z])(?=.*\d).{4,}$", "abc1", True),
        (r"^(?=.*[a-z])(?=.*\d).{4,}$", "abcd", False),
        (r"(?<=\$)\d+", "$5", True),
        (r"(?<!\$)\b\d", "$5", False),
        (r"(?<=a+)b", "caab", True),
        (r"(?<=^(?:ab)*)c", "ababc", True),
        (r"(?<=(?<!x)a)b", "xab", False),
        (r"^(?:(?!ab).)*$", "aab", False),
        (r"(?=(?=a)a|b)b", "ab", True),
        # Back-references
        (r"^(a+)-\1$", "aa-aa", True),
        (r"^(a+)-\1$", "aa-a", False),
        (r"^(?<quote>['|]).*\k<quote>$", "'a|", False),
        (r"^(?:(a)|b)\1$", "b", True),
        (r"^\1(a)$", "a", True),
        (r"^(?:(a)|(b)\1)+$", "aba", True),
        (r"^(?=(a+))\1b$", "aab", True),
        (r"(?<=(\d)\1)x", "12x", True),
        (r"(?<=\1(\d))x", "12x", False),
        (r"(?<=\1(\d))x", "11x", True),
    ],
)
def test_every_engine_gives_a_pattern_its_ecma_meaning(pattern, text, matches):
    assert set(verdicts(pattern, text).values()) == {matches}, verdicts(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^[\w-.]+$", "a-b.c"),
        (r"^\-\@\_\ \"$", '-@_ "'),
        ("^{a}$", "{a}"),
        ("^a{,2}$", "a{,2}"),
        ("^]$", "]"),
    ],
)
def test_accepts_what_only_the_grammar_without_the_unicode_flag_allows_where_it_means_one_thing(
    pattern, text
):
    assert set(verdicts(pattern, text).values()) == {True}


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "(",
            ")",
            "a)",
            "(?:a",
            "[a",
            "[z-a]",
            "\\",
            "*",
            "+a",
            "a**",
            "a++",
            "a{2}{3}",
            "{2}",
            "^*",
            r"\b+",
        ),
        *("a{2,1}", "(?=a)*", "(?<=a)?", "(?P<n>a)", "(?i)a", "(?#c)", "(?<1>a)", "(?<n>a)(?<n>b)", "(?>a)"),
        *(
            r"\a",
            r"\Z",
            r"\A",
            r"\1",
            r"(a)\2",
            r"\k<n>",
            r"\k",
            r"\c1",
            r"\x4",
            r"\u12",
            r"\u{110000}",
            r"\00",
        ),
        *(r"\p{Foo}", r"\p{Script=Klingon}", r"\pL", r"[\B]", r"[\1]"),
    ],
)
def test_refuses_a_malformed_pattern_and_says_why(pattern):
    with pytest.raises(UnsupportedPatternError) as refused:
        compile_pattern(pattern)
    assert refused.value.malformed
    assert refused.value.reason in str(refused.value)
    assert not is_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\p{Emoji}",
        "(" * 1000 + ")" * 1000,
        "(?=a{30000})b",
        "(?:a{999999999}){999999999}b",
        r"(a)\1{999999}",
    ],
)
def test_refuses_a_good_pattern_beyond_its_limits_as_unsupported_not_as_malformed(pattern):
    with pytest.raises(UnsupportedPatternError) as refused:
        compile_pattern(pattern)
    assert not refused.value.malformed
    assert is_pattern(pattern)


def test_repeats_more_often_than_re2_can_in_one_quantifier():
    search = compile_pattern("a{1500,1600}b")
    assert type(search) is LinearSearch
    assert search("a" * 1500 + "b") is not None
    assert search("a" * 1499 + "b") is None
    assert compile_pattern("^a{1500,}$")("a" * 1499) is None


def test_texts_with_lone_surrogates_are_searched_too():
    assert compile_pattern(r"x.+y.*z")("x\ud800y\udfffz") is not None
    assert compile_pattern(r"^\uD83D$")("\ud83d") is not None


@pytest.mark.skipif(SUITE is None, reason="evaluation data json_schema_test_suite is absent")
def test_agrees_with_the_json_schema_test_suite(record_property):
    count = 0
    for name in PATTERN_FILES:
        for group in json.loads((SUITE / f"{name}.json").read_text("utf-8")):
            pattern = group["schema"].get("pattern")
            for case in group["tests"] if pattern is not None else ():
                if isinstance(case["data"], str):
                    count += 1
                    assert set(verdicts(pattern, case["data"]).values()) == {case["valid"]}, (pattern, case)
    record_property(
        "summary", f"draft-07 suite: {count} of {count} pattern verdicts, by every engine that can"
    )
    assert count > 60


def test_plain_patterns_stay_on_the_fast_engine_and_ambiguous_ones_do_not():
    fast = (
        r"^sensor_[0-9]+$",
        r"^[a-z]+(?:-[a-z]+)*$",
        r"\.json$",
        r"[A-Z]{2}\d{4}",
        r"^(?!foo)[a-z]+$",
        r"^(?=.*\d).{8,64}$",
        r"^.{1,5000}$",
        r"^(?:dev|device)_[0-9]+$",
    )
    slow = (
        r"^(a+)+$",
        r"(a|aa)+$",
        r"^(\w+\s?)*$",
        r"\d+$",
        r"^.*a.*b$",
        r"^(?:a|a)*$",
        r"^(a?)*b$",
        r"^a*a*b$",
    )
    assert [pattern for pattern in fast if not is_linear_for_backtracking(parse(pattern).root)] == []
    assert [pattern for pattern in slow if is_linear_for_backtracking(parse(pattern).root)] == []


HOSTILE = r"""
import json, sys
from iot_common.engine.ecma_pattern import PatternTimeoutError, compile_pattern
def verdict(pattern, text):
    try:
        return compile_pattern(pattern)(text) is not None
    except PatternTimeoutError:
        return "no verdict"
n = 1_000_000
print(json.dumps([verdict(pattern, unit * (n // len(unit)) + "!") for pattern, unit in json.load(sys.stdin)]))
"""


def test_catastrophic_patterns_end_on_a_megabyte_of_hostile_text():
    """The guard of ten minutes is for slow machines: together they take seconds."""
    cases = [
        (r"^(a+)+$", "a", False),
        (r"(a|aa)+$", "a", False),
        (r"^(\w+\s?)*$", "a ", False),
        (r"(x+x+)+y", "x", False),
        (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a", False),
        (r"(.*)*=.*z", "=", False),
        (r"^(?=(a+)+$)", "a", False),
        (r"(?<=(a+)+b)c", "a", False),
        (r"^(?!(a|aa)+$)", "a", True),
        (r"(?=[ab]*a[ab]{300}c)x", "ab", False),
        (r"^(a+)\1+$", "a", "no verdict"),
        (r"(x+x+)+\1y", "x", "no verdict"),
        (r"(?=(a*)*\1b)c", "a", "no verdict"),
        ("(?=a)" * 140 + "b", "a", "no verdict"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE],
        input=json.dumps([case[:2] for case in cases]),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    found = json.loads(done.stdout)
    assert dict(zip((case[0] for case in cases), found, strict=True)) == {case[0]: case[2] for case in cases}


COMPILED = r"""
import json, sys
from iot_common.engine.ecma_pattern import UnsupportedPatternError, compile_pattern
for pattern in json.load(sys.stdin):
    try:
        compile_pattern(pattern)
    except UnsupportedPatternError:
        pass
print("done")
"""


def test_hostile_patterns_are_compiled_or_refused_in_bounded_time():
    """The guard of ten minutes is for slow machines: together they take seconds."""
    many = "".join(map(chr, range(0x4E00, 0x9000)))
    patterns = [
        "(?:" * 140 + "a" + "b?)" * 140,
        "(?:" * 140 + "a" + "b)" * 140,
        "(?:" * 140 + "a?" + ")+" * 140,
        "(" * 100 + "a" + "){20000}" * 100,
        "(?:(?:){999999999}){999999999}b(?=c)",
        r"(?:(?:" + "(a)" * 20_000 + r"){0}b){15000}(c)\1",
        "(?=a)" + many,
        rf"({many})\1",
        "|".join(f"a{number}" for number in range(20_000)),
        "(?:a|b)" * 10_000,
        "(?:a?)" * 10_000,
        r"\p{L}" * 1_000,
        "a" * 1_000_000,
        "(" * 500_000,
        "[" * 500_000,
    ]
    done = subprocess.run(
        [sys.executable, "-c", COMPILED],
        input=json.dumps(patterns),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert done.stdout.strip() == "done"


def test_no_verdict_names_the_pattern_and_comes_again_whatever_was_searched_before():
    search = compile_pattern(r"^(a+)\1+$")
    assert search("aaaa") is not None
    for _ in range(2):
        with pytest.raises(PatternTimeoutError, match=r"\(a\+\).* 20001 characters") as stopped:
            search("a" * 20_000 + "b")
        assert stopped.value.pattern == r"^(a+)\1+$"


def test_plain_contracts_load_no_engine_they_do_not_need():
    code = (
        "import sys; from iot_common.engine.ecma_pattern import compile_pattern; "
        "compile_pattern('^sensor_[0-9]+$')('sensor_1'); print('re2' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "False"


# Patterns whose text means the same to ECMA-262 and to Python, but for the `$` that is written anew, on texts
# without the characters where the two differ.
CHARS = st.sampled_from(
    ["a", "b", "1", "_", "é", "-", "🐲", r"\d", r"\w", r"\W", r"\n", "[ab]", "[^a]", r"[\d_]", "."]
)
QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?", "+?"])


def _extended(inner):
    group = st.builds("({}{})".format, st.sampled_from(["", "?:"]), inner)
    look = st.builds("({}{})".format, st.sampled_from(["?=", "?!"]), inner)
    behind = st.builds(
        "({}{})".format, st.sampled_from(["?<=", "?<!"]), st.sampled_from(["a", "[ab]", r"\d", "ab"])
    )
    quantified = st.builds("{}{}".format, st.one_of(CHARS, group), QUANTIFIERS)
    zero_width = st.one_of(look, behind, st.sampled_from(["^", "$", r"\b"]))
    term = st.one_of(quantified, quantified, quantified, zero_width)
    return st.builds(
        "|".join, st.lists(st.builds("".join, st.lists(term, max_size=4)), min_size=1, max_size=2)
    )


PATTERNS = st.recursive(st.builds("{}{}".format, CHARS, QUANTIFIERS), _extended, max_leaves=8)
TEXTS = st.lists(st.text(alphabet="aab1_é- 🐲\n", max_size=10), min_size=1, max_size=8)


@settings(max_examples=500, deadline=None)
@given(pattern=PATTERNS, texts=TEXTS)
def test_every_engine_agrees_with_python_where_both_languages_say_the_same(pattern, texts):
    python = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    for name, search in engines(pattern).items():
        found = [search(text) is not None for text in texts]
        assert found == [python.search(text) is not None for text in texts], name


@settings(max_examples=200, deadline=None)
@given(first=PATTERNS, second=PATTERNS, texts=TEXTS)
def test_back_references_agree_with_python_where_their_group_has_matched(first, second, texts):
    pattern = rf"^({first})(?:{second})-?\1"
    python = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    search = compile_pattern(pattern)
    texts = [*texts, *(text + text for text in texts)]
    assert [search(text) is not None for text in texts] == [python.search(text) is not None for text in texts]
