"""RFC 3339 date-times to microseconds since the epoch, without the leniency of library parsers.

`datetime.fromisoformat` takes week dates, blanks and missing zones; Spark's cast refuses lower-case `t` and `z`.
So the grammar is written out here (RFC 3339, sections 5.6 and 5.7).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final, NamedTuple

from iot_common.engine.events import shorten

_DATE_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?"
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_MICROS: Final = 1_000_000
_DAY_MICROS: Final = 86_400 * _MICROS

EARLIEST_MICROS: Final = (1 - _EPOCH_DAY) * _DAY_MICROS
"""0001-01-01T00:00:00Z: what Python and Spark both can show. RFC 3339 itself also knows the year 0000."""
LATEST_MICROS: Final = (date(9999, 12, 31).toordinal() + 1 - _EPOCH_DAY) * _DAY_MICROS - 1


class ParsedTime(NamedTuple):
    """A text read as a date-time.

    Attributes:
        micros: microseconds since the epoch in UTC, or None where no instant can be given.
        valid: the draft-07 verdict for `format: date-time` (RFC 3339, zone required).
        issue: what is wrong or unusual, empty when nothing is. A valid time can have one: year 0000 is
            good RFC 3339 but no instant that the tables can hold.
    """

    micros: int | None
    valid: bool
    issue: str = ""


_MEMO_LIMIT: Final = 100_000
"""Entries a memo may hold before it is emptied: about 10 MB, and a batch reuses minutes and seconds heavily."""
_minutes: dict[str, int] = {}
_seconds: dict[str, int] = {}


def parse_fast(text: str) -> int | None:
    """Microseconds of a plain valid `YYYY-MM-DDTHH:MM:SS[.fff]Z`; None sends it to `parse_timestamp`.

    Remembers the minute (first 17 characters) and the seconds (the rest) apart, each proven once.
    """
    minute = _minutes.get(text[:17])
    second = _seconds.get(text[17:])
    if minute is not None and second is not None:
        return minute + second
    return _remember(text)


def instant_of(text: str) -> int | None:
    """Microseconds of any text that names an instant, valid or not; None where none does."""
    micros = parse_fast(text)
    return parse_timestamp(text).micros if micros is None else micros


def _remember(text: str) -> int | None:
    parsed = parse_timestamp(text)
    plain = parsed.valid and parsed.micros is not None and text[-1] in "Zz" and text[17:19] != "60"
    if not plain or len(text) > len("2026-01-01T00:00:00.123456789Z"):
        return None
    minute_micros = parse_timestamp(text[:17] + "00Z").micros
    if parsed.micros is None or minute_micros is None:
        return None
    for memo in (_minutes, _seconds):
        if len(memo) >= _MEMO_LIMIT:
            memo.clear()
    _minutes[text[:17]] = minute_micros
    _seconds[text[17:]] = parsed.micros - minute_micros
    return parsed.micros


def parse_timestamp(text: str) -> ParsedTime:
    """Read one RFC 3339 date-time.

    No zone: invalid, yet read as UTC. More than six fraction digits: truncated to microseconds. A leap second
    (only 23:59:60 UTC on the last day of a month, section 5.7) is the instant of the following second.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return ParsedTime(None, False, f"not an RFC 3339 date-time: {shorten(text)}")
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    zulu, sign, offset_hour, offset_minute = match.group(8, 9, 10, 11)
    offset = 0
    if sign is not None:
        if int(offset_hour) > 23 or int(offset_minute) > 59:
            return ParsedTime(None, False, f"offset out of range: {sign}{offset_hour}:{offset_minute}")
        offset = (int(offset_hour) * 60 + int(offset_minute)) * (-1 if sign == "-" else 1)
    day_number = _day_number(year, month, day)
    if day_number is None or hour > 23 or minute > 59 or second > 60:
        return ParsedTime(None, False, f"no such date or time: {shorten(text)}")
    minute_of_epoch = day_number * 1440 + hour * 60 + minute - offset
    if second == 60 and not _may_hold_leap_second(minute_of_epoch):
        return ParsedTime(None, False, "second 60 outside the last minute of a month in UTC")
    fraction = int(((match.group(7) or "") + "000000")[:6])
    micros = (minute_of_epoch * 60 + second) * _MICROS + fraction
    return _with_verdict(micros, has_zone=zulu is not None or sign is not None)


def _with_verdict(micros: int, *, has_zone: bool) -> ParsedTime:
    if not EARLIEST_MICROS <= micros <= LATEST_MICROS:
        return ParsedTime(None, has_zone, "outside the years 0001 to 9999 in UTC")
    return ParsedTime(micros, True) if has_zone else ParsedTime(micros, False, "no zone; read as UTC")


def _day_number(year: int, month: int, day: int) -> int | None:
    """Days since the epoch; year 0000 (a leap year of the proleptic calendar) by its 400-year cycle."""
    try:
        if year == 0:
            return date(400, month, day).toordinal() - 146_097 - _EPOCH_DAY
        return date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def _may_hold_leap_second(minute_of_epoch: int) -> bool:
    day_number, minute_of_day = divmod(minute_of_epoch, 1440)
    if minute_of_day != 1439:
        return False
    ordinal = day_number + 1 + _EPOCH_DAY
    return ordinal > date.max.toordinal() or ordinal < 1 or date.fromordinal(ordinal).day == 1
