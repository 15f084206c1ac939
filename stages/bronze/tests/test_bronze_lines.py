"""Splitting landing objects into lines: exact bytes, whatever state the object is in."""

import gzip
import io
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from iot_bronze.lines import Line, count_lines, split_object

LIMIT = 20


class _KeptSink(io.BytesIO):
    def __init__(self, kept: dict[int, bytes], number: int) -> None:
        super().__init__()
        self.kept, self.number = kept, number

    def close(self) -> None:
        if not self.closed:
            self.kept[self.number] = self.getvalue()
        super().close()


def lines_of(content: bytes, limit: int = LIMIT) -> tuple[list[Line], dict[int, bytes]]:
    kept: dict[int, bytes] = {}
    return list(split_object(content, limit, lambda number: _KeptSink(kept, number))), kept


def payloads(content: bytes) -> list[bytes | None]:
    return [line.payload for line in lines_of(content)[0]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"\n\n", [b"", b""]),
        (b"a\r\nb\r\n", [b"a\r", b"b\r"]),  # a carriage return is a byte of the line
        (b"a\rb\x0bc\xe2\x80\xa8d\n", [b"a\rb\x0bc\xe2\x80\xa8d"]),  # nothing else ends a line
        (b"\xff\xfe\x00\n", [b"\xff\xfe\x00"]),
    ],
)
def test_splits_at_newlines_only_and_keeps_every_other_byte(content: bytes, expected: list[bytes]) -> None:
    assert payloads(content) == expected


@given(st.lists(st.binary(max_size=LIMIT).filter(lambda part: b"\n" not in part), max_size=30), st.booleans())
def test_any_bytes_come_back_from_plain_gzip_and_zstd_alike(parts: list[bytes], ends: bool) -> None:
    plain = b"\n".join(parts) + (b"\n" if ends and parts else b"")
    prefixed = b"first\n" + plain  # so that random bytes are not taken for a compressed object
    expected = prefixed.split(b"\n")
    if expected[-1] == b"":
        expected.pop()
    for content in (prefixed, gzip.compress(prefixed, mtime=0), zstandard.compress(prefixed)):
        assert payloads(content) == expected
        assert count_lines(content) == len(expected)


def test_numbers_lines_from_one_over_concatenated_gzip_members() -> None:
    content = gzip.compress(b"a\nb\n", mtime=0) + gzip.compress(b"c\n", mtime=0)
    assert [(line.number, line.payload) for line in lines_of(content)[0]] == [(1, b"a"), (2, b"b"), (3, b"c")]


def test_concatenated_zstd_frames_are_one_object() -> None:
    assert payloads(zstandard.compress(b"a\nb") + zstandard.compress(b"c\nd\n")) == [b"a", b"bc", b"d"]


def test_a_format_is_told_by_its_bytes_not_by_a_name() -> None:
    assert payloads(b"not gzip at all\n") == [b"not gzip at all"]


def test_a_line_over_the_limit_goes_to_the_sink_whole() -> None:
    lines, kept = lines_of(b"ok\n" + b"x" * 50 + b"\nok\n")
    assert [(line.payload, line.payload_bytes, line.defect) for line in lines] == [
        (b"ok", 2, None),
        (None, 50, "OVERSIZE"),
        (b"ok", 2, None),
    ]
    assert kept == {2: b"x" * 50}


def test_a_line_at_the_limit_stays_in_the_row() -> None:
    assert lines_of(b"x" * LIMIT + b"\n")[0] == [Line(1, b"x" * LIMIT, LIMIT)]


def test_a_truncated_gzip_gives_its_whole_lines_and_the_broken_one() -> None:
    plain = b"".join(b"%d\n" % number for number in range(5000))
    lines, _ = lines_of(gzip.compress(plain, mtime=0)[:-2000])
    *whole, broken = lines
    assert len(whole) > 100
    assert [line.payload for line in whole] == plain.split(b"\n")[: len(whole)]
    assert broken.defect == "TRUNCATED"
    assert plain.split(b"\n")[len(whole)].startswith(broken.payload or b"")


def test_a_truncated_zstd_says_so() -> None:
    lines, _ = lines_of(zstandard.compress(b"a\nb\n")[:-3])
    assert lines[-1].defect == "TRUNCATED"


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_corrupt_object_ends_with_a_line_that_says_so(compress: Callable[[bytes], bytes]) -> None:
    whole = compress(b"".join(b"%d\n" % number for number in range(5000)))
    lines, _ = lines_of(whole[:12] + b"\xff" * 40 + whole[60:])
    assert lines[-1].defect in ("UNDECODABLE", "TRUNCATED")


def test_bytes_after_the_last_gzip_member_are_a_defect() -> None:
    lines, _ = lines_of(gzip.compress(b"a\n", mtime=0) + b"garbage")
    assert [(line.payload, line.defect) for line in lines] == [(b"a", None), (b"", "UNDECODABLE")]


def test_zero_padding_after_the_last_gzip_member_is_no_line() -> None:
    assert payloads(gzip.compress(b"a\n", mtime=0) + b"\0" * 512) == [b"a"]


@pytest.mark.parametrize(
    "content",
    [
        b"a\nb",
        gzip.compress(b"a\nb\n", mtime=0),
        gzip.compress(b"".join(b"%d\n" % n for n in range(999)), mtime=0)[:-300],
        gzip.compress(b"a\n", mtime=0) + b"garbage",
        zstandard.compress(b"a\nb")[:-2],
        b"\x1f\x8b",
    ],
)
def test_lines_are_counted_apart_and_agree_with_the_rows(content: bytes) -> None:
    assert count_lines(content) == len(lines_of(content)[0])


def test_a_decompression_bomb_is_read_in_pieces() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=1, mtime=0)
    sizes: list[int] = []

    class Measuring:
        def write(self, piece: bytes) -> None:
            sizes.append(len(piece))

        def close(self) -> None: ...

    (line,) = split_object(bomb, LIMIT, lambda _: Measuring())
    assert line.payload_bytes == sum(sizes) == 200_000_000
    assert max(sizes) <= 1 << 20
