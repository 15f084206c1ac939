r"""The Unicode properties of `\p{...}` (ECMA-262, section 21.2.1, tables of property names).

General categories and the identifier and case properties come from Python's own character database. Scripts come
from RE2, the one place at hand that holds them. Other properties of ECMA-262 are known by name only: a pattern with
one is well formed, but cannot be searched with.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import chain
from typing import Any, Final

from iot_common.engine.pattern.code_points import EVERYTHING, LAST, Ranges, complement, union
from iot_common.engine.pattern.syntax import Property

_LONG_CATEGORIES: Final = """
L Letter, LC Cased_Letter, Lu Uppercase_Letter, Ll Lowercase_Letter, Lt Titlecase_Letter, Lm Modifier_Letter,
Lo Other_Letter, M Mark, M Combining_Mark, Mn Nonspacing_Mark, Mc Spacing_Mark, Me Enclosing_Mark, N Number,
Nd Decimal_Number, Nd digit, Nl Letter_Number, No Other_Number, P Punctuation, P punct, Pc Connector_Punctuation,
Pd Dash_Punctuation, Ps Open_Punctuation, Pe Close_Punctuation, Pi Initial_Punctuation, Pf Final_Punctuation,
Po Other_Punctuation, S Symbol, Sm Math_Symbol, Sc Currency_Symbol, Sk Modifier_Symbol, So Other_Symbol,
Z Separator, Zs Space_Separator, Zl Line_Separator, Zp Paragraph_Separator, C Other, Cc Control, Cc cntrl,
Cf Format, Cs Surrogate, Co Private_Use, Cn Unassigned
"""
_CATEGORY_OF: Final = {
    name: pair.split()[0] for pair in _LONG_CATEGORIES.replace("\n", " ").split(",") for name in pair.split()
}
_FIXED: Final[dict[str, Ranges]] = {
    "Any": EVERYTHING,
    "ASCII": ((0, 0x7F),),
    "ASCII_Hex_Digit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
    "Hex_Digit": (
        (0x30, 0x39),
        (0x41, 0x46),
        (0x61, 0x66),
        (0xFF10, 0xFF19),
        (0xFF21, 0xFF26),
        (0xFF41, 0xFF46),
    ),
    "White_Space": (
        (0x09, 0x0D),
        (0x20, 0x20),
        (0x85, 0x85),
        (0xA0, 0xA0),
        (0x1680, 0x1680),
        (0x2000, 0x200A),
        (0x2028, 0x2029),
        (0x202F, 0x202F),
        (0x205F, 0x205F),
        (0x3000, 0x3000),
    ),
}
_BY_METHOD: Final[dict[str, Callable[[str], bool]]] = {
    "Lowercase": str.islower,
    "Uppercase": str.isupper,
    "XID_Start": lambda char: char != "_" and char.isidentifier(),
    "XID_Continue": lambda char: ("a" + char).isidentifier(),
}
_ALIASES: Final = {
    "AHex": "ASCII_Hex_Digit",
    "Hex": "Hex_Digit",
    "space": "White_Space",
    "Lower": "Lowercase",
    "Upper": "Uppercase",
    "XIDS": "XID_Start",
    "XIDC": "XID_Continue",
}
_BY_NAME_ONLY: Final = """
Alphabetic Alpha Bidi_Control Bidi_C Bidi_Mirrored Bidi_M Case_Ignorable CI Cased
Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM Changes_When_Lowercased CWL
Changes_When_NFKC_Casefolded CWKCF Changes_When_Titlecased CWT Changes_When_Uppercased CWU Dash
Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji Emoji_Component EComp
Emoji_Modifier EMod Emoji_Modifier_Base EBase Emoji_Presentation EPres Extended_Pictographic ExtPict
Extender Ext Grapheme_Base Gr_Base Grapheme_Extend Gr_Ext IDS_Binary_Operator IDSB
IDS_Trinary_Operator IDST ID_Continue IDC ID_Start IDS Ideographic Ideo Join_Control Join_C
Logical_Order_Exception LOE Math Noncharacter_Code_Point NChar Pattern_Syntax Pat_Syn
Pattern_White_Space Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI Sentence_Terminal
STerm Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo Variation_Selector VS
"""


def is_property(name: str, value: str) -> bool:
    """True for a property, or a property and its value, that ECMA-262 names."""
    if name in ("General_Category", "gc"):
        return value in _CATEGORY_OF
    if name in ("Script", "sc", "Script_Extensions", "scx"):
        return _is_script(value)
    known = name in _CATEGORY_OF or name in _FIXED or name in _BY_METHOD or name in _ALIASES
    return not value and (known or name == "Assigned" or name in _BY_NAME_ONLY.split())


def property_ranges(item: Property) -> Ranges:
    """The members of a property.

    Raises:
        LookupError: its members are not known here.
    """
    ranges = _ranges(item.name, item.value)
    return complement(ranges) if item.negated else ranges


@cache
def _ranges(name: str, value: str) -> Ranges:
    if name in ("Script", "sc"):
        return _script_ranges(value)
    category = _CATEGORY_OF.get(value or name)
    if category is not None:
        return _category_ranges(category)
    if name == "Assigned":
        return complement(_category_ranges("Cn"))
    name = _ALIASES.get(name, name)
    if name in _FIXED:
        return _FIXED[name]
    if name in _BY_METHOD:
        holds = _BY_METHOD[name]
        return union((code, code) for code in range(LAST + 1) if holds(chr(code)))
    raise LookupError(f"the characters of \\p{{{name}{'=' * bool(value)}{value}}} are not known here")


def _category_ranges(category: str) -> Ranges:
    """A two-letter category, or all that share its one letter; LC is the cased letters."""
    by_category = _all_categories()
    wanted = (
        ("Lu", "Ll", "Lt")
        if category == "LC"
        else [name for name in by_category if name.startswith(category)]
    )
    return union(chain.from_iterable(by_category[name] for name in wanted))


@cache
def _all_categories() -> dict[str, list[tuple[int, int]]]:
    r"""One pass over all code points, about 0.1 s, made at the first `\p` of a process."""
    found: dict[str, list[tuple[int, int]]] = {}
    start, current = 0, unicodedata.category("\0")
    for code, category in enumerate(map(unicodedata.category, map(chr, range(LAST + 1)))):
        if category != current:
            found.setdefault(current, []).append((start, code - 1))
            start, current = code, category
    found.setdefault(current, []).append((start, LAST))
    return found


@cache
def _is_script(name: str) -> bool:
    try:
        return bool(name) and name not in _CATEGORY_OF and bool(_script_search(name))
    except ValueError:
        return False


def _script_search(name: str) -> Callable[[bytes], Any]:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(rf"\p{{{name}}}+".encode(), options).finditer
    except re2.error as error:
        raise ValueError(name) from error


@cache
def _script_ranges(name: str) -> Ranges:
    """Every code point but the surrogates is shown to RE2 once; all are in one block, so that one search does."""
    codes = [code for code in range(LAST + 1) if not 0xD800 <= code <= 0xDFFF]
    text = "".join(map(chr, codes))
    found: list[tuple[int, int]] = []
    for match in _script_search(name)(text.encode()):
        run = match.group().decode()
        found.append((ord(run[0]), ord(run[-1])))
    return union(found)
